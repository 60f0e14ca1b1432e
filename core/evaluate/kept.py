"""What a client keeps for itself and every figure rests on: assumptions, the verdict's rules, models to compare prices with."""

from __future__ import annotations

from dataclasses import asdict

from sqlite_utils import Database

from core import settings
from core.evaluate.evidence import Rules
from core.money import prices
from core.money.economics import Assumptions
from core.tasks import Task


def assumptions_of(db: Database, task: Task) -> Assumptions:
    """The client's assumptions: those kept, the defaults for the rest. Where a teacher's drafts were bought, they cost what they
    did, unless somebody prices the teacher as a model."""
    usual = {"price_as": None} if _drafts_bought(db, task) else {}
    return Assumptions(**usual | settings.get(db, "assumptions", task))


def keep_assumptions(db: Database, task: Task, assumptions: Assumptions) -> None:
    """Keep what differs from the defaults as the client's own."""
    chosen = {"price_as": assumptions.price_as} if _drafts_bought(db, task) else {}
    settings.put(db, "assumptions", _changed(assumptions) | chosen, task)


def _drafts_bought(db: Database, task: Task) -> bool:
    query = """select exists (select 1 from teacher_drafts b join drafts d on d.id = b.draft_id
               where d.task_id = ? and b.cost_usd > 0)"""
    return task.kind == "write" and bool(db.execute(query, [task.id]).fetchone()[0])


def rules_of(db: Database, task: Task, target: float | None = None) -> Rules:
    """The client's rules; `target`: that of the student judged, else the setting."""
    target = settings.get(db, "target_agreement", task) if target is None else target
    return Rules(**settings.get(db, "verdict_rules", task) | {"target": target})


def keep_rules(db: Database, task: Task, rules: Rules) -> None:
    """Keep the rules as the client's own; its target holds for students trained from now on too."""
    settings.put(db, "target_agreement", rules.target, task)
    changed = _changed(rules)
    changed.pop("target", None)
    settings.put(db, "verdict_rules", changed, task)


def teacher_price(db: Database, assumptions: Assumptions) -> prices.Price | None:
    """What the model costs that the teacher is priced as; None where none is chosen."""
    return prices.price(db, assumptions.price_as) if assumptions.price_as else None


def other_prices(db: Database, task: Task) -> list[prices.Price]:
    """The list prices the client wants beside its own; models that have lost theirs are left out."""
    priced = (prices.price(db, model) for model in settings.get(db, "other_models", task))
    return [price for price in priced if price]


def keep_other_models(db: Database, task: Task, models: list[str]) -> None:
    """Keep the models whose list prices are shown beside the teacher's."""
    settings.put(db, "other_models", models, task)


def _changed(values: Assumptions | Rules) -> dict:
    plain = asdict(type(values)())
    return {name: value for name, value in asdict(values).items() if value != plain[name]}
