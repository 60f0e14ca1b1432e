"""A hosted teacher writes drafts: within a cap, in the ledger, each through the gates that students' drafts go through.

    told = drafts(db, task, "connection:Big", briefs, cap_usd=5.0, owner="written-1", report=lambda done, total, usd: None)
    told.drafts[brief]       # [{"text", "passed", "gates"}], those that pass first

Drafts become rows of `drafts`, with the author TEACHER, in the transaction that settles their call, so that a kill loses none and
none is bought twice; from there they come to the drafts' desk. Needs neither pairs nor a student.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit
from sqlite_utils import Database

from core import settings
from core.encoders.encoder import encoder
from core.errors import InputError
from core.label import model
from core.label.consulting import Written
from core.label.errands import errand
from core.label.model import Model
from core.label.prompts import digest
from core.label.spending import FEW, MANY, MEASURED, Spread
from core.money import ledger, prices
from core.tasks import Task
from core.wires.wire import Request
from core.write import drafting, gates, guide, known, pairs, training
from core.write import teacher_prompt as prompt
from core.write.briefs import LONGEST
from core.write.drafting import Draft
from core.write.guide import Guide
from core.write.known import Encode, Known

TEACHER = "teacher"  # the author of drafts
CAPPED = "The cap was reached."
AT_ONCE = 200  # briefs whose examples are looked up before the teacher is asked about them
SAMPLED = 100  # briefs whose requests are put together for a forecast
USUAL_DRAFT = 80.0  # characters, where no copy was approved yet

Report = Callable[[int, int, float], None]  # briefs done, of so many, USD spent; raises to stop


@dataclass(frozen=True)
class Rules:
    """What a task's gates go by, with or without a student."""

    guide: Guide
    known: Known
    encode: Encode


@dataclass(frozen=True)
class Bought:
    """`drafts` of each brief that has any, as Draft.as_dict() says them, those that pass first. `bought` and `kept`: how many of
    them came now, and were there; `failed`: why a brief has none; `spent_usd`: all that the owner's calls have ever cost."""

    drafts: dict[str, list[dict]]
    bought: int
    kept: int
    failed: dict[str, str]
    capped: bool
    spent_usd: float

    @property
    def handled(self) -> int:
        """How many briefs have a draft that passes every gate."""
        return sum(any(one["passed"] for one in some) for some in self.drafts.values())


@dataclass(frozen=True)
class Forecast:
    """`calls` to make, one a brief that has no drafts yet; `kept`: briefs that have; tokens of all calls together. `cost` in USD,
    None without a price; `measured_on`: calls on which tokens were counted (0: estimated from characters)."""

    calls: int
    kept: int
    tokens_in: float
    tokens_out: float
    cost: Spread | None
    measured_on: int
    seconds: float


def rules_of(db: Database, task: Task, *, gates: bool = True) -> Rules:
    """The task's gates: its guide as it stands, and the approved copy that its student at work knows, else that of its pairs, which
    may be none. Without `gates` it is to see what would be asked: quicker, and no measure of a draft."""
    there = pairs.load(db, task)
    train = pairs.approved(there, "train")
    rules = guide.of(db, task, [copy for _, copy in train])
    live = db.execute("select path from writers where task_id = ? and live = 1", [task.id]).fetchone()
    if live and (settings.home() / live[0] / known.FILE).is_file():
        return Rules(rules, known.load(settings.home() / live[0]), encoder())
    if not gates:
        return Rules(rules, known.of(train[:SAMPLED], [], encoder(), frozenset()), encoder())
    words = training.common_words(settings.get(db, "base_model", task))
    return Rules(rules, known.of(train, pairs.approved(there, "calibration"), encoder(), words), encoder())


def asked_how(db: Database, task: Task, teacher: Model, drafts: int) -> str:
    """What tells these drafts from those bought another way."""
    return prompt.asked(teacher.connection, settings.get(db, guide.SETTING, task), drafts)


def owner_of(db: Database, task: Task, spec: str, briefs: Iterable[str], drafts: int) -> str:
    """Under whom the calls for these briefs stand in the ledger: the same for the same briefs and teacher, so that a cap holds over
    all times they are handed in."""
    how = asked_how(db, task, model.find(db, task.client_id, spec), drafts)
    return f"written-{digest([task.id, how, sorted(set(briefs))]).hex()[:32]}"


def drafts(
    db: Database,
    task: Task,
    teacher: str,
    briefs: Sequence[str],
    cap_usd: float | None,
    owner: str,
    report: Report = lambda done, total, usd: None,
    drafts: int = 1,
    purpose: str = ledger.WRITTEN,
) -> Bought:
    """Have the teacher (connection:NAME or KIND:MODEL) write `drafts` drafts of each brief, as far as it has not yet.

    All calls of `owner` together, of all times, cost no more than `cap_usd`; with the purpose SERVED the cap is the client's for a
    month. Raises InputError as core.label.errands.errand() does (no price, no cap, no key, no such connection), or where going
    on makes no sense; and whatever `report` raises, after what is under way has been kept.
    """
    if not 1 <= drafts <= prompt.SEVERAL:
        raise InputError(f"{drafts} drafts of a brief are not written.", f"Ask for 1 to {prompt.SEVERAL}.")
    hosted = model.find(db, task.client_id, teacher)
    how = asked_how(db, task, hosted, drafts)
    wanted, unusable = usable(briefs)
    failed: dict[str, str] = {}
    before = _there(db, task, how, wanted)
    lacking = [brief for brief in wanted if brief not in before]
    kept, capped = sum(map(len, before.values())), False

    def spent() -> float:
        month = purpose == ledger.SERVED
        return ledger.served_usd(db, task.client_id) if month else ledger.sent_usd(db, task.client_id, owner)

    if lacking:
        rules = rules_of(db, task)
        with errand(db, task.client_id, hosted, None, owner, cap_usd, purpose) as asked:
            for start in range(0, len(lacking), AT_ONCE):
                some = lacking[start : start + AT_ONCE]
                done = len(wanted) - len(lacking) + start
                written = asked.write(
                    requests(hosted, rules, some, drafts),
                    lambda now, done=done: report(done + now, len(wanted), spent()),
                    prompt.problem,
                    lambda disk, them: _keep(disk, task, hosted, how, rules, drafts, them),
                )
                failed |= {brief: one.error for brief, one in written.items() if one.error}
            capped = asked.capped
    found = _there(db, task, how, wanted) if lacking else before
    if capped:
        failed |= {brief: CAPPED for brief in wanted if brief not in found and brief not in failed}
    bought = sum(map(len, found.values())) - kept
    failed = {brief: failed[one] for brief, one in _cleaned(briefs).items() if one in failed} | unusable
    return Bought(_for(briefs, found), bought, kept, failed, capped, spent())


def most_usd(db: Database, task: Task, teacher: str, brief: str, drafts: int = 1) -> float:
    """The most USD that one call about a brief can cost. InputError where the model has no price."""
    hosted = model.find(db, task.client_id, teacher)
    [asked] = requests(hosted, rules_of(db, task), [brief], drafts).values()
    return hosted.most_usd(asked, hosted.priced())


def usable(briefs: Iterable[str]) -> tuple[list[str], dict[str, str]]:
    """The briefs as they are kept, each once; and why others, as they were given, cannot be written for."""
    wanted, failed = {}, {}
    for brief, cleaned in _cleaned(briefs).items():
        if 0 < len(cleaned) <= LONGEST:
            wanted[cleaned] = None
        else:
            size = f"The brief has {len(cleaned):,} characters; at most {LONGEST:,} are read."
            failed[brief] = size if cleaned else "The brief is empty."
    return list(wanted), failed


def _cleaned(briefs: Iterable[str]) -> dict[str, str]:
    """Each brief as it is kept: without what stands around it, and without characters that a database or a wire cannot hold."""
    return {brief: brief.encode("utf-8", "replace").decode().replace("\0", " ").strip() for brief in briefs}


def _for(briefs: Iterable[str], found: dict[str, list[dict]]) -> dict[str, list[dict]]:
    """What was found, under the briefs as they were given."""
    return {brief: found[one] for brief, one in _cleaned(briefs).items() if one in found}


def requests(hosted: Model, rules: Rules, briefs: Sequence[str], drafts: int) -> dict[str, Request]:
    """What is asked about each brief, with the approved copies nearest to it."""
    vectors = rules.encode(list(briefs))
    shown = prompt.nearest(rules.known, briefs, vectors)
    return {
        brief: prompt.request(hosted.connection, rules.guide, examples, brief, drafts)
        for brief, examples in zip(briefs, shown)
    }


def gated(texts: Sequence[tuple[str, str]], rules: Rules) -> list[Draft]:
    """(brief, text) pairs through the gates, facts as they stand."""
    cases = gates.approved(texts, rules.guide, rules.known, rules.encode)
    return [Draft(case.text, case.slotted, tuple(gates.find(case)), case.rank) for case in cases]


def _keep(
    disk: Database,
    task: Task,
    hosted: Model,
    how: str,
    rules: Rules,
    count: int,
    them: Sequence[tuple[str, Written]],
) -> None:
    """On the errand's disk, within its transaction: what arrived becomes drafts."""
    for brief, written in them:
        lines = prompt.read(written.text)[:count] if written.text else []
        if not lines:
            continue
        records = [one.as_dict() for one in gated([(brief, line) for line in lines], rules)]
        share = {name: _part(getattr(written, name), len(lines)) for name in ("tokens_in", "tokens_out", "cost_usd")}
        bought = {"connection": hosted.connection.name, "model": hosted.connection.model, "asked": how}
        for id in drafting.keep(disk, task.id, brief, records, author=TEACHER):
            disk["teacher_drafts"].insert({"draft_id": id, **bought, **share, "latency_ms": written.latency_ms})


def _part(whole: float | None, of: int) -> float | None:
    return None if whole is None else whole / of


def there(db: Database, task: Task, teacher: str, briefs: Sequence[str], drafts: int = 1) -> dict[str, list[dict]]:
    """The drafts that this teacher has written of these briefs, those that pass first; nothing is bought."""
    hosted = model.find(db, task.client_id, teacher)
    wanted, _ = usable(briefs)
    return _for(briefs, _there(db, task, asked_how(db, task, hosted, drafts), wanted))


def _there(db: Database, task: Task, how: str, briefs: Sequence[str]) -> dict[str, list[dict]]:
    """The drafts of these briefs that were bought this way, those that pass first."""
    rows = db.query(
        """select f.brief, f.text, f.passed, f.gates from teacher_drafts t join drafts f on f.id = t.draft_id
           where t.asked = :how and f.task_id = :task and f.brief in (select value from json_each(:briefs))
           order by f.passed desc, f.id""",
        {"how": how, "task": task.id, "briefs": json.dumps(list(briefs))},
    )
    found: dict[str, list[dict]] = {}
    for row in rows:
        draft = {"text": row["text"], "passed": bool(row["passed"]), "gates": json.loads(row["gates"])}
        found.setdefault(row["brief"], []).append(draft)
    return {brief: found[brief] for brief in briefs if brief in found}


# --- what it would cost -------------------------------------------------------------------------------------------------


def forecast(db: Database, task: Task, teacher: str, briefs: Sequence[str], drafts: int = 1) -> Forecast:
    """What drafts() would still have to buy. Nothing is bought. InputError where there is no such teacher."""
    hosted = model.find(db, task.client_id, teacher)
    how = asked_how(db, task, hosted, drafts)
    wanted, _ = usable(briefs)
    there = _there(db, task, how, wanted)
    lacking = [brief for brief in wanted if brief not in there]
    seconds = len(lacking) * prices.SECONDS / hosted.connection.params.concurrency
    if not lacking:
        return Forecast(0, len(there), 0.0, 0.0, Spread(0.0, 0.0, 0.0), 0, 0.0)
    seen = _taken(db, task, how)
    if len(seen) >= MEASURED:
        tokens = seen[:, :2].mean(0) * len(lacking)
        cost = hosted.price and _measured_cost(hosted.price, seen, len(lacking))
        return Forecast(len(lacking), len(there), *map(float, tokens), cost, len(seen), seconds)
    rules = rules_of(db, task, gates=False)
    step = max(1, len(lacking) // SAMPLED)
    asked = list(requests(hosted, rules, lacking[::step], drafts).values())
    size = float(np.mean([_characters(one) for one in asked])) * len(lacking)
    copy = float(np.mean([len(one) for one in rules.known.copies])) if rules.known.copies else USUAL_DRAFT
    out = len(lacking) * (drafts * (copy / prices.CHARACTERS_A_TOKEN + 4) + 8)
    most = len(lacking) * float(asked[0].max_tokens_out)
    cost = hosted.price and Spread(
        prices.cost(hosted.price, size / MANY, out / 2),
        prices.cost(hosted.price, size / prices.CHARACTERS_A_TOKEN, out),
        prices.cost(hosted.price, size / FEW, min(3 * out, most)),
    )
    return Forecast(len(lacking), len(there), size / prices.CHARACTERS_A_TOKEN, out, cost, 0, seconds)


def _characters(request: Request) -> int:
    return len(request.system) + sum(len(text) for _, text in request.turns)


def _taken(db: Database, task: Task, how: str) -> np.ndarray:
    """Tokens in and out of the newest calls made this way, (calls, 2), at most 2,000."""
    rows = db.execute(
        """select total(t.tokens_in), total(t.tokens_out) from teacher_drafts t join drafts f on f.id = t.draft_id
           where t.asked = ? and f.task_id = ? and t.tokens_in > 0 group by f.brief order by max(f.id) desc limit 2000""",
        [how, task.id],
    )
    return np.array(rows.fetchall(), float).reshape(-1, 2)


def _measured_cost(price: prices.Price, seen: np.ndarray, calls: int) -> Spread:
    """The 95 % range of the mean cost of a call, times the calls."""
    each = np.array([prices.cost(price, *tokens) for tokens in seen])
    error = float(stdtrit(len(each) - 1, 0.975) * each.std(ddof=1) / np.sqrt(len(each)))
    likely = float(each.mean())
    return Spread(calls * max(likely - error, 0.0), calls * likely, calls * (likely + error))
