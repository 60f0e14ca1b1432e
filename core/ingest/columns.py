"""Which column holds what, guessed from its name and, where no name helps, from its contents.

Names are compared squashed (letters and digits, one case). The lists run from the surest name to the vaguest: the first
name of a list that a file has wins the role. Text is the exception: every column with a text name belongs to it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

from core.ingest.files import squash


def _names(words: str) -> tuple[str, ...]:
    return tuple(words.split())


ASSET_NAMES: dict[str, tuple[str, ...]] = {
    "id": _names(
        "assetid creativeid adid externalid itemid placementid uniqueid adcreativeid uuid uid id assetkey key assetcode code"
    ),
    "gold": _names(
        "goldlabel gold humanlabel goldcategory truelabel groundtruth truth expectedlabel expected reviewedlabel approvedlabel"
        " correctlabel correctcategory manuallabel manualcategory humancategory"
    ),
    "label": _names(
        "recordedlabel teacherlabel llmlabel modellabel ailabel gptlabel predictedlabel predictedcategory prediction label labels"
        " category categoryname iabcategory class classification topic intent tag"
    ),
    "confidence": _names(
        "confidence recordedconfidence labelconfidence teacherconfidence llmconfidence modelconfidence conf certainty probability"
        " prob score labelscore"
    ),
    "tokens_in": _names("tokensin prompttokens inputtokens tokensprompt tokensinput intokens tokenin recordedtokensin"),
    "tokens_out": _names(
        "tokensout completiontokens outputtokens tokenscompletion tokensoutput outtokens tokenout recordedtokensout"
    ),
    "latency_ms": _names(
        "latencyms latencys latencyseconds latencysec latencysecs latency responsetimems responsetimes responsetimeseconds"
        " durationms elapsedms elapsedseconds recordedlatencyms recordedlatencys recordedlatency responsetime latencymillis"
        " latencymilliseconds"
    ),
    "family": _names(
        "conceptid concept parentcreative parentcreativeid parentid creativegroup masterid master variantof translationof sourceid"
        " utteranceid campaignid campaign campaignname adgroupid adgroup adgroupname"
    ),
    "split": _names("split datasplit dataset set fold partition subset"),
}
DURATIONS = _names("durationseconds durations durationsec duration seconds elapsed elapsedtime")
TEXT_NAMES = frozenset(
    _names(
        "text headline longheadline shortheadline title adtitle body bodytext bodycopy copy adcopy adtext primarytext maintext"
        " description caption cta calltoaction message content tagline slogan script transcript voiceover ocr ocrtext creativetext"
        " creative fulltext statement utterance query question post comment subject subjectline dialogue sentence review summary"
    )
)
TAXONOMY_NAMES: dict[str, tuple[str, ...]] = {
    "name": _names(
        "name categoryname subcategory label labelname topicname category topic title class segment intent term node value"
    ),
    "parent": _names(
        "parentid parent parentname parentcategory parentcategoryid parentlabel parentuniqueid parentkey parenttopic broader group"
        " category topic supercategory"
    ),
    "description": _names(
        "description definition desc meaning explanation scopenote note notes details guidance instructions"
    ),
    "examples": _names("examples example sampletexts sampletext samples sample exampletexts exampleads keywords"),
    "key": _names("uniqueid id key categoryid code categorycode nodeid iabid uid slug labelid"),
}
KNOWN_ASSET_NAMES = TEXT_NAMES.union(*ASSET_NAMES.values())
TIER = re.compile(r"(?:tier|level|lvl|l)(\d+)")
LEVEL_NAMES = _names("tier level lvl depth hierarchy hierarchylevel categorylevel ebene nivel niveau")
KNOWN_TAXONOMY_NAMES = frozenset().union(
    LEVEL_NAMES, *TAXONOMY_NAMES.values(), (f"tier{i}" for i in range(1, 9)), (f"level{i}" for i in range(1, 9))
)


@dataclass(frozen=True)
class Mapping:
    """Which column of an assets file plays which role; `text` may be several, joined in this order."""

    text: tuple[str, ...]
    id: str | None = None
    label: str | None = None
    confidence: str | None = None
    tokens_in: str | None = None
    tokens_out: str | None = None
    latency_ms: str | None = None
    gold: str | None = None
    split: str | None = None
    family: str | None = None  # what belongs together: a campaign, a concept, a parent creative
    # Where the family is the stem of the column's names: what is dropped besides the known (see stems); None: it is the value.
    family_stem: tuple[str, ...] | None = None
    latency_unit: str | None = None  # "ms" or "s", where the column's name and cells do not say; no column
    labels_are: str | None = None  # "names" or "codes", where not as most labels can be read; no column

    @classmethod
    def from_json(cls, kept: dict) -> Mapping:
        """What dataclasses.asdict() gave, through JSON or not."""
        return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in kept.items()})

    def columns(self) -> dict[str, str]:
        """The column of each role that has one, but those of the text."""
        no_columns = ("text", "family_stem", "latency_unit", "labels_are")
        roles = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in no_columns}
        return {role: column for role, column in roles.items() if column is not None}


def guess_roles(columns: Sequence[str], names: dict[str, tuple[str, ...]]) -> dict[str, str | None]:
    """The column of each role, or None; no column plays two."""
    squashed = {last_name(column): column for column in reversed(columns)}
    squashed |= {squash(column): column for column in reversed(columns)}
    roles: dict[str, str | None] = {}
    for role, candidates in names.items():
        free = (squashed[name] for name in candidates if name in squashed and squashed[name] not in roles.values())
        roles[role] = next(free, None)
    return roles


def guess_assets(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Mapping:
    """Guess the mapping of an assets file from its columns and a few rows; `text` is () where no column holds text."""
    roles = guess_roles(columns, ASSET_NAMES)
    taken = set(roles.values())
    text = tuple(c for c in columns if c not in taken and _is_text_name(c))
    if not text:
        free = [i for i, c in enumerate(columns) if c not in taken]
        longest = max(free, key=lambda i: _wordiness([row[i] for row in rows]), default=None)
        if longest is not None and _wordiness([row[longest] for row in rows]) > 0:
            text = (columns[longest],)
    return _with_duration(Mapping(text=text, **roles), columns)


def last_name(column: str) -> str:
    """The squashed last part of a dotted name: text of data.text."""
    return squash(column.rsplit(".", 1)[-1])


def _is_text_name(column: str) -> bool:
    return any(re.sub(r"\d+$", "", name) in TEXT_NAMES for name in (squash(column), last_name(column)))


def _with_duration(guess: Mapping, columns: Sequence[str]) -> Mapping:
    """A duration is a latency where a model's tokens or confidence stand beside it; elsewhere it may be a film's length."""
    if guess.latency_ms is None and (guess.tokens_in or guess.tokens_out or guess.confidence):
        free = {squash(c): c for c in columns if c not in guess.text}
        return replace(guess, latency_ms=next((free[n] for n in DURATIONS if n in free), None))
    return guess


def _wordiness(cells: Sequence[str]) -> float:
    """Mean length of a column's cells; 0 where fewer than half the characters are letters (numbers, dates, codes)."""
    joined = "".join(cells)
    letters = sum(c.isalpha() for c in joined)
    return len(joined) / max(len(cells), 1) if letters > 0.5 * len(joined) else 0.0
