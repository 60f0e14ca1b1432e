"""Shares, intervals and tests as verdicts, scorecards and pages say them."""

from __future__ import annotations

from typing import Any

from core.evaluate.agreement import Paired, Share
from core.train import members
from core.train.new import New
from core.words import percent


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
    low, high = percent(share.low, target), percent(share.high, target)
    return f"{percent(share.value, target)} ({low} to {high}, {rows_words(share.n, share.groups)})"


def rows_words(n: int, families: int) -> str:
    """n = 1,200, or where they are of fewer families: n = 1,200 in 110 families"""
    return f"n = {n:,}{f' in {families:,} families' if families < n else ''}"


def new_words(found: New) -> str:
    """What is new and how much less is agreed on there: … 95.0 % of assets of campaigns it has seen and 89.0 % of new ones."""
    parts = [
        f"{percent(one.seen, one.new)} of assets of {one.many} it has seen and {percent(one.new, one.seen)} of new ones"
        + ("" if one.lower else " (no difference shown)")
        for one in found.left_out
    ]
    return f"A student trained in seconds agrees on {'; on '.join(parts)}." if parts else ""


def across_words(found: New) -> str:
    """What one market's labels are worth in another: … taught on de alone agrees on 71 % in fr; with fr's own 200 labels 86 %."""
    if not found.across:
        return ""
    first = found.across[0].taught
    own = {one.market: one for one in found.across if one.taught == one.market}
    others = [one for one in found.across if one.taught == first != one.market]
    worst = max(others, key=lambda one: own[one.market].agreement - one.agreement)
    return (
        f"A student taught on {first} alone agrees on {percent(worst.agreement)} in {worst.market}; with {worst.market}'s own "
        f"{own[worst.market].labels:,} labels {percent(own[worst.market].agreement)}."
    )


def one_sided_words(pair: Paired) -> str:
    """The counts and the test of teacher against student: only the student on 3, only the teacher on 12; p = 0.035"""
    return f"only the student on {pair.only_first:,}, only the teacher on {pair.only_second:,}; {p_words(pair.p)}"


def asked(found: dict[str, Any]) -> str:
    """How many of the assets timed each part of a student had to look at, in a sentence; "" where it has one part."""
    shares = list(found["asked"].items())
    if len(shares) < 2:
        return ""
    settled = percent(1 - shares[1][1])
    alone = members.of(shares[0][0]).alone
    rest = ", ".join(f"{members.of(name).beside} {percent(share)}" for name, share in shares[1:])
    return f"{alone[0].upper()}{alone[1:]} {settled} of the assets; {rest}."


def version_words(student: str, version: int, newest: int) -> str:
    """That a student answers in another version of the taxonomy than the one in use."""
    return f"{student} answers in version {version} of the taxonomy; version {newest} is in use since."
