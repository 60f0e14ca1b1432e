from time import sleep

import numpy as np
import pytest

from core.evaluate import latency


def test_quantiles_follow_the_calls_and_the_first_ones_do_not_count():
    seen = []

    def predict(text: str) -> None:
        sleep(0.05 if not seen else 0.001)
        seen.append(text)

    measured = latency.measure(predict, ["a", "b", "c"], calls=60)
    assert len(seen) == 60 + latency.WARM_UP
    assert seen[:4] == ["a", "b", "c", "a"]
    assert measured.n == 60
    assert 1 <= measured.p50 <= measured.p95 and measured.p99 is None, "60 calls know nothing of the slowest in 100"
    assert measured.p50 < 50
    assert "core" in measured.machine


def test_throughput_counts_assets_not_batches():
    sizes = []

    def predict(texts: list[str]) -> None:
        sizes.append(len(texts))
        sleep(0.01)

    rate = latency.throughput(predict, ["x"] * 40, batch=16, seconds=0.2)
    assert set(sizes) == {16}
    assert 100 < rate <= 1600


def test_a_single_text_is_enough_for_throughput():
    assert latency.throughput(lambda texts: sleep(0.001), ["x"], seconds=0.05) > 1


@pytest.mark.parametrize("function", [latency.measure, latency.throughput])
def test_no_text_is_a_bug(function):
    with pytest.raises(ValueError, match="at least one text"):
        function(lambda text: None, [])


def test_a_busy_machine_is_said(monkeypatch):
    monkeypatch.setattr(latency.os, "getloadavg", lambda: (0.5, 0, 0))
    assert "busy" not in latency.machine()
    monkeypatch.setattr(latency.os, "getloadavg", lambda: (999.0, 0, 0))
    assert latency.machine().endswith("busy with other work (load 999.0)")


def test_the_spread_gives_back_the_quantiles_and_an_interval_for_the_median():
    times = np.random.default_rng(3).lognormal(1, 0.5, 400)
    quantiles = latency.spread(times)
    assert len(quantiles) == 101 and quantiles[50] == pytest.approx(np.median(times), abs=1e-3)
    low, high = latency.median_interval(quantiles, 400)
    ranked = np.sort(times)
    assert ranked[178] < low < np.median(times) < high < ranked[222]  # ranks 180 and 220 of 400 hold it in 95 of 100
