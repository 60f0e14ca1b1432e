"""The sample's made-up pairs by the product's own measures, without any training: near copies, relevance, variety, gates passed.

python -m tests.bench.writing_sample
"""

from __future__ import annotations

import argparse

from core import database
from core.distil import sample_pairs
from core.encoders.encoder import encoder
from core.write import gates, guide, judging, known, pairs, training
from core.write.drafting import Writer
from core.write.rungs import rungs


def main() -> None:
    """Print people's row and that of copy dealt to other briefs, and how many of the rejected ones the gates stop."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    db, encode = database.connect(), encoder()
    task = sample_pairs(db)
    there = pairs.load(db, task)
    train, held, test = (pairs.approved(there, split) for split in ("train", "calibration", "test"))
    rules = guide.of(db, task, [copy for _, copy in train])
    what = known.of(train, held, encode, training.common_words("packaged-writer"))
    rung = rungs()["retrieve"]
    writer = Writer(rung, rules, what, encode, lambda briefs, drafts, seed: [])
    briefs = judging.held_out(test)
    human = [(brief, copies[0]) for brief, copies in briefs.items()]
    turned = [(brief, copy) for (brief, _), (_, copy) in zip(human, human[1:] + human[:1])]
    among = judging._others(writer, briefs)
    print(f"{len(train)} to learn from, {len(held)} to choose by, {len(test)} to be judged on")
    print("for these briefs", judging._approved(writer, human, among))
    print("for other briefs", judging._approved(writer, turned, among))
    rejected = [(pair.brief, pair.copy) for pair in there if pair.status == "rejected"]
    found = [gates.find(case) for case in gates.approved(rejected, rules, what, encode)]
    stopped = sum(not all(one.passed for one in some) for some in found)
    print(f"{stopped} of {len(found)} rejected ones are stopped")


if __name__ == "__main__":
    main()
