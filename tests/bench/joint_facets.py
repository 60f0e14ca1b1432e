"""What asking for several facets in one call saves: tokens and dollars at 1, 2, 4 and 8 facets, against calls of their own.

    python -m tests.bench.joint_facets [--assets 40] [--words 25 150 400]

Every label is really bought, together and then alone, from a server on a real port that charges as hosted models do: for the
instructions, the turns and the answer's schema, in tokens of the packaged encoder's tokenizer (WordPiece, 30,522 pieces). An asset
is made of the sample client's copy, as often as it takes for so many words: 25 are a headline, a line and a call to action, 150 an
ad with the words in its picture, 400 the script of a video or the page behind the ad. Facets are those that tools for creatives
ask for, 5 to 9 values each by name alone. No prompt cache, one price.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import tempfile
from pathlib import Path

from tokenizers import Tokenizer

from core import database, settings, tasks, taxonomy
from core.label import labelling
from core.label.forecast_joint import forecast_together
from core.label.spending import DRY_RUN
from core.taxonomy import Category
from core.weights import source_folder
from core.wires import connections
from core.wires.wire import OwnPrice, Params
from tests import small
from tests.wires.servers import Call, Server, Text, steady

PRICE = OwnPrice(0.40, 1.60)  # USD per million tokens, of a small hosted model
FACETS = {
    "Hook": "Question, Bold claim, Statistic, Story, Problem, Testimonial, Curiosity",
    "Format": "Static image, Carousel, Video, UGC, Animation, Text only",
    "Offer": "Percent off, Money off, Free shipping, Gift, Bundle, Free trial, No offer",
    "Call to action": "Shop now, Learn more, Sign up, Download, Book, Contact, None",
    "Funnel stage": "Awareness, Consideration, Purchase, Loyalty, Win back",
    "Tone": "Playful, Serious, Warm, Urgent, Luxurious, Informative",
    "Audience": "Parents, Students, Professionals, Retirees, Gamers, Athletes, Pet owners, Everyone",
    "Season": "Spring, Summer, Autumn, Winter, Easter, Black Friday, Christmas, Valentine's Day, None",
}
COUNTS = (1, 2, 4, 8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--assets", type=int, default=40)
    parser.add_argument("--words", type=int, nargs="+", default=[25, 150, 400])
    args = parser.parse_args()
    count = Tokenizer.from_file(str(source_folder() / "tokenizer.json"))
    count.no_truncation()
    count.no_padding()
    print(f"{'words':>6}{'facets':>7}{'tokens an asset':>26}{'':>8}{'USD per 1,000 assets':>24}{'':>14}")
    print(f"{'':>6}{'':>7}{'together':>13}{'apart':>13}{'share':>8}{'together':>12}{'apart':>12}{'forecast':>14}")
    for words in args.words:
        _measure(count, args.assets, words)


def _measure(count: Tokenizer, assets: int, words: int) -> None:
    """Buy the labels of so many assets of `words` words, together and apart, and print what they took."""

    def tokens(text: str) -> int:
        return len(count.encode(text, add_special_tokens=False).ids)

    def script(call: Call) -> Text:
        said = steady(call)
        asked = [call.system, *(text for _, text in call.turns), json.dumps(call.schema, separators=(",", ":"))]
        return Text(said, tokens_in=sum(map(tokens, asked)) + 4 * len(asked), tokens_out=tokens(said))

    with tempfile.TemporaryDirectory() as folder, Server(script, keep_calls=False) as server:
        os.environ["UNDERSTUDY_HOME"] = folder
        db = database.connect()
        rows = [{"id": f"A{n}", "text": text, "label": "Sale"} for n, text in enumerate(_texts(assets, words))]
        client = small.fill(db, Path(folder) / "files", rows).client_id
        params = Params(price=PRICE, concurrency=8)
        connections.save(db, client, "Local", "openai", "model-of-mine", base_url=server.url, params=params)
        facets = [_facet(db, client, name) for name in FACETS]
        wanted = db.execute("select count(*) from assets where group_id = id").fetchone()[0]

        def bought(*together: list[tasks.Task]) -> tuple[int, float]:
            """Tokens and USD of labels bought so, each asked for anew."""
            for table in ("labels", "kept_replies"):
                db.execute(f"delete from {table}")
            before = server.billed_in, server.billed_out
            for asked in together:
                labelling.label_together(db, asked, "connection:Local", budget_usd=100.0)
            tokens_in, tokens_out = server.billed_in - before[0], server.billed_out - before[1]
            usd = (tokens_in * PRICE.input_usd_mtok + tokens_out * PRICE.output_usd_mtok) / 1e6
            return tokens_in + tokens_out, usd

        for number in COUNTS:
            asked = facets[:number]
            apart = bought(*([one] for one in asked))
            together = bought(asked)
            db.execute("delete from labels")
            labelling.label_together(db, asked, "connection:Local", budget_usd=100.0, limit=min(DRY_RUN, wanted // 2))
            told = forecast_together(db, asked, "connection:Local")
            shares = [f"{one[0] / wanted:>13,.0f}" for one in (together, apart)]
            dear = [f"{1000 * one[1] / wanted:>12.3f}" for one in (together, apart)]
            print(
                f"{words:>6}{number:>7}{''.join(shares)}{together[0] / apart[0]:>8.1%}{''.join(dear)}"
                f"{1 - told.saved_tokens:>14.1%}"
            )


def _facet(db: database.Database, client_id: int, name: str) -> tasks.Task:
    task = tasks.add(db, client_id, name)
    taxonomy.save(db, task, [Category(label=one, name=one) for one in FACETS[name].split(", ")], "facets.csv")
    return task


def _texts(assets: int, words: int) -> list[str]:
    """Texts of so many words, of the sample client's copy."""
    with (settings.SAMPLE / "assets.csv").open(encoding="utf-8", newline="") as file:
        copy = [" ".join((row["headline"], row["body"], row["cta"])) for row in csv.DictReader(file)]
    dice, made = random.Random(1), []
    for _ in range(assets):
        said: list[str] = []
        while len(said) < words:
            said += dice.choice(copy).split()
        made.append(" ".join(said[:words]))
    return made


if __name__ == "__main__":
    main()
