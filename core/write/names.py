"""Whether a brief names what copy names: people, places, other brands; in any form: NYC, New York City; Canada, Canadian."""

from __future__ import annotations

import re
from functools import lru_cache

from core.assets.duplicates import normal_form
from core.write import slots
from core.write.known import Known

SENTENCE = r"(?<=[.!?:;…–—\"“-])\s+|\n"
LONGEST = 8  # words of a brand
ROOT = 4  # letters that two forms of one name share at least
ENDINGS = ("ians", "ian", "ans", "an", "ish", "ese", "ers", "er", "ia", "land", "s", "a", "y")
FORMS = (
    ("est", ""),
    ("est", "e"),
    ("iest", "y"),
    ("ing", ""),
    ("ing", "e"),
    ("in'", "ing"),
    ("in’", "ing"),
    ("ly", ""),
)
# Written with a capital, and no names: days, feasts, languages' habits, and regions wider than a country.
_CAPITAL = (
    "monday tuesday wednesday thursday friday saturday sunday mondays tuesdays wednesdays thursdays fridays saturdays sundays",
    "january february march april may june july august september october november december",
    "christmas easter halloween thanksgiving ok tv mr mrs ms dr god jesus santa internet web g'day ya y'all i'm i'll i've i'd",
    "europe european europeans asia asian africa african mediterranean atlantic pacific arctic nordic baltic",
    "caribbean americas alps",
)
CAPITAL = frozenset(word for line in _CAPITAL for word in line.split())
COUNTRIES = (  # words that share no stem
    "uk britain british briton britons gb england english scotland scottish wales welsh united kingdom",
    "usa us america american americans states",
    "france french",
    "germany german germans deutschland",
    "spain spanish",
    "ireland irish",
    "netherlands dutch holland",
    "switzerland swiss",
    "denmark danish",
    "sweden swedish",
    "finland finnish",
    "poland polish",
    "greece greek",
    "turkey turkish",
    "norway norwegian norwegians",
    "belgium belgian belgians",
    "italy italian italians italia",
    "china chinese",
    "brazil brasil brazilian brazilians",
    "mexico mexican mexicans",
)


def another_brand(text: str, brief: str, known: Known) -> str:
    """The first name of another brief's brand in a text, "" where there is none. One that is a common word too counts within a
    sentence, unless most words there, or common words that are no brand, have a capital."""
    there = f" {normal_form(brief)} "
    sentences = [re.findall(r"[\w’'&.-]*\w", sentence) for sentence in re.split(SENTENCE, text)]
    inner = {normal_form(word) for words in sentences for word in words[1:] if word[0].isupper()}
    loud = any(word in known.vocabulary and word not in known.brands and f" {word} " not in there for word in inner)
    for words in sentences:
        shouted = loud or all(one := [word[0].isupper() for word in words[1:]]) or 2 * sum(one) > len(words)
        forms = [normal_form(word) for word in words]
        for size in range(LONGEST, 0, -1):
            for at in range(len(words) - size + 1):
                name = " ".join(words[at : at + size])
                if not (name[0].isupper() or name[0].isdigit()):
                    continue
                plain = " ".join(forms[at : at + size])
                owner = re.sub(r"['’]s$", "", name)
                plain = next((one for one in (plain, normal_form(owner)) if one in known.brands), "")
                common = size == 1 and plain in known.vocabulary
                if not plain or (common and (shouted or at == 0)):
                    continue
                if f" {plain} " not in there and not (size == 1 and _formed(name.casefold(), there)):
                    return name
    return ""


def unnamed(text: str, brief: str, known: Known) -> str:
    """The first name within a sentence that a brief does not name, "" where there is none. A capital within a sentence marks a
    name, unless most words of the line have one."""
    for sentence in re.split(SENTENCE, text):
        words = re.findall(r"[^\W\d_][\w’'-]*", sentence)
        capital = [word for word in words[1:] if word[0].isupper()]
        if len(capital) * 2 > len(words):
            continue
        initials = {"".join(word[0] for word in capital[at : at + n]) for n in (2, 3, 4) for at in range(len(capital))}
        if any(len(short) > 1 and re.search(rf"\b{short}\b", brief) for short in initials):
            continue
        for word in capital:
            if not _said(word, brief, known):
                return word
    return ""


def _said(word: str, brief: str, known: Known) -> bool:
    """Whether a brief names a word, or it plays on the first word of the brief's brand: the Sum, Sumthing; Meggle, Gourmeggle."""
    plain = re.sub(r"['’]s$", "", word)
    first = next((one for one in normal_form(slots.brand(brief)).split() if one != "the"), "")
    at = plain.casefold().find(first) if len(first) > 2 else -1
    if at == 0 or (at > 0 and len(first) > ROOT):
        return True
    parts = [part for part in plain.split("-") if part[:1].isupper()]
    return plain.isupper() or all(_part_said(part.casefold(), normal_form(brief), known) for part in parts)


def _part_said(word: str, brief: str, known: Known) -> bool:
    return _common(word, known) or word in CAPITAL or normal_form(word) in brief or _formed(word, brief)


def _common(word: str, known: Known) -> bool:
    """Whether a word, in small letters, is no name: known as a common one, or a form of such a word (friendliest, livin'), or a
    sound (mmm)."""
    stems = [word.removesuffix(end) + more for end, more in FORMS if word.endswith(end)]
    there = any(len(one) > 2 and one in known.vocabulary for one in (word, *stems))
    return there or bool(re.fullmatch("[bcdfghjklmnpqrstvwxz]+", word))


def _formed(word: str, brief: str) -> bool:
    """Whether a brief has another form of a name: Canada of Canadian, Interlake of Interlakers, UK of British."""
    there = brief.split()
    return (
        any(root in brief for root in _roots(word))
        or any(word.startswith(one) for one in there if len(one) >= ROOT)
        or any(one in there for one in _countries(word))
    )


@lru_cache(maxsize=10_000)
def _roots(word: str) -> tuple[str, ...]:
    return tuple(
        root
        for end in ENDINGS
        if word.endswith(end) and len(root := word.removesuffix(end)) >= max(ROOT, len(word) // 2)
    )


@lru_cache(maxsize=10_000)
def _countries(word: str) -> tuple[str, ...]:
    return next((tuple(one.split()) for one in COUNTRIES if word in one.split()), ())
