"""Whether a brief states a fact that copy says, in whatever form: 50 % and fifty percent, $9.99 and 9,99 dollars, 1 May and 01.05.

It finds facts that the brief lacks, not wrong ones. Numbers in words count where they state something: percent, money, a span of
time, an offer; "one of us" and "two hands" do not.
"""

from __future__ import annotations

import re

from core.write import slots

# Said of nothing in particular; a client who wants them proven lists them among the claims, as no. 1 is.
IDIOMS = re.compile(
    r"\b24[/:-]7\b|\b24 hours a day\b|\b(?:7|seven) days a week\b|\b(?:365|three hundred and sixty-five) days(?: a year)?\b"
    r"|\b[1-9]0['’]?s\b|\ba (?:hundred |thousand )?(?:thousand|million|billion) (?:reasons|thanks|ways)\b"
    r"|\b100 ?%|\b(?:one|a) hundred per ?cent\b|\b360(?:°| degrees?)|\bno\.? ?1\b|#1\b|\bnumber 1\b|\b1-stop\b|\b4[- ]legged\b",
    re.I,
)
_TEENS = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
_ONES = f"one two three four five six seven eight nine {_TEENS}"
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_BIG = {"hundred": 100, "thousand": 1_000, "million": 1_000_000, "billion": 1_000_000_000}
WORDS = (
    {word: n for n, word in enumerate(_ONES.split(), 1)} | {w: n * 10 for n, w in enumerate(_TENS.split(), 2)} | _BIG
)
_WORD = "|".join(sorted(WORDS, key=len, reverse=True))
_NUMBER = (
    rf"(?:a |half a )?(?!one[- ](?!hundred|thousand|million|billion|per))(?:{_WORD})(?:(?: and |[- ])(?:{_WORD}))*"
)
_UNIT = (
    r"per ?cent|percent|dollars?|euros?|pounds?|cents?|pence|years?|months?|weeks?|days?|hours?|minutes?|seconds?"
    r"|miles?|kilometres?|countries|cities|locations|stores|customers|flavou?rs|languages|patients"
)
WORDED = re.compile(
    rf"\b({_NUMBER})[- ](?:{_UNIT})\b|\b(?:a |half a )?(?:(?:{_WORD}) )?(?:million|billion)\b"
    rf"|\b(?:{_WORD}) for (?:one|two|three|four)\b",
    re.I,
)
HALF = re.compile(r"\bhalf[- ](?:the )?price\b|\bhalf off\b|\bbuy (?:one|two|1|2),? get (?:one|1)\b", re.I)
_DAY = r"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day(?!s)"
_WHEN = re.compile(
    rf"\b(?:next|this|last|coming|until|till|by|before|on|from|starting) (?:next )?(?:{_DAY})\b"
    r"|\b(?:next|coming|last) (?:week|weekend|month|year|spring|summer|autumn|fall|winter)\b|\bthis weekend\b"
    r"|\b(?:in|until|till|by|from|since|before|this|next|last) "
    r"(?:January|February|April|June|July|August|September|October|November|December)\b(?! \d)",
    re.I,
)
_CURRENCIES = (
    r"[$]|usd|dollars?",
    r"€|eur\b|euros?",
    r"£|gbp|pounds?",
    r"chf|francs?",
    r"¥|jpy|yen",
    r"₹|inr|rs\.?|rupees?",
)
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]


def unstated(text: str, brief: str) -> list[str]:
    """What a text says of prices, dates, addresses, shares and numbers that its brief does not, as it stands there."""
    there = stated(brief)
    return [words for words, forms in _facts(IDIOMS.sub(" ", text)) if not forms & there]


def stated(brief: str) -> set[str]:
    """The forms of every fact of a brief."""
    forms = {form for _, some in _facts(brief) for form in some}
    # A number stands alone too: 5 of "5 flavours", and of "five".
    return (
        forms
        | {_amount(digits) for digits in re.findall(r"\d+", brief)}
        | {str(WORDS[word]) for word in re.findall(rf"\b(?:{_WORD})\b", brief.casefold())}
    )


def _facts(text: str) -> list[tuple[str, set[str]]]:
    """Each fact in a text, as it stands and in the forms that are the same."""
    found = []
    for pattern, forms in ((WORDED, _of_words), (HALF, _of_half), (_WHEN, _of_when)):
        found += [(match[0], forms(match[0])) for match in pattern.finditer(text)]
        text = pattern.sub(lambda match: " " * len(match[0]), text)
    by_kind = {"PRICE": _of_price, "DATE": _of_date, "NUMBER": _of_number, "URL": lambda words: {_plain(words)}}
    return [*((words, by_kind[kind](words)) for kind, words in slots.facts(text)), *found]


def _plain(words: str) -> str:
    return re.sub(r"[\s,]", "", words).casefold()


def _amount(digits: str) -> str:
    """A number in one form: 1,200 and 1.200 are 1200, 9,99 and 9.99 are 9.99."""
    digits = re.sub(r"[.,](?=\d{3}(?:\D|$))", "", digits)
    whole, _, part = digits.replace(",", ".").partition(".")
    return f"{whole.lstrip('0') or '0'}.{part}" if part.strip("0") else whole.lstrip("0") or "0"


def _of_price(words: str) -> set[str]:
    plain = words.casefold()
    money = next((n for n, names in enumerate(_CURRENCIES) if re.search(names, plain)), plain.strip("0123456789., "))
    digits = re.search(r"\d[\d,.]*\d|\d", plain)
    times = re.search(r"\d\s?(k|m|bn|thousand|million|billion)\b", plain)
    scale = {"k": "thousand", "m": "million", "bn": "billion"}
    amount = _amount(digits[0]) if digits else ""
    if times:
        amount = f"{float(amount) * _BIG[scale.get(times[1], times[1])]:g}"
    return {f"price {money} {amount}", _plain(words)}


def _of_number(words: str) -> set[str]:
    amount = _amount(re.sub(r"[^\d.,]", "", words))
    return {f"{amount}%"} if "%" in words else {_plain(words), amount if words[-1].isdigit() else ""} - {""}


def _value(words: str) -> int:
    total = part = 0
    for word in re.findall(r"[a-z]+", words.casefold()):
        number = WORDS.get(word)
        if number is None:
            continue
        if number >= 1_000:
            total, part = total + max(part, 1) * number, 0
        else:
            part = max(part, 1) * 100 if number == 100 else part + number
    return total + part


def _of_words(words: str) -> set[str]:
    offer = re.fullmatch(r"(\w+) for (\w+)", words, re.I)
    if offer:
        return {f"{WORDS.get(offer[1].casefold(), 1)} for {WORDS.get(offer[2].casefold(), 1)}", _plain(words)}
    last = words.casefold().rsplit(maxsplit=1)[-1].rsplit("-", 1)[-1]
    value = _value(words)
    if last.endswith("cent") and "per" in words.casefold():
        return {f"{value}%"}
    money = next((n for n, names in enumerate(_CURRENCIES) if re.fullmatch(names, last)), None)
    return {str(value), _plain(words)} if money is None else {f"price {money} {value}", _plain(words)}


def _of_half(words: str) -> set[str]:
    return {"50%", "half"} if words.casefold().startswith("half") else {"2 for 1", _plain(words)}


def _of_when(words: str) -> set[str]:
    """The day, week or month, whatever stands before it."""
    last = words.casefold().rsplit(maxsplit=1)[-1]
    return {_plain(words), f"when {last}"}


def _of_date(words: str) -> set[str]:
    plain = words.casefold()
    month = next((n for n, name in enumerate(_MONTHS, 1) if name in plain), None)
    numbers = [int(digits) for digits in re.findall(r"\d+", plain)]
    days = [number for number in numbers if number < 32]
    if month:
        return {f"{month}-{days[0]}" if days else _plain(words)}
    if re.match(r"\d{4}-", plain):
        return {f"{numbers[1]}-{numbers[2]}"}
    if len(days) >= 2:  # the day or the month first
        return {f"{days[0]}-{days[1]}", f"{days[1]}-{days[0]}"}
    return {_plain(words)}
