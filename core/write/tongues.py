"""Which language copy is in, told from its letters (py3langid, Lui and Baldwin 2012, "langid.py": a naive Bayes over pieces of
bytes; its model is a table of numbers). A line is short and may be half a name: it counts as in its language unless that is
quite unlikely, so that few are stopped falsely.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from core.write import slots
from core.write.known import unbranded

AUTO, ANY = "auto", "any"
NAMES = {
    "en": "English", "de": "German", "fr": "French", "es": "Spanish", "it": "Italian", "pt": "Portuguese", "nl": "Dutch",
    "sv": "Swedish", "da": "Danish", "no": "Norwegian", "fi": "Finnish", "pl": "Polish", "cs": "Czech", "hu": "Hungarian",
    "ro": "Romanian", "tr": "Turkish", "el": "Greek", "ru": "Russian", "uk": "Ukrainian", "ar": "Arabic", "he": "Hebrew",
    "hi": "Hindi", "zh": "Chinese", "ja": "Japanese", "ko": "Korean",
}  # fmt: skip
UNLIKELY = 0.05  # what a line's own language falls below where it is in another
LETTERS = 12  # fewest that tell anything, in an alphabet
READ = 500  # copies that tell the task's language
MOST = 0.95  # of them in one language, from which drafts must be


@lru_cache(maxsize=1)
def _reader():
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    reader = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    reader.set_languages(list(NAMES))
    return reader


@lru_cache(maxsize=20_000)
def shares(text: str) -> dict[str, float]:
    """How likely a text is in each language of NAMES, 0 to 1, the likeliest first; {} for one too short to tell."""
    letters = re.findall(r"[^\W\d_]", text)
    if len(letters) < LETTERS and all(letter < "\u0590" for letter in letters):
        return {}
    return {name: float(share) for name, share in _reader().rank(text.casefold())}


def other_than(text: str, brief: str, language: str) -> str:
    """The language that a text is in where it is in another one, in a word; "" where it is not, or nothing tells. Its brand and
    addresses do not count."""
    told = shares(plain(text, brief))
    if language not in NAMES or not told or told[language] >= UNLIKELY:
        return ""
    return NAMES[next(iter(told))]


def plain(text: str, brief: str) -> str:
    """A text without its brief's brand, slots and addresses."""
    return re.sub(slots.URL, " ", slots.SLOT.sub(" ", unbranded(text, brief)), flags=re.I).strip()


def of(copies: Sequence[str]) -> str:
    """The language of approved copies; ANY where they are in several, or nothing tells."""
    told = [one for copy in copies[:: max(1, len(copies) // READ)][:READ] if (one := shares(copy))]
    if not told:
        return ANY
    totals = {name: sum(one[name] for one in told) for name in NAMES}
    first = max(totals, key=totals.__getitem__)
    inside = sum(one[first] >= UNLIKELY for one in told) / len(told)
    return first if inside >= MOST else ANY
