"""How often the short list of a large taxonomy holds the right category, on public sets set among an IAB taxonomy's categories.

    python -m tests.bench.short_list [--rows 1000]

Short lists are made by the product (core/label/asking.py) from names and descriptions alone, as before any label is known.
"repair" is the longer list of the repair turn, which is asked where a model says that nothing on the short one fits.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import asdict

import pandas as pd

from core import taxonomy
from core.evaluate.agreement import share
from core.label.asking import Asking
from core.label.prompts import Prompt
from core.taxonomy import Category, StoredCategory
from core.wires.connections import Connection
from core.wires.wire import Params
from tests.conftest import SHARED

IAB = {"ad product": "iab_ad_product_taxonomy_2.0.tsv", "content": "iab_content_taxonomy_3.1.tsv"}
SIZES = (10, 20, 40, 80)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1000)
    rows = parser.parse_args().rows
    params = Params(shortlist_over=20)
    connection = Connection(0, 0, "Local", "openai", None, "model-of-mine", "", params)
    sizes = "".join(f"{f'top {size}':>9}" for size in SIZES)
    print(
        f"{'texts':<16}{'among':<14}{'categories':>11}{sizes}{'repair':>9}   with parents, top {params.shortlist}; ms a text"
    )
    for name in ("banking77", "pitt_image_ads"):
        test = pd.read_csv(SHARED / name / "test.csv").sample(rows, random_state=0)
        for among in (None, *IAB):
            known = stored(own(name), others(among))
            asking = Asking(connection, known, Prompt(0, "", 0, ""))
            place = {category.name: at for at, category in enumerate(asking.categories[: len(own(name))])}
            right = [place[label] for label in test.label]
            hits = {
                size: sum(one in asking.shortlist(text, size) for one, text in zip(right, test.text)) / rows
                for size in (*SIZES, 3 * params.shortlist)
            }
            started = time.perf_counter()
            found = [one in asking.shortlist(text) for one, text in zip(right, test.text)]
            each = 1000 * (time.perf_counter() - started) / rows
            seen = share(pd.Series(found).to_numpy())
            shown = "".join(f"{hits[size]:>9.3f}" for size in (*SIZES, 3 * params.shortlist))
            print(
                f"{name:<16}{among or 'itself':<14}{len(asking.categories):>11}{shown}   {seen.value:.3f} "
                f"({seen.low:.3f}-{seen.high:.3f}); {each:.1f}"
            )


def own(name: str) -> list[Category]:
    """A public set's categories, called as its rows call them."""
    if name == "banking77":
        labels = sorted(pd.read_csv(SHARED / name / "train.csv").label.unique())
        return [Category(label=label, name=label) for label in labels]
    table = pd.read_csv(SHARED / name / "labels.csv")
    used = set(pd.read_csv(SHARED / name / "train.csv").label) | set(pd.read_csv(SHARED / name / "test.csv").label)
    column = next(column for column in ("label", "short") if used <= set(table[column]))
    return [
        Category(label=row[column], name=row[column], description=row["definition"])
        for row in table.to_dict("records")
        if row[column] in used
    ]


def others(among: str | None) -> list[Category]:
    """An IAB taxonomy's categories, none without one."""
    return taxonomy.read(SHARED / "taxonomies" / IAB[among]).categories if among else []


def stored(mine: list[Category], more: list[Category]) -> list[StoredCategory]:
    """Both with ids, parents found by label within their own."""
    ids = {category.label: at for at, category in enumerate(more, len(mine) + 1)}
    first = [StoredCategory(**asdict(one), id=at, position=at) for at, one in enumerate(mine, 1)]
    return first + [
        StoredCategory(**asdict(one), id=ids[one.label], parent_id=ids.get(one.parent), position=ids[one.label])
        for one in more
    ]


if __name__ == "__main__":
    main()
