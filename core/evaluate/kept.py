"""What a client keeps for itself and every figure rests on: assumptions, the verdict's rules, models to compare prices with."""

from __future__ import annotations

from dataclasses import asdict

from sqlite_utils import Database

from core import settings
from core.evaluate.economics import Assumptions
from core.evaluate.verdict import Rules
from core.label import prices


def assumptions_of(db: Database, client_id: int) -> Assumptions:
    """The client's assumptions: those kept, the defaults for the rest."""
    return Assumptions(**settings.get(db, "assumptions", client_id))


def keep_assumptions(db: Database, client_id: int, assumptions: Assumptions) -> None:
    """Keep what differs from the defaults as the client's own."""
    settings.put(db, "assumptions", _changed(assumptions), client_id)


def rules_of(db: Database, client_id: int, target: float | None = None) -> Rules:
    """The client's rules; `target`: that of the student judged, else the setting."""
    target = settings.get(db, "target_agreement", client_id) if target is None else target
    return Rules(**settings.get(db, "verdict_rules", client_id) | {"target": target})


def keep_rules(db: Database, client_id: int, rules: Rules) -> None:
    """Keep the rules as the client's own; its target holds for students trained from now on too."""
    settings.put(db, "target_agreement", rules.target, client_id)
    changed = _changed(rules)
    changed.pop("target", None)
    settings.put(db, "verdict_rules", changed, client_id)


def teacher_price(db: Database, assumptions: Assumptions) -> prices.Price | None:
    """What the model costs that the teacher is priced as; None where none is chosen."""
    return prices.price(db, assumptions.price_as) if assumptions.price_as else None


def other_prices(db: Database, client_id: int) -> list[prices.Price]:
    """The list prices the client wants beside its own; models that have lost theirs are left out."""
    found = (prices.price(db, model) for model in settings.get(db, "other_models", client_id))
    return [price for price in found if price]


def keep_other_models(db: Database, client_id: int, models: list[str]) -> None:
    """Keep the models whose list prices are shown beside the teacher's."""
    settings.put(db, "other_models", models, client_id)


def _changed(values: Assumptions | Rules) -> dict:
    plain = asdict(type(values)())
    return {name: value for name, value in asdict(values).items() if value != plain[name]}
