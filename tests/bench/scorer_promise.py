"""Whether the scorer keeps its promise: in made-up worlds whose truth is known, how often are drafts above the bar approved less
often than the target?

    python -m tests.bench.scorer_promise [--draws 500] [--decisions 300] [--drafts 8]

Each draw makes briefs of their own difficulty with drafts of which a few features are seen, some of them bent or useless; people
see a brief's drafts in their first order until they approve one, three at the most. The scorer learns from that; what then counts
as handled is the best of `drafts` fresh ones in its order, of 2,000 new briefs, where it stands above the bar.
"""

from __future__ import annotations

import argparse
import json

import numpy as np

from core.write import scorer
from core.write.scorer import Decided

FRESH, SEEN = 2_000, 3
NAMES = ("log_p", "gain", "rank", "voice", "length")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, usual in (("draws", 500), ("decisions", 300), ("drafts", 8)):
        parser.add_argument(f"--{name}", type=int, default=usual)
    args = parser.parse_args()
    print(json.dumps(promise(args.draws, args.decisions, args.drafts)))


def promise(draws: int, decisions: int = 300, drafts: int = 8, target: float = 0.8) -> dict[str, float]:
    """The share of draws with a proven bar, of these the share whose promise is broken, and the mean share of briefs handled."""
    told = [world(seed, decisions, drafts, target) for seed in range(draws)]
    proven = [one for one in told if one is not None]
    return {
        "draws": draws,
        "proven": len(proven) / draws,
        "broken": sum(approved < target for approved, _ in proven) / draws,
        "approved": float(np.mean([approved for approved, _ in proven])) if proven else 0.0,
        "handled": float(np.mean([handled for _, handled in proven])) if proven else 0.0,
    }


def world(seed: int, decisions: int, drafts: int, target: float) -> tuple[float, float] | None:
    """(share approved of what is handled, share handled) among fresh briefs; None where no bar is proven."""
    dice = np.random.default_rng(seed)
    pull = dice.normal(0, [1.2, 1.0, 0.8, 0.8, 0.4])
    easy, bent = dice.normal(0.4, 0.6), dice.uniform(0, 1)

    def make(briefs: int) -> tuple[np.ndarray, np.ndarray]:
        """Features (briefs, drafts, features) and how likely each draft is approved."""
        seen = dice.normal(size=(briefs, drafts, len(NAMES)))
        seen[..., 2] += 0.7 * dice.normal(size=(briefs, 1))  # a brief's drafts have some in common
        hard = 0.8 * dice.normal(size=(briefs, 1))
        told = easy + seen @ pull - hard - bent * (seen[..., 0] ** 2 - 1) / 2
        return seen, 1 / (1 + np.exp(-told))

    decided: list[Decided] = []
    seen, likely = make(decisions)
    order = np.argsort(-seen[..., 1], axis=1)[:, :SEEN]
    for brief in range(decisions):
        for place in order[brief]:
            if len(decided) == decisions:
                break
            yes = bool(dice.random() < likely[brief, place])
            features = dict(zip(NAMES, seen[brief, place].tolist()))
            decided.append(Decided(1, f"brief {brief}", features, yes, f"{len(decided):06d}"))
            if yes:
                break
    made = scorer.learn(decided, 1, target, seed=str(seed))
    if made is None or made.bar is None:
        return None
    seen, likely = make(FRESH)
    flat = [dict(zip(NAMES, row)) for row in seen.reshape(-1, len(NAMES)).tolist()]
    told = made.likely(flat).reshape(FRESH, drafts)
    best, top = told.argmax(1), told.max(1)
    handled = top >= made.bar
    approved = likely[np.arange(FRESH), best][handled]
    return (float(approved.mean()), float(handled.mean())) if handled.any() else None


if __name__ == "__main__":
    main()
