"""A made-up brand of home, garden and outdoor things: briefs with the copy approved for them, and its voice guide, from a seed.

    python3 run.py sample --pairs 1200 --to FOLDER

The copy comes from tables of sentences (sample_copy/*.json): what there is to say of each thing, in three ways each, and how
messages of a kind are built. What makes real pairs hard is put in on purpose: copy that people edited, with the version before,
copy that they rejected and why, lengths by channel, facts that stand in the brief alone.
"""

from __future__ import annotations

import datetime
import json
import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from core.assets.sample import Words
from core.errors import InputError
from core.whole import write_whole
from core.write.likeness import Copies

TABLES = Path(__file__).resolve().parent / "sample_copy"
BRAND = "Ottermoor"
REJECTED, EDITED = 0.06, 0.16
AUDIENCE, LEGAL = 0.75, 0.06  # briefs that say whom the copy is for; that ask for a guarantee with its legal line
TAIL = 0.7  # of the places for a closing word that are filled
FIRST, DAYS = datetime.date(2026, 2, 2), 270  # when copy was written: nine months
CURRENCY = {"UK": "£", "IE": "€", "NL": "€"}
MARKETS = ("UK", "UK", "UK", "IE", "NL")
LEGAL_LINE = "Terms apply."
RUN = 12  # words: the brand says a good line of a thing again
GUARANTEE = "guaranteed for 5 years"
GUARANTEES = (
    f"Guaranteed for 5 years. {LEGAL_LINE}",
    f"5 years of guarantee on it. {LEGAL_LINE}",
    f"We guarantee it for 5 years. {LEGAL_LINE}",
)
BANNED = (
    "amazing",
    "must-have",
    "game-changer",
    "hurry",
    "luxury",
    "unique",
    "perfect",
    "cheap",
    "revolutionary",
    "stunning",
)
CLAIMS = ("guarantee", "best", "lowest price", "sustainable", "eco-friendly", "number one", "no. 1")
TRIES = 40  # copy that is nearly another one is made anew so often

COLUMNS = ["brief", "copy", "status", "first_version", "reason", "channel", "market", "writer", "date"]


@dataclass
class Message:
    """One message before it is written: the thing it is about, what is to be said of it, and the facts that copy may state."""

    purpose: str
    channel: str
    market: str
    tone: str
    thing: dict[str, Any]
    says: list[str]
    audience: str
    written: datetime.date
    facts: dict[str, str] = field(default_factory=dict)
    ask: str = ""
    legal: bool = False


@cache
def tables() -> dict[str, Any]:
    """What there is to sell, to offer and to visit, and how messages are built."""
    read = {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(TABLES.glob("*.json"))}
    return read | read.pop("brand")


def guide() -> dict[str, Any]:
    """The brand's voice guide, as the file of a guide has it."""
    return {
        "channels": {name: channel["most"] for name, channel in tables()["channels"].items()},
        "banned": list(BANNED),
        "claims": list(CLAIMS),
        "run": RUN,
        "legal_line": LEGAL_LINE,
        "exclamation_marks": 0,
        "capitals": 0,
    }


def _pick(dice: random.Random, options: Any) -> Any:
    return options[int(dice.random() * len(options))]


# --- what a message is about --------------------------------------------------------------------------------------


def _message(dice: random.Random) -> Message:
    there = tables()
    purpose = _shared(dice, {name: one["share"] for name, one in there["purposes"].items()})
    thing = _pick(dice, there[there["purposes"][purpose]["of"]])
    channel, market = _pick(dice, list(there["channels"])), _pick(dice, MARKETS)
    size = there["channels"][channel]["size"]
    says = sorted(thing["points"], key=lambda _: dice.random())[: 1 if size == "short" else 2]
    audience = _pick(dice, [*thing["for"], *thing["people"]]) if dice.random() < AUDIENCE else ""
    written = FIRST + datetime.timedelta(days=int(dice.random() * DAYS))
    written -= datetime.timedelta(days=max(0, written.weekday() - 4))  # on a weekday
    message = Message(purpose, channel, market, _pick(dice, list(there["tones"])), thing, says, audience, written)
    message.legal = there["purposes"][purpose]["of"] == "goods" and size == "long" and dice.random() < 4 * LEGAL
    if message.legal:
        message.says[1:] = [GUARANTEE]
    message.facts = _facts(dice, message)
    message.ask = SLOT.sub(lambda slot: message.facts[slot[1]], _pick(dice, there["purposes"][purpose]["asks"]))
    return message


def _shared(dice: random.Random, shares: dict[str, float]) -> str:
    draw = dice.random() * sum(shares.values())
    for name, share in shares.items():
        draw -= share
        if draw < 0:
            return name
    return name


SLOT = re.compile(r"\{(\w+)\}")


def _facts(dice: random.Random, message: Message) -> dict[str, str]:
    there, currency = tables(), CURRENCY[message.market]
    day = message.written + datetime.timedelta(days=7 + int(dice.random() * 28))
    price = max(5, message.thing["price"] - int(dice.random() * 4) * 5)
    month = there["seasons"][str(message.written.month)]
    return {
        "date": f"{day.day} {day:%B}",
        "price": f"{currency}{price}",
        "was": f"{currency}{price + 5 + 5 * int(dice.random() * max(1, price // 20))}",
        "off": f"{_pick(dice, (10, 15, 20, 25, 30))} %",
        "code": _pick(dice, there["codes"]),
        "fee": f"{currency}{message.thing['price']}" if message.thing["price"] else "free entry",
        "place": _pick(dice, there["places"]),
        "season": _pick(dice, month),
        "occasion": _pick(dice, there["occasions"]),
    }


# --- its brief and its copy ---------------------------------------------------------------------------------------


def _brief(message: Message) -> str:
    lines = [
        f"{BRAND}, {message.channel}, {message.purpose}",
        f"Product: {message.thing['name']}",
        f"For: {message.audience}" if message.audience else "",
        f"Say: {'; '.join(message.says)}",
        f"Ask: {message.ask}",
        f"Legal: {LEGAL_LINE}" if message.legal else "",
        f"Tone: {message.tone}" if message.tone != "plain" else "",
    ]
    return "\n".join(filter(None, lines))


def _copy(dice: random.Random, message: Message) -> str:
    """Copy for the brief, within its channel's length; "" where this draw is too long."""
    there = tables()
    channel = there["channels"][message.channel]
    templates = [one for one in there["purposes"][message.purpose][channel["size"]] if _can(one, message)]
    ways = [GUARANTEES if say == GUARANTEE else message.thing["points"][say] for say in message.says]
    lines = [_pick(dice, some) for some in ways]
    tail = _pick(dice, there["tones"][message.tone]) if dice.random() < TAIL else ""
    fixed = {
        "line": lines[0],
        "line2": lines[-1] if len(lines) > 1 else "",
        "tail": tail,
        "product": message.thing["name"],
        "noun": message.thing["noun"],
        "for": message.audience,
        "people": message.audience,
        "deal": _deal(dice, message),
        **message.facts,
    }
    text = Words(dice, [], fixed).sentence(templates)
    text = re.sub(r"\b([Aa]) (?=[aeio])", r"\1n ", re.sub(r"\s+", " ", text)).strip()
    if message.legal and LEGAL_LINE not in text:
        text = f"{text} {lines[-1]}"
    return text if len(text) <= channel["most"] else ""


def _can(template: str, message: Message) -> bool:
    """Whether the brief has what a template needs."""
    wanted = set(SLOT.findall(template))
    stated = {name for name, words in message.facts.items() if words in message.ask}
    free = {"line", "line2", "tail", "product", "noun", "deal"}
    if "for" in wanted and not message.audience:
        return False
    if "people" in wanted and message.audience not in message.thing["people"]:
        return False
    return wanted - {"for", "people"} <= free | stated


def _deal(dice: random.Random, message: Message) -> str:
    ask, facts = message.ask, message.facts
    if facts["was"] in ask:
        return _pick(dice, (facts["price"], f"{facts['price']}, not {facts['was']}", f"down to {facts['price']}"))
    if facts["off"] in ask:
        with_code = f" with {facts['code']}" if facts["code"] in ask else ""
        return f"{facts['off']} off{with_code}"
    return facts["price"]


# --- what people made of it ---------------------------------------------------------------------------------------


def _shouts(dice: random.Random, message: Message, text: str) -> str:
    return text.replace(".", "!")


def _praises(dice: random.Random, message: Message, text: str) -> str:
    word = _pick(dice, BANNED[:1] + BANNED[4:7] + BANNED[8:])
    name = message.thing["name"]
    if f"the {name}" in text:
        return text.replace(f"the {name}", f"the {word} {name}", 1)
    return f"{text} {'An' if word[0] in 'aeiou' else 'A'} {word} {message.thing['noun']}."


def _presses(dice: random.Random, message: Message, text: str) -> str:
    return f"{text} {_pick(dice, ('Hurry, while they last.', 'A real must-have.', 'A game-changer at home.'))}"


def _claims(dice: random.Random, message: Message, text: str) -> str:
    return f"{_pick(dice, ('The best there is.', 'Simply the best.', 'Sustainable through and through.'))} {text}"


def _overstates(dice: random.Random, message: Message, text: str) -> str:
    there = re.search(r"[£€]\d+", text)
    wrong = f"{CURRENCY[message.market]}{message.thing['price'] + 6}"
    return text.replace(there[0], wrong) if there else f"{text} Now {wrong}."


def _promises(dice: random.Random, message: Message, text: str) -> str:
    return f"{text} {_pick(dice, ('Delivered within 24 hours.', 'Over 2,000 sold.', 'Only 12 left.'))}"


def _strays(dice: random.Random, message: Message, text: str) -> str:
    other = _pick(dice, [one for one in tables()["goods"] if one is not message.thing])
    return _pick(dice, other["points"][_pick(dice, list(other["points"]))]) + f" The {other['name']}."


def _says_nothing(dice: random.Random, message: Message, text: str) -> str:
    return _pick(
        dice,
        ("Quality you can feel, every day.", "Because you deserve it.", "Live better with us.", "Discover more today."),
    )


Flaw = Callable[[random.Random, Message, str], str]
FLAWS: dict[str, Flaw] = {
    "Shouts: the guide has no exclamation marks.": _shouts,
    "Uses a word that the guide bans.": _praises,
    "Presses people; the guide bans such words.": _presses,
    "Claims something without the legal line.": _claims,
    "The price is not the brief's.": _overstates,
    "States a number that the brief does not.": _promises,
    "Is about another product.": _strays,
    "Says nothing of what the brief asks for.": _says_nothing,
}
MENDED = (_shouts, _praises, _presses, _claims)  # what an edit takes out again


def _written(dice: random.Random, there: Copies | None, message: Message) -> str:
    """Copy that fits its channel and is not nearly one that is there; "" where none comes about."""
    for _ in range(TRIES):
        text = _copy(dice, message)
        if text and not (there and there.near(text)):
            return text
    return ""


def generate(rows: int = 1200, seed: int = 7) -> pd.DataFrame:
    """`rows` pairs of the seed, oldest first; the same for the same arguments everywhere. Columns: COLUMNS, text throughout.

    Raises InputError for fewer than one row.
    """
    if rows < 1:
        raise InputError(f"{rows} pairs cannot be made.", "Ask for one or more.")
    dice = random.Random(seed)
    made: dict[str, dict[str, str]] = {}
    texts: dict[str, list[str]] = {}
    failed = 0
    while len(made) < rows:
        message = _message(dice)
        brief = _brief(message)
        earlier = texts.setdefault(message.thing["name"], [])
        text = _written(dice, Copies(earlier) if earlier else None, message)
        if not text or brief in made:
            failed += 1
            if failed > 20 * rows:
                raise InputError(f"Only {len(made):,} different pairs can be made.", "Ask for fewer.")
            continue
        earlier.append(text)
        made[brief] = _decided(dice, message, text) | {"brief": brief}
    return pd.DataFrame(made.values())[COLUMNS].sort_values("date", kind="stable").reset_index(drop=True)


def _decided(dice: random.Random, message: Message, text: str) -> dict[str, str]:
    """The row of a message: approved as it came, edited, or rejected with the reason."""
    lot, writer = dice.random(), _pick(dice, tables()["writers"])
    row = {"copy": text, "status": "approved", "first_version": "", "reason": ""}
    if lot < REJECTED:
        reason = _pick(dice, list(FLAWS))
        row |= {"copy": FLAWS[reason](dice, message, text), "status": "rejected", "reason": reason}
    elif lot < REJECTED + EDITED:
        row |= {"status": "edited", "first_version": _pick(dice, MENDED)(dice, message, text)}
    return row | {
        "channel": message.channel,
        "market": message.market,
        "writer": writer,
        "date": message.written.isoformat(),
    }


def write(folder: Path, rows: int = 1200, seed: int = 7) -> tuple[Path, Path]:
    """Write pairs.csv (UTF-8, \\n) and voice-guide.json into `folder`, made if missing; returns both paths.

    Raises InputError for fewer than one row, OSError where the folder cannot be written.
    """
    table = generate(rows, seed)
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / "pairs.csv", table.to_csv(index=False, lineterminator="\n"))
    write_whole(folder / "voice-guide.json", json.dumps(guide(), indent=2, ensure_ascii=False) + "\n")
    return folder / "pairs.csv", folder / "voice-guide.json"
