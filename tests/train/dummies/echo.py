"""A member in one file: it counts words a second time, and is nowhere but here."""

from __future__ import annotations

from core.train.members import Export, Member, linear


def fit(rows, folder, step, earlier, folds):
    assert list(earlier) == ["linear"]
    return linear.fit(rows, folder, step, {}, folds)


MEMBER = Member(
    name="Echo",
    caption="Counts words once more. A glance to train.",
    made_of="the same words | counted again",
    alone="the echo alone settles",
    beside="the echo hears",
    keeps="an echo of the assets",
    needs=("linear",),
    minutes=0.7,
    milliseconds=0.5,
    judges=0,
    base=None,
    tunes=False,
    fit=fit,
    load=linear.load,
    quick=lambda rows, encode, step: linear.learn(rows, step),
    export=Export("words", linear.write),
)
