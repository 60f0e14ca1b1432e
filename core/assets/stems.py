"""Names in trafficking style and ids with a common stem: what is left of a name without market, size, version, date and format.

    stem("ACME_Spring24_UK_300x250_v2.png")       # "acme spring24", as of ACME_Spring24_DE_728x90_v1.jpg
    Names(names, texts, labels).learn()           # what else is dropped in this column; None: it says nothing of families

Market, language, size, version, length and format are known by how they look. Dates, and words at the end such as A and B, are
dropped where the file shows that it is one creative that they vary: they recur under many stems, and the rows that they part have
more of their words or labels in common than chance would give. So has a counter nothing to say that begins anew in every market.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import pandas as pd

DATE = "<date>"  # among the words that are dropped: any date
FEWEST, UNITED = 20, 10  # stems, and stems of several rows, at the least
LARGEST = 0.2  # of the rows have one stem, at the most
WORTH = 0.05  # of the rows share a stem, at the least
SHARED, STEMS = 0.6, 3  # of these rows, the least share whose dropped parts each stand under so many stems
CODES = 0.8  # of the words of two letters are markets or languages, at the least: else they are something else's codes
WORDS = 30  # different words dropped at the end of names, at the most
PAIRS, SAMPLE = 1_000, 10_000  # pairs of rows compared, and rows counted by
ALIKE, SURE = 0.03, 4.0  # how much more they have in common than chance gives, also in standard errors
SAME = 0.8  # of what is labelled alike where only what is known is dropped, at the least, where dates and words are too


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


MARKETS = _set(
    "ae ar at au ba be bg br ca ch cl cn co cy cz de dk ee eg es eu fi fr gb gr hk hr hu id ie il in is it jp ke kr kw "
    "kz lt lu lv ma mx my ng nl no nz pe ph pk pl pt qa ro rs ru sa se sg si sk th tr tw ua uk us uy vn za usa gbr deu fra "
    "esp ita nld aut che bel pol prt swe nor dnk fin irl can aus jpn kor chn ind bra mex emea dach apac latam benelux "
    "nordics nordic mena cee row ww int intl global germany deutschland france spain espana italy italia poland portugal "
    "sweden norway denmark finland netherlands belgium austria switzerland ireland britain england canada australia japan "
    "korea china india brazil mexico turkey greece hungary romania czechia"
)
LANGUAGES = _set(
    "ar bg bs ca cs cy da de el en es et eu fa fi fr ga he hi hr hu id it ja ko lt lv ms nb nl nn no pl pt ro ru sk sl sq "
    "sr sv th tr uk ur vi zh eng ger fre spa por dut dan swe fin pol rus jpn english german french spanish italian "
    "portuguese dutch swedish polish danish norwegian finnish"
)
FORMATS = _set(
    "png jpg jpeg gif webp svg bmp tif tiff psd ai eps pdf mp4 mov avi webm m4v mp3 wav m4a txt csv doc docx html htm html5 "
    "zip amp banner video static animated image img pic display disp native nat story stories reel reels feed carousel "
    "square portrait landscape vertical horizontal skyscraper leaderboard mpu halfpage billboard interstitial preroll "
    "midroll bumper olv ctv dooh ooh eml email prog programmatic soc social sea search rsa eta mobile desktop tablet hd uhd "
    "4k fb ig facebook instagram meta tiktok youtube yt snapchat linkedin pinterest gdn dv360 ttd final draft copy"
)
# Units and ordinals that look like a market behind a number: 10GB, 24in, 5th.
UNITS = _set("gb in th pt lt")

_DAY, _MONTH = r"(?:0[1-9]|[12]\d|3[01])", r"(?:0[1-9]|1[0-2])"
_DATE = rf"20[0-3]\d([-_.]?){_MONTH}\1{_DAY}|{_DAY}([-_.]){_MONTH}\2(?:20)?[0-3]\d"
_SHAPE = re.compile(  # of a part that says nothing but size, version, length or format
    r"\d{1,4}[x×]\d{1,4}(?:px)?|(?:v|ver|version|rev)\d{1,3}(?:\.\d{1,2})*|\d{1,3}(?:s|sec|secs)|(?:rsa|eta|r)\d{1,2}"
)
_DATED, _GLUED = re.compile(f"(?<!\\d)(?:{_DATE})(?!\\d)"), re.compile(r"(.*\d)([a-z]{2})")
_ACROSS = re.compile(r"\d[-_.]\d\d[-_.]\d|v\d+\.\d| [x×] |\d (?:s|sec|px)\b")  # what does not stand in one part
_JOINED = re.compile(r"(?<=\d) ?([x×]) ?(?=\d)|(?<=\d) (?=(?:s|sec|secs|px)\b)|(?<=v\d)\.(?=\d)")
_APART = str.maketrans(dict.fromkeys("_-|/\\.,;:+~()[]{}#&@=?!'\"*", " "))
_STYLE = re.compile(r"[_|]|\w-\w|\w\.\w{2,5}$|\d+x\d+")

Parts = tuple[tuple[str, ...], tuple[str, ...]]


@lru_cache(maxsize=300_000)
def _part(part: str) -> Parts:
    """What is kept, and what is dropped, of one part of a name."""
    if part in MARKETS or part in LANGUAGES or part in FORMATS or _SHAPE.fullmatch(part):
        return (), (part,)
    if _DATED.fullmatch(part):
        return (), (DATE + part,)
    glued = _GLUED.fullmatch(part)
    if glued and glued[2] in MARKETS and glued[2] not in UNITS:
        return (glued[1],), (glued[2],)
    return (part,), ()


def _day(date: re.Match[str]) -> str:
    """A date as 20260116, apart from what stands around it."""
    digits = re.sub("[^0-9]", "", date[0])
    return f" {digits} " if date[2] is None else f" 20{digits[-2:]}{digits[2:4]}{digits[:2]} "


def parts(name: str) -> Parts:
    """What is kept of a name, and what is dropped (a date as "<date>20260116"), each in order."""
    name = name.casefold()
    if _ACROSS.search(name):
        name = _DATED.sub(_day, name)
        name = _JOINED.sub(lambda sign: sign[1] or "", name)
    split_parts = [_part(part) for part in name.translate(_APART).split()]
    return tuple(part for words, _ in split_parts for part in words), tuple(
        part for _, dropped in split_parts for part in dropped
    )


def stem(name: str, words: Sequence[str] = (DATE,)) -> str:
    """What is left of a name, in lower case, its parts apart by blanks; "" where nothing is. `words` are those dropped besides what
    is known, at the end of the name; "<date>" among them: dates as well."""
    words_left, dropped = parts(name)
    dates = () if DATE in words else tuple(part for part in dropped if part.startswith(DATE))
    return " ".join(_without_tail(words_left, frozenset(words)) + dates) if words_left else ""


def _without_tail(parts: tuple[str, ...], words: frozenset[str]) -> tuple[str, ...]:
    end = len(parts)
    while end > 1 and parts[end - 1] in words:
        end -= 1
    return parts[:end]


def in_style(names: Sequence[str]) -> bool:
    """Whether a column's first cells could be such names or ids: short, of parts joined by signs rather than prose or numbers."""
    named = [name for name in names if name]
    if not named or len(named) < len(names) / 2:
        return False
    fit = [len(name) <= 200 and _STYLE.search(name) is not None and not _is_number(name) for name in named]
    blanks = sorted(name.count(" ") for name in named)[len(named) // 2]
    joined = sum("_" in name or "|" in name for name in named) / len(named)
    glued = sum(_GLUED.fullmatch(name.casefold()) is not None and " " not in name for name in named) / len(named)
    return (sum(fit) >= 0.8 * len(named) and (blanks <= 2 or joined >= 0.8)) or glued >= 0.8


def _is_number(cell: str) -> bool:
    return cell.replace(".", "").replace(",", "").replace("-", "").replace(":", "").replace(" ", "").isdigit() and (
        "_" not in cell and cell.count("-") != 1
    )


class Names:
    """A column's different names, each with its first row, taken apart once: what is kept of each, and what is dropped.

    `names`, `texts` and `labels` have an element a row, "" where there is none.
    """

    def __init__(self, names: Sequence[str], texts: Sequence[str], labels: Sequence[str]):
        row_of, self.names = pd.factorize(np.array([name or None for name in names], object))
        _, first = np.unique(row_of[row_of >= 0], return_index=True)
        rows = np.flatnonzero(row_of >= 0)[first].tolist()
        self.row_of, self.names = row_of, self.names.tolist()
        self.texts, self.labels = [texts[place] for place in rows], np.array([labels[place] for place in rows], object)
        split_names = [parts(name) for name in self.names]
        self.parts, self.dropped = [parts for parts, _ in split_names], [dropped for _, dropped in split_names]
        whole = [" ".join(parts) for parts in self.parts]
        self.whole = pd.factorize(np.array([one or f"\0{n}" for n, one in enumerate(whole)], object))[
            0
        ]  # none: its own
        dates = [
            " ".join(p for p in some if p[0] == "<") if any(p[0] == "<" for p in some) else "" for some in self.dropped
        ]
        self.dates = pd.factorize(np.array(dates, object))[0]

    def learn(self) -> tuple[str, ...] | None:
        """The words that are dropped besides what is known, or None where these stems say nothing of families.

        Known parts are tried first, then dates, then words at the end.
        """
        if len(self.names) < FEWEST or not self.holds_codes:
            return None
        words = self.tried(None, ())
        words = self.tried(words, (*(words or ()), DATE)) or words
        tails = self.tails(words or ())
        return (self.tried(words, (*(words or ()), *tails)) or words) if tails else words

    def codes(self, words: Sequence[str]) -> np.ndarray:
        """The stem of each row, without these words as well, as a number, int (rows); -1 for none."""
        if not self.names:
            return np.full(len(self.row_of), -1)
        stems = np.where([bool(parts) for parts in self.parts], self.stems(words), -1)
        return np.where(self.row_of < 0, -1, stems[self.row_of])

    @property
    def holds_codes(self) -> bool:
        """Whether words of two letters, where not of the client's own in most names, are markets and languages nearly all."""
        some = np.random.default_rng(0).permutation(len(self.names))[:SAMPLE].tolist()
        short = pd.Series(
            [p for n in some for p in self.parts[n] + self.dropped[n] if len(p) == 2 and p.isalpha()], dtype=object
        )
        counts = short.value_counts()
        counts = counts[counts <= len(some) / 2]
        return sum(n for part, n in counts.items() if not _part(part)[0]) >= CODES * counts.sum()

    def stems(self, words: Sequence[str]) -> np.ndarray:
        """The stem of each name, without these words as well, as a number, int (n); a name without a stem is its own."""
        numbered, tails = self.whole, frozenset(words) - {DATE}
        if tails:
            short = [" ".join(_without_tail(parts, tails)) or f"\0{n}" for n, parts in enumerate(self.parts)]
            numbered = pd.factorize(np.array(short, object))[0]
        if DATE not in words:
            numbered = pd.factorize(numbered.astype(np.int64) * (int(self.dates.max(initial=0)) + 1) + self.dates)[0]
        return numbered

    def tried(self, before: tuple[str, ...] | None, words: tuple[str, ...]) -> tuple[str, ...] | None:
        """`words` where dropping them shows families that dropping those of `before` (None: nothing at all) does not, else None."""
        stems = self.stems(words)
        if not self._enough(stems, frozenset(words)):
            return None
        pairs = _pairs(stems, np.arange(len(stems)) if before is None else self.stems(before))
        if not len(pairs):
            return None
        alike, agree = self._alike(pairs, stems)
        if words:  # dates and words vary between creatives as well
            return words if alike and agree >= SAME * self._agreement(before) else None
        counter = np.mean([self._ends_in_number(row) for row in pairs[:, 0].tolist()]) > 0.5
        return words if alike or not (counter or self._tell(pairs)) else None

    def _enough(self, stems: np.ndarray, words: frozenset[str]) -> bool:
        sizes = np.bincount(stems)
        united = np.flatnonzero(sizes[stems] > 1)
        if len(sizes) < FEWEST or (sizes > 1).sum() < UNITED or len(united) < WORTH * len(stems):
            return False
        return sizes.max() <= LARGEST * len(stems) and self._shared(stems, united, words) >= SHARED

    def _shared(self, stems: np.ndarray, united: np.ndarray, words: frozenset[str]) -> float:
        """The share of `united` rows whose dropped parts each stand under several stems: those of a small vocabulary."""
        some = np.random.default_rng(0).permutation(united)[:SAMPLE]
        dropped = [self._drops(row, words) for row in some.tolist()]
        row = np.repeat(np.arange(len(some)), [len(one) for one in dropped])
        part = pd.factorize(np.array([one for them in dropped for one in them], object))[0]
        pairs = pd.DataFrame({"part": part, "stem": stems[some][row]}).drop_duplicates()
        rare = np.bincount(pairs["part"], minlength=1)[part] < STEMS
        return float((np.bincount(row, weights=rare, minlength=len(some)) == 0).mean())

    def _drops(self, row: int, words: frozenset[str]) -> list[str]:
        known = [part for part in self.dropped[row] if part[0] != "<" or DATE in words]
        return known + list(self.parts[row][len(_without_tail(self.parts[row], words)) :])

    def tails(self, words: Sequence[str]) -> tuple[str, ...]:
        """Words at the end of names, where they are few and names as good as all different."""
        ends = pd.Series([parts[-1] for parts in self.parts if len(parts) > 1], dtype=object).value_counts()
        fits = 1 < len(ends) <= WORDS and ends.sum() >= len(self.parts) / 2
        return tuple(sorted(ends.index)) if fits and len(self.names) > 0.9 * (self.row_of >= 0).sum() else ()

    def _tell(self, pairs: np.ndarray) -> bool:
        """Whether most rows of these pairs are labelled, and not nearly all alike."""
        labels = pd.Series(self.labels[pairs].ravel())
        shares = labels[labels != ""].value_counts() / len(labels)
        return shares.sum() > 0.5 and shares.max() < 0.8 * shares.sum()

    def _ends_in_number(self, row: int) -> bool:
        """Whether a number that is kept ends the name: it may be a counter, begun anew in each market."""
        last = self.parts[row][-1] if self.parts[row] else ""
        return last.isdigit() and self.names[row].rstrip().endswith(last)

    def _alike(self, pairs: np.ndarray, stems: np.ndarray) -> tuple[bool, float]:
        """Whether the rows of these `pairs` (int [pairs, 2]) have more in common than with others whose names begin alike, and how
        many of them are labelled alike (1 where no labels are)."""
        first, second = pairs.T
        other = second[self._shuffled(first, stems)]
        own, chance = (
            [self._common(*pair) for pair in zip(first.tolist(), with_.tolist())] for with_ in (second, other)
        )
        labelled = (self.labels[first] != "") & (self.labels[second] != "") & (self.labels[other] != "")
        same, by_chance = (
            (self.labels[first] == self.labels[with_])[labelled].astype(float) for with_ in (second, other)
        )
        alike = _more(np.array(own) - np.array(chance)) or _more(same - by_chance)
        return alike, float(same.mean()) if len(same) else 1.0

    def _shuffled(self, first: np.ndarray, stems: np.ndarray) -> np.ndarray:
        """Places of these rows in an order by chance, among those whose names begin alike where that is several stems."""
        begins = pd.factorize(
            np.array([self.parts[row][0] if self.parts[row] else "" for row in first.tolist()], object)
        )[0]
        several = pd.Series(stems[first]).groupby(begins).nunique().to_numpy() >= UNITED / 2
        group = np.where(several[begins], begins, -1)
        in_order, drawn = np.argsort(group, kind="stable"), np.random.default_rng(0).permutation(len(first))
        places = np.empty(len(first), int)
        places[in_order] = drawn[np.argsort(group[drawn], kind="stable")]
        return places

    def _agreement(self, words: tuple[str, ...] | None) -> float:
        if words is None:
            return 1.0
        stems = self.stems(words)
        return self._alike(_pairs(stems, np.arange(len(stems))), stems)[1]

    def _common(self, row: int, other: int) -> float:
        first, second = _words(self.texts[row]), _words(self.texts[other])
        return len(first & second) / max(min(len(first), len(second)), 1)


@lru_cache(maxsize=10_000)
def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", text.casefold()))


def _more(differences: np.ndarray) -> bool:
    """Whether the mean of these differences is surely above nothing."""
    if len(differences) < UNITED:
        return False
    mean, error = differences.mean(), differences.std() / len(differences) ** 0.5
    return bool(mean > ALIKE and mean > SURE * error)


def _pairs(stems: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Up to PAIRS pairs of rows, int (pairs, 2), one a stem, that share a stem and did not share one `before`."""
    chance = np.random.default_rng(0)
    order = chance.permutation(len(stems))
    order = order[np.argsort(stems[order], kind="stable")]
    pairs = np.stack([order[:-1], order[1:]], axis=1)
    pairs = pairs[(stems[pairs[:, 0]] == stems[pairs[:, 1]]) & (before[pairs[:, 0]] != before[pairs[:, 1]])]
    _, one_each = np.unique(stems[pairs[:, 0]], return_index=True)
    return pairs[chance.permutation(one_each)[:PAIRS]]
