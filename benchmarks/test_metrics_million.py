"""Time and memory for a million frames under every protocol, with confidence intervals."""

import numpy as np
import pytest

from helpers.metric_cases import unit
from sslbench.registry import Registry
from sslbench.running.cost import measured
from sslbench.scene import Tracks
from sslbench.scoring.protocol_definitions import PROTOCOLS
from sslbench.scoring.protocols import configure_metrics
from sslbench.scoring.scores import score

RECORDINGS, FRAMES, SOURCES = 1000, 1000, 2
LITERAL = "lemoing2019-literal"
"""Raises an error for sources that are this close."""


def moving(rng, kind):
    """Return estimates and ground truth of two moving sources with pauses and misses."""
    steps = 0.05 * rng.normal(size=(FRAMES, SOURCES, 3))
    truth = np.cumsum(steps, axis=0) + 3 * rng.normal(size=(1, SOURCES, 3))
    estimate = truth + 0.1 * rng.normal(size=truth.shape)
    gross = rng.random((FRAMES, SOURCES)) < 0.05
    estimate[gross] = 3 * rng.normal(size=(gross.sum(), 3))
    if kind == "direction":
        truth, estimate = unit(truth), unit(estimate)
    times = 0.1 * np.arange(FRAMES)
    return (
        Tracks.of(times, estimate, kind, rng.random((FRAMES, SOURCES)) < 0.9),
        Tracks.of(times, truth, kind, rng.random((FRAMES, SOURCES)) < 0.9),
    )


@pytest.fixture(scope="module", params=["position", "direction"])
def corpus(request):
    rng = np.random.default_rng(0)
    return request.param, [moving(rng, request.param) for _ in range(RECORDINGS)]


def score_under_every_protocol(kind, pairs):
    registry = Registry.installed()
    found = {}
    for protocol in PROTOCOLS:
        if protocol.name != LITERAL and (kind in protocol.primary or not protocol.primary):
            metrics = [
                metric
                for metric in configure_metrics(registry, protocol.name, kind)
                if metric.spec.subject == "sources"
            ]
            found[protocol.name] = score(pairs, metrics, protocol, 0)
    return found


@pytest.mark.target
@pytest.mark.slow
def test_a_million_frames_take_less_than_a_minute_and_2_gib(benchmark, corpus, say):
    with measured() as cost:
        run = benchmark.pedantic(score_under_every_protocol, corpus, rounds=1)
    seconds = benchmark.stats.stats.median
    say(f"{len(run)} protocols, {corpus[0]}s: {seconds:.1f} s, peak {cost.peak_ram_mb:.0f} MiB")
    assert all(score.ci95 for name in run for score in run[name] if np.isfinite(score.value))
    assert seconds < 60
    assert cost.peak_ram_mb < 2048
