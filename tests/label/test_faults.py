"""Everything that can go wrong between us and a model server, over real HTTP, with every call counted by the asset.

python -m tests.label.test_faults       # the table: what each fault cost
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from core import database
from core.errors import InputError
from core.label import buying, labelling, patience, runs
from core.wires import connections, limits
from core.wires.wire import OwnPrice, Params
from tests import small
from tests.wires import servers
from tests.wires.servers import Call, Fault, Server, Text, steady

ASSETS = 40
TIMEOUT_S = 2.5


@dataclass
class Trial:
    """A fault: what the server does, and what is to come of it."""

    script: Callable[[Call, Tally], Text | Fault | str]
    unlabelled: int = 0  # assets left without a label
    more_calls: tuple[int, int] = (0, 0)  # calls beyond one an asset (or a group of assets): least, most
    lost: int = 0  # calls that may have been billed and brought nothing
    mapped: int = 0
    stops: str = ""  # words of the error the run stops with; it is then started again
    params: dict = field(default_factory=dict)
    background: Callable[[Server], None] | None = None


@dataclass
class Tally:
    """Calls so far, and sound answers by asset text."""

    calls: int = 0
    answered: Counter = field(default_factory=Counter)
    broken: bool = False


def first(what, places: Callable[[Call], bool] = lambda call: True):
    """`what` the first time an asset is asked about (those that `places` picks), sound answers after."""
    return lambda call, tally: what(call) if call.number == 1 and places(call) else steady(call)


def always(what, places: Callable[[Call], bool]):
    return lambda call, tally: what(call) if places(call) else steady(call)


def between(low: int, high: int, what):
    return lambda call, tally: what if low < tally.calls <= high else steady(call)


def ends_in(*digits: int) -> Callable[[Call], bool]:
    """Whether the first text ends in one of the digits: four of the forty assets each."""
    return lambda call: int(call.texts[0][-1]) in digits


def unauthorised_once(call: Call, tally: Tally):
    if tally.calls > 20 and not tally.broken:
        return Fault("status", 401, code="invalid_api_key", words="Incorrect API key provided.")
    return steady(call)


def gone_and_back(server: Server) -> None:
    while sum(server.asked.values()) < 15:
        time.sleep(0.005)
    server.down()
    time.sleep(1.0)
    server.up()


FAULTS = {
    "none": Trial(lambda call, tally: steady(call)),
    "429 storm, Retry-After": Trial(between(10, 30, servers.rate_limited(0.2)), more_calls=(20, 20)),
    "429 storm, no word": Trial(between(10, 30, servers.rate_limited()), more_calls=(20, 20)),
    "500 the first time": Trial(first(lambda call: servers.SERVER_ERROR), more_calls=(40, 40)),
    "overloaded for a while": Trial(between(5, 20, servers.OVERLOADED), more_calls=(15, 15)),
    "500 always, four assets": Trial(
        always(lambda call: servers.SERVER_ERROR, ends_in(3)), unlabelled=4, more_calls=(12, 4 * (2 * patience.TRIES))
    ),
    "slow drip": Trial(first(lambda call: Fault("drip", seconds=0.1), ends_in(1)), more_calls=(4, 4), lost=4),
    "hang": Trial(first(lambda call: Fault("hang"), ends_in(2)), more_calls=(4, 4), lost=4),
    "reset": Trial(first(lambda call: Fault("reset"), ends_in(3)), more_calls=(4, 4), lost=4),
    "cut in the middle": Trial(first(lambda call: Fault("cut"), ends_in(4)), more_calls=(4, 4), lost=4),
    "an answer that is no JSON": Trial(first(lambda call: Fault("broken"), ends_in(5)), more_calls=(4, 4), lost=4),
    "truncated JSON": Trial(first(lambda call: Text('{"categ', "length"), ends_in(6)), more_calls=(4, 4)),
    "wrong schema": Trial(first(lambda call: '{"label": ["x"]}', ends_in(7)), more_calls=(4, 4)),
    "refusal": Trial(
        always(lambda call: Text("I can't help.", "refusal"), ends_in(8)), unlabelled=4, more_calls=(0, 4)
    ),
    "off the list": Trial(
        always(lambda call: '{"category": "Sponsoring"}', ends_in(9)), unlabelled=4, more_calls=(4, 4)
    ),
    "near miss": Trial(always(lambda call: 'Sure! Here is the label: {"category": " hiring. "}', ends_in(0)), mapped=4),
    "wrong count": Trial(
        first(lambda call: '{"answers": [{"text": 1, "category": "1"}]}'),
        more_calls=(10, 10),
        params={"assets_per_call": 4},
    ),
    "401 in the middle": Trial(unauthorised_once, stops="key", more_calls=(1, 8)),
    "gone and back": Trial(
        lambda call, tally: steady(call), more_calls=(0, 8), lost=8, background=gone_and_back, params={"concurrency": 8}
    ),
}


@dataclass
class Outcome:
    """What came of a run under a fault."""

    server: Server
    tally: Tally
    figures: dict
    stopped: str
    reasons: list[dict]
    states: dict[str, int]
    spent: float
    billed: float
    seconds: float

    @property
    def calls(self) -> int:
        return len(self.server.calls)

    @property
    def twice(self) -> int:
        """Sound answers beyond the first on an asset."""
        return sum(n - 1 for n in self.tally.answered.values())


def suffer(db, folder: Path, fault: Trial, kind: str = "openai") -> Outcome:
    """Label forty assets by a server that has this fault; started again where the run stops."""
    tally = Tally()

    def script(call: Call):
        tally.calls += 1
        said = fault.script(call, tally)
        if said == steady(call):
            tally.answered.update(call.texts)
        return said

    with Server(script, latency=0.02) as server:
        client = small.fill(db, folder, small.rows(ASSETS))
        params = Params(**{"timeout_s": TIMEOUT_S, "concurrency": 4, "price": OwnPrice(1.0, 4.0)} | fault.params)
        url = server.url if kind == "openai" else server.root
        connections.save(db, client.client_id, "Local", kind, "model-of-mine", base_url=url, params=params)
        helper = fault.background and threading.Thread(target=fault.background, args=(server,))
        if helper:
            helper.start()
        stopped, started = "", time.monotonic()
        try:
            made = labelling.label(db, client, "connection:Local", budget_usd=1.0)
        except InputError as error:
            stopped, tally.broken = str(error), True
            made = labelling.label(db, client, "connection:Local", budget_usd=1.0)
        if helper:
            helper.join()
        seconds = time.monotonic() - started
    states = dict(db.execute("select state, count(*) from calls group by state").fetchall())
    figures = runs.summary(db, made)
    billed = (server.billed_in * 1.0 + server.billed_out * 4.0) / 1e6
    return Outcome(
        server, tally, figures, stopped, runs.reasons(db, made), states, figures["spent_usd"], billed, seconds
    )


def shorten(patch: pytest.MonkeyPatch) -> None:
    """Pauses of a fraction of a second."""
    for module, first_pause, longest in ((buying, 0.02, 0.3), (limits, 0.05, 0.2)):
        patch.setattr(module, "FIRST_PAUSE", first_pause)
        patch.setattr(module, "LONGEST_PAUSE", longest)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    shorten(monkeypatch)


@pytest.mark.parametrize("kind", ["openai", "anthropic"])
@pytest.mark.parametrize("name", list(FAULTS))
def test_a_fault_costs_what_it_must_and_no_more(db, tmp_path, name, kind):
    fault = FAULTS[name]
    found = suffer(db, tmp_path, fault, kind)
    assert (found.figures["count"], found.figures["failed"]) == (ASSETS - fault.unlabelled, fault.unlabelled)
    assert found.figures["mapped"] == fault.mapped
    groups = ASSETS // fault.params.get("assets_per_call", 1)
    least, most = fault.more_calls
    assert groups + least <= found.calls <= groups + most
    lost = found.states.get("unknown", 0)
    assert found.twice <= min(lost, fault.lost), "a sound answer that arrived was bought twice"
    assert lost <= fault.lost and "open" not in found.states
    assert found.spent >= found.billed - 1e-9 and (lost or found.spent == pytest.approx(found.billed))
    assert bool(fault.stops) == bool(found.stopped) and fault.stops in found.stopped
    rows = db.query("select category_id, error from labels")
    assert all((row["category_id"] is None) != (row["error"] is None) for row in rows), "never an empty label"
    kept = db.execute("select count(*) from kept_replies").fetchone()[0]
    assert kept <= found.figures["count"] - fault.mapped or fault.mapped


def test_the_systems_clock_jumping_changes_nothing(db, tmp_path, monkeypatch):
    real, jumps = time.time, [0]

    def jumping() -> float:
        jumps[0] += 1
        return real() + (7200 if jumps[0] % 2 else -7200)

    monkeypatch.setattr(time, "time", jumping)
    found = suffer(db, tmp_path, FAULTS["429 storm, Retry-After"])
    assert jumps[0] > 0 and found.figures["count"] == ASSETS and found.seconds < 20


def main() -> None:
    """Print the fault table."""
    shorten(pytest.MonkeyPatch())
    print(
        "| fault | provider | labelled | unlabelled | calls | lost | bought twice | spent / billed | s | reason or stop |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    for name, fault in FAULTS.items():
        for kind in ("openai", "anthropic"):
            with tempfile.TemporaryDirectory() as folder, closing(database.connect(Path(folder) / "faults.db")) as db:
                found = suffer(db, Path(folder), fault, kind)
            why = found.stopped or (found.reasons[0]["reason"] if found.reasons else "")
            lost, figures = found.states.get("unknown", 0), found.figures
            print(
                f"| {name} | {kind} | {figures['count']} | {figures['failed']} | {found.calls} | {lost} | {found.twice}"
                f" | {found.spent:.6f} / {found.billed:.6f} | {found.seconds:.1f} | {why} |"
            )


if __name__ == "__main__":
    main()
