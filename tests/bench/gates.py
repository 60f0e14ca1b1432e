"""What the gates stop of faults planted in real copy, and what they stop of copy that people approved.

    python -m tests.bench.gates PAIRS --brief-columns source --copy-column target

Forty faults of each kind (an invented price, an invented date, another brand, a banned word in another form, a copied line) and a
hundred near copies (a word of an approved line exchanged or added), in copy of pairs that are not known to the gates. Ranks by
what a text is about are left out: they need the sentence encoder and plant nothing.
"""

from __future__ import annotations

import argparse
import json
import random
from collections import Counter
from pathlib import Path

import numpy as np

from core.assets.duplicates import normal_form
from core.tables.problems import Problems
from core.write import gates, pairs, slots, training
from core.write.base import PACKAGED
from core.write.guide import Guide, Span
from core.write.known import Known

FAULTS, NEAR, KNOWN = 40, 100, 2_000
BANNED = ("cheap", "crazy", "dominate", "lazy", "smash")
FORMS = ("cheaper", "craziest", "dominating", "lazily", "smashed")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pairs", type=Path)
    parser.add_argument("--brief-columns", required=True)
    parser.add_argument("--copy-column", required=True)
    parser.add_argument("--seed", type=int, default=7, help="another one deals, and plants, otherwise")
    parser.add_argument(
        "--show",
        action="store_true",
        help="also the approved copy that is stopped, with why, and the faults that are not",
    )
    args = parser.parse_args()
    columns = args.brief_columns.split(",")
    table = pairs.opened(args.pairs, [*columns, args.copy_column])
    rows = [dict(zip(table.columns, cells)) for _, cells in table.records(Problems())]
    told = [(pairs.brief_of(row, columns), row[args.copy_column].strip()) for row in rows]
    print(json.dumps(measure([pair for pair in told if all(pair)], args.seed, args.show), ensure_ascii=False, indent=2))


def measure(told: list[tuple[str, str]], seed: int = 7, show: bool = False) -> dict:
    """Shares of faults stopped, by kind, and of approved copy stopped, by gate and in all."""
    dice = random.Random(seed)
    briefs = list(dict.fromkeys(brief for brief, _ in told))
    dice.shuffle(briefs)
    held_briefs = set(briefs[: len(briefs) // 5])
    known = [pair for pair in told if pair[0] not in held_briefs][:KNOWN]
    held = [pair for pair in told if pair[0] in held_briefs]
    dice.shuffle(held)
    there = Known(
        [b for b, _ in known],
        [c for _, c in known],
        np.zeros((len(known), 1), np.float32),
        100,
        training.common_words(PACKAGED),
    )
    longest = max(len(copy) for _, copy in known)
    rules = Guide(banned=BANNED, characters=Span(most=round(1.25 * longest)))
    human = [stopped(brief, copy, rules, there) for brief, copy in held[:1_000]]
    clean = [pair for pair, found in zip(held, human) if not found]
    planted = {kind: [make(n, *clean[n], known, dice) for n in range(FAULTS)] for kind, make in MAKERS.items()}
    planted["near copy"] = [near_copy(clean[n][0], known, dice) for n in range(NEAR)]
    by_gate = Counter(name for found in human for name in found)
    shown = [f"{b} | {c} | {found}" for (b, c), found in zip(held, human) if found]
    missed = [
        f"{kind} | {b} | {c}" for kind, some in planted.items() for b, c in some if not stopped(b, c, rules, there)
    ]
    return {
        **({"stopped_copy": shown, "missed": missed} if show else {}),
        "stopped": {kind: sum(bool(stopped(*one, rules, there)) for one in some) / len(some) for kind, some in planted.items()},
        "false_stops": {name: count / len(human) for name, count in by_gate.items()},
        "approved_copy_stopped": sum(map(bool, human)) / len(human),
        "approved_copies": len(human),
    }  # fmt: skip


def stopped(brief: str, text: str, rules: Guide, there: Known) -> dict[str, str]:
    case = gates.Case(text, slots.put(text, brief), brief, rules, there, 1)
    return {one.name: one.why for one in gates.find(case) if not one.passed}


def other_brand(n: int, brief: str, copy: str, known: list, dice: random.Random) -> tuple[str, str]:
    brands = [name for one, _ in known if len(name := slots.brand(one)) > 3 and name.casefold() not in brief.casefold()]
    return brief, f"{copy.rstrip('.!')}, unlike {dice.choice(brands)}."


def near_copy(brief: str, known: list, dice: random.Random) -> tuple[str, str]:
    words = dice.choice([copy for _, copy in known if len(copy.split()) >= 5]).split()
    at = dice.randrange(len(words))
    changed = [*words[:at], "now", *words[at:]] if dice.random() < 0.5 else [*words[:at], "your", *words[at + 1 :]]
    return brief, " ".join(changed)


MAKERS = {
    "invented price": lambda n, brief, copy, known, dice: (brief, f"{copy} Only ${n + 3}.{n:02d}."),
    "invented date": lambda n, brief, copy, known, dice: (brief, f"{copy} Until {n % 28 + 1} June."),
    "other brand": other_brand,
    "banned word": lambda n, brief, copy, known, dice: (brief, f"{copy} {FORMS[n % 5].capitalize()} every day."),
    "copied line": lambda n, brief, copy, known, dice: (brief, normal_form(dice.choice(known)[1]).capitalize() + "!"),
}


if __name__ == "__main__":
    main()
