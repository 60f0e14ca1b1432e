"""Which old encoding a text is written in: the one whose letters make sense together in some language.

    guesses = rank(b"Wyprzeda\\xbf obuwia ...")       # best first: [Guess("cp1250", 0.93, "Wyprzedaż obuwia ..."), ...]

Every byte beyond ASCII is a letter in one of these encodings and an odd sign, or another language's letter, in the others. A
decoding scores by its characters: letters that one language uses together, at places where letters stand, and in a plausible case.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass

LANGUAGES = {
    "Western": ("àâäæçèéêëîïôöœùûüÿñáíóúãõåøßìò", "¿¡ªº"),  # French, German, Spanish, Portuguese, Italian, Nordic
    "French": ("àâæçèéêëîïôœùûüÿ", ""),
    "German": ("äöüß", ""),
    "Spanish": ("áéíóúüñ", "¿¡ªº"),
    "Portuguese": ("áâãàçéêíóôõúü", "ªº"),
    "Italian": ("àèéìíîòóùú", ""),
    "Nordic": ("åäöæøéáíóúýðþü", ""),
    "Polish": ("ąćęłńóśźż", ""),
    "Czech": ("áčďéěíňóřšťúůýž", ""),
    "Slovak": ("áäčďéíĺľňóôŕšťúýž", ""),
    "Hungarian": ("áéíóöőúüű", ""),
    "Croatian": ("čćđšž", ""),
    "Romanian": ("ăâîşţșț", ""),
    "Turkish": ("çğıöşüâîûİ", ""),
    "Lithuanian": ("ąčęėįšųūž", ""),
    "Latvian": ("āčēģīķļņšūž", ""),
    "Estonian": ("äõöüšž", ""),
    "Russian": ("абвгдежзийклмнопрстуфхцчшщъыьэюяё", ""),
    "Ukrainian": ("абвгдежзийклмнопрстуфхцчшщьюяєіїґ", ""),
    "Bulgarian and Serbian": ("абвгдежзийклмнопрстуфхцчшщъьюяђјљњћџ", ""),
    "Greek": ("αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώϊϋΐΰ", ""),
    "Hebrew": ("אבגדהוזחטיךכלםמןנסעףפץצקרשת", ""),
    "Arabic": ("ءآأؤإئابةتثجحخدذرزسشصضطظعغـفقكلمنهوىيپچژگ", "،؛؟"),
}
COMMON = (
    set("оеаинтсрвлкмдпу") | set("αειοντσρηςκυπλ") | set("יוהלאמרתבשנםחכד") | set("اليمونتربهةأ")
)  # most of a text in them
ALONE = set("àáâéèíóôúöåäæøøìòùõаивскоуяйіїєοηήωὁשלו")  # letters that are words
SELDOM = set("ŕĺ")
LESS = {"mac-cyrillic": 0.125, "mac-latin2": 0.15, "cp857": 0.1, "cp437": 0.02, "iso8859-15": 0.02, "iso8859-9": 0.02}
PUNCTUATION = set("–—‘’‚“”„…«»€£§°©®™·•²³½¼¾×´¨†‡‰‹›¢¥¹")
# By likelihood in what agencies get; the order settles what decodes alike.
SINGLE = (
    *(
        "cp1252",
        "cp1250",
        "cp1254",
        "cp1257",
        "cp1251",
        "cp1253",
        "cp1255",
        "cp1256",
        "mac-roman",
        "cp850",
        "cp437",
        "cp852",
    ),
    *(
        "iso8859-2",
        "iso8859-15",
        "iso8859-9",
        "iso8859-5",
        "iso8859-7",
        "koi8-r",
        "cp866",
        "cp857",
        "mac-latin2",
        "mac-cyrillic",
    ),
)
DOUBLE = {"cp932": "Japanese", "euc_jp": "Japanese", "gb18030": "Chinese", "big5": "Chinese", "cp949": "Korean"}
WORDS = {
    "cp1252": "Western Europe (Windows)", "cp1250": "Central Europe (Windows)", "cp1254": "Turkish (Windows)",
    "cp1257": "Baltic (Windows)", "cp1251": "Cyrillic (Windows)", "cp1253": "Greek (Windows)", "cp1255": "Hebrew (Windows)",
    "cp1256": "Arabic (Windows)", "mac-roman": "Western Europe (Mac)", "cp850": "Western Europe (DOS)", "cp437": "DOS, US",
    "cp852": "Central Europe (DOS)", "cp932": "Japanese (Shift-JIS)", "gb18030": "Chinese, simplified (GBK)",
    "big5": "Chinese, traditional (Big5)", "cp949": "Korean (EUC-KR)", "euc_jp": "Japanese (EUC)",
}  # fmt: skip
CLOSE = 0.12  # of the best score: no telling apart
_RUN = re.compile(r"[^\x00-\x7f]+")


@dataclass(frozen=True)
class Guess:
    """An encoding, how well its letters make sense (1: all of them), and the sample read so."""

    encoding: str
    score: float
    text: str


def rank(sample: bytes) -> list[Guess]:
    """The encodings that can read the sample, the likeliest first; of those that read it alike only the first."""
    guesses = [guess for name in SINGLE if (guess := _single(sample, name))]
    guesses += [guess for name in DOUBLE if (guess := _double(sample, name))]
    guesses.sort(key=lambda guess: -guess.score)
    seen: set[str] = set()
    return [guess for guess in guesses if not (guess.text in seen or seen.add(guess.text))]


def doubtful(guesses: list[Guess]) -> list[Guess]:
    """The best guess and those that come close to it; [] where the best stands alone."""
    near = [guess for guess in guesses[:4] if guess.score >= guesses[0].score - CLOSE]
    return near if len(near) > 1 else []


def _single(sample: bytes, name: str) -> Guess | None:
    text = sample.decode(name, "replace")
    others = Counter(c for c in text if c > "\x7f")
    if not others:
        return None
    letters = Counter(c.lower() if c not in "İı" else c for c in others.elements() if c.isalpha() and c not in "ªº")
    best = max(_made_of(letters, *LANGUAGES[language]) - (language == "Western") * 0.3 for language in LANGUAGES)
    signs = sum(_sign(c, n) for c, n in others.items() if not c.isalpha() or c in "ªº")
    total = sum(others.values())
    return Guess(
        name,
        (best * sum(letters.values()) + signs - _misplaced(text)) / total
        - LESS.get(name, 0)
        - 0.1 * _shouts(letters, others),
        text,
    )


def _shouts(letters: Counter[str], others: Counter[str]) -> bool:
    """Whether a text has capitals only, as another alphabet's text has by chance."""
    cased = [c for c in others if c.upper() != c.lower()]
    return sum(letters.values()) > 10 and bool(cased) and all(c.isupper() for c in cased)


def _made_of(letters: Counter[str], alphabet: str, signs: str) -> float:
    """How much of the letters one language uses, from 1 (all) down; letters it lacks count against it."""
    total = sum(letters.values())
    if not total:
        return 0.0
    own = sum(n * _weight(c) for c, n in letters.items() if c in alphabet)
    foreign = sum(n for c, n in letters.items() if c not in alphabet)
    return (own - 2 * foreign) / total


def _weight(c: str) -> float:
    if c < "Ͱ":
        return 0.2 if c in SELDOM else 1.0
    return 1.0 if c in COMMON else 0.3


def _sign(c: str, n: int) -> float:
    if c in PUNCTUATION or c in "¿¡ªº\xa0،؛؟":
        return 0.7 * n
    return -2.0 * n  # box drawing, controls, what cannot be decoded


def _misplaced(text: str) -> float:
    """How many characters stand where such cannot: a sign inside a word, a capital after a small letter, two alphabets in one."""
    wrong = 0.0
    for run in _RUN.finditer(text):
        before, after = text[run.start() - 1 : run.start()], text[run.end() : run.end() + 1]
        group = f"{before or ' '}{run[0]}{after or ' '}"
        for left, c, right in zip(group, group[1:], group[2:]):
            if c <= "\x7f":
                continue
            if not c.isalpha():
                wrong += 1.5 * (left.isalpha() and right.isalpha() and c not in "’·´‘")
                wrong -= 0.3 * _in_place(left, c, right)
                wrong += 1.0 * (left.isalpha() and c in "¿¡³²¹¼½¾") + 1.0 * (right.isalpha() and c in "³²¹¼½¾¢")
            elif not left.isalpha() and not right.isalpha() and c.lower() not in ALONE:
                wrong += 0.6
            elif (c.isupper() and left.islower()) or (left.isalpha() and (left <= "\x7f") and c >= "Ͱ"):
                wrong += 1.5
            elif c in "õÕ" and right != "e":  # as in Portuguese; Hungarian read as Western has it everywhere
                wrong += 0.5
    return wrong


def _in_place(left: str, c: str, right: str) -> bool:
    """Whether a sign stands where it belongs: a dash between blanks, an apostrophe in a word, quotes at words, € at a number."""
    letter = left.isalpha()
    return (
        (c in "–—" and ((not left.strip() and not right.strip()) or (left.isdigit() and right.isdigit())))
        or (c in "’´" and letter and right.isalpha())
        or (c in "“„«‘‚‹¿¡" and not letter and right.isalnum())
        or (c in "”»’›“" and (letter or left in ".!?,%") and not right.isalpha())
        or (c in "…™®©" and letter and not right.isalpha())
        or (c in "€£¥°" and (left.isdigit() or right.isdigit() or left == " "))
    )


def _double(sample: bytes, name: str) -> Guess | None:
    """A decoding of two bytes a character: valid throughout, and of the characters its language uses most."""
    try:
        text = sample.decode(name)
    except UnicodeDecodeError as error:
        if error.start < len(sample) - 2:
            return None
        text = sample[: error.start].decode(name, "ignore")
    others = [c for c in text if c > "\x7f"]
    if len(others) < 2:
        return None
    kinds = Counter(_kind(c) for c in others)
    total = len(others) - kinds["sign"] or 1
    language = DOUBLE[name]
    if language == "Japanese":
        good = (kinds["kana"] + kinds["han"]) / total * (1.0 if kinds["kana"] >= 0.15 * total else 0.3)
    elif language == "Korean":
        good = 1.2 * kinds["hangul"] / total - 0.5 * kinds["han"] / total
    else:
        good = sum(_usual(c, name) for c in others if _kind(c) == "han") / total
    wrong = (kinds["other"] + kinds["half"]) / len(others)
    lone = sum(1 for run in _RUN.findall(text) if len(run) == 1) / len(others)
    return Guess(name, good - 2 * wrong - lone, text)


def _kind(c: str) -> str:
    point = ord(c)
    if 0x3041 <= point <= 0x30FF:
        return "kana"
    if 0x4E00 <= point <= 0x9FFF:
        return "han"
    if 0xAC00 <= point <= 0xD7A3:
        return "hangul"
    if 0xFF61 <= point <= 0xFF9F:
        return "half"
    if 0x3000 <= point <= 0x303F or 0xFF01 <= point <= 0xFF60 or unicodedata.category(c)[0] in "PSZN":
        return "sign"
    return "other"


def _usual(c: str, name: str) -> bool:
    """Whether a Chinese character is of the set most in use, by its place in the encoding's own order."""
    try:
        code = c.encode("gb2312" if name == "gb18030" else "big5")
    except UnicodeEncodeError:
        return False
    return 0xB0 <= code[0] <= 0xD7 if name == "gb18030" else 0xA4 <= code[0] <= 0xC6
