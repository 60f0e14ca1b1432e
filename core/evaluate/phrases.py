"""Shares, intervals and tests as verdicts, scorecards and pages say them."""

from __future__ import annotations

from functools import partial

from core.evaluate.agreement import Paired, Share
from core.train import members
from core.train.new import LeftOut, New
from core.words import counted, percent, ranged

FEW = 100  # rows below which a share has no decimals worth showing


def p_words(p: float) -> str:
    """A p-value that never reads as if it lay on the other side of 0.05: p < 0.001, p = 0.035, p = 0.21"""
    if p < 0.001:
        return "p < 0.001"
    digits = 3 if p < 0.1 else 2
    while round(p, digits) == 0.05 and p != 0.05 and digits < 6:
        digits += 1
    return f"p = {p:.{digits}f}"


def interval_words(share: Share, target: float | None = None) -> str:
    """94.1 % (92.9 % to 95.2 %, n = 1,200)"""
    ends = ranged(share.low, share.high, partial(percent, beside=target))
    return f"{percent(share.value, target)} ({ends}, {rows_words(share.n, share.groups)})"


def share_words(value: float, n: int) -> str:
    """A share of n rows in per cent: one decimal from FEW rows on, none below."""
    return percent(value, digits=1 if n >= FEW else 0)


def range_words(share: Share) -> str:
    """A share with its interval: 94.1 % (92.9 % to 95.2 %)"""
    return f"{percent(share.value)} ({ranged(share.low, share.high)})"


def ends_words(share: Share) -> str:
    """The interval of a share: 92.9 % to 95.2 %"""
    return ranged(share.low, share.high, lambda end: share_words(end, share.n))


def span_words(share: Share) -> str:
    """The interval of a share, and what it rests on: 92.9 % to 95.2 %, n = 1,200"""
    return f"{ends_words(share)}, {rows_words(share.n, share.groups)}"


def rows_words(n: int, families: int) -> str:
    """n = 1,200, or where they are of fewer families: n = 1,200 in 110 concepts"""
    return f"n = {n:,}{f' in {concepts(families)}' if families < n else ''}"


def concepts(families: int) -> str:
    """110 concepts: what people call families of assets."""
    return counted(families, "concept")


def new_words(new: New) -> str:
    """What becomes of agreement where something is new: Expect less agreement on new campaigns (89.0 %, on known ones 95.0 %)."""
    less, same = (_new_parts([one for one in new.left_out if one.lower == lower]) for lower in (True, False))
    if less and same:
        return f"Expect less agreement on {less}; on {same} no difference is shown."
    return f"Expect less agreement on {less}." if less else f"No less agreement is shown on {same}." if same else ""


def _new_parts(some: list[LeftOut]) -> str:
    return ", ".join(
        f"new {left.many} ({percent(left.new, left.seen)}, on known ones {percent(left.seen, left.new)})"
        for left in some
    )


def across_words(new: New) -> str:
    """Whether one market's labels serve another: … taught on DE alone 71 % there, on FR's own 200 labels 86 %."""
    if not new.across:
        return ""
    first = new.across[0].taught
    own = {one.market: one for one in new.across if one.taught == one.market}
    others = [one for one in new.across if one.taught == first != one.market]
    worst = max(others, key=lambda one: own[one.market].agreement - one.agreement)
    its = own[worst.market]
    title = (
        f"{worst.market} needs labels of its own"
        if its.agreement > worst.high
        else f"Labels from {first} serve elsewhere"
    )
    where = "there" if its.agreement > worst.high else f"in {worst.market}"
    return (
        f"{title}: taught on {first} alone, a student agrees on {percent(worst.agreement, its.agreement)} {where}, taught on "
        f"{worst.market}'s own {its.labels:,} labels on {percent(its.agreement, worst.agreement)}."
    )


def one_sided_words(pair: Paired) -> str:
    """The counts and the test of teacher against student: only the student on 3, only the teacher on 12; p = 0.035"""
    return f"only the student on {pair.only_first:,}, only the teacher on {pair.only_second:,}; {p_words(pair.p)}"


def asked_words(asked: dict[str, float]) -> str:
    """How many of the assets timed each part of a student had to look at, in a sentence; "" where it has one part."""
    shares = list(asked.items())
    if len(shares) < 2:
        return ""
    settled = percent(1 - shares[1][1])
    alone = members.of(shares[0][0]).alone
    rest = ", ".join(f"{members.of(name).beside} {percent(share)}" for name, share in shares[1:])
    return f"{alone[0].upper()}{alone[1:]} {settled} of the assets; {rest}."


def version_words(student: str, version: int, newest: int) -> str:
    """That a student answers in another version of the taxonomy than the one in use."""
    return f"{student} answers in version {version} of the taxonomy; version {newest} is in use since."
