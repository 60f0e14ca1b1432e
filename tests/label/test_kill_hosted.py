"""Killed with -9 while it buys labels: none is lost, none bought twice but what was under way, and the money is right."""

from tests.label.killing import CONCURRENCY, kill_again_and_again


def test_killed_five_times_it_loses_the_calls_under_way_and_nothing_else(db, tmp_path):
    found = kill_again_and_again(db, tmp_path, kills=5, assets=700)
    assert found.labels == 700
    assert [kill.lost for kill in found.kills] == [0] * 5
    assert found.kills[-1].labels > found.kills[0].labels, "killed in the middle, not before it began"
    assert all(kill.open_calls <= 3 * CONCURRENCY for kill in found.kills)
    assert found.twice <= found.open_calls
    assert found.spent >= found.billed - 1e-9, "what a killed call can have cost is counted"
