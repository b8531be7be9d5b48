"""Speed of OSPA and GOSPA for a million frames of two sources with pauses and misses."""

import numpy as np
import pytest

from sslbench.metrics.corpus import Corpus
from sslbench.metrics.families.ospa import gospa, ospa
from sslbench.metrics.families.ospa2 import ospa_2
from sslbench.scene import Tracks

RECORDINGS, FRAMES, SOURCES = 1000, 1000, 2

METRICS = {
    "ospa": ospa(),
    "gospa": gospa(p=2),
    "ospa-2": ospa_2(),
    "ospa-2 in windows of 5 s": ospa_2(p=2, window=5.0),
}


def recording(rng):
    times = np.arange(FRAMES) / 10
    xyz = rng.normal(size=(FRAMES, SOURCES, 3))
    near = xyz + rng.normal(size=xyz.shape) * 0.3
    active, detected = rng.random((2, FRAMES, SOURCES)) < 0.7
    return (
        Tracks.of(times, near, "position", detected),
        Tracks.of(times, xyz, "position", active),
    )


@pytest.fixture(scope="module")
def corpus():
    rng = np.random.default_rng(0)
    return Corpus.of([recording(rng) for _ in range(RECORDINGS)])


@pytest.mark.target
@pytest.mark.parametrize("name", METRICS)
def test_a_million_frames_take_at_most_two_seconds(name, corpus, median_seconds, say):
    # A new corpus each time, because a corpus caches its matches.
    def rows():
        return METRICS[name].rows(Corpus(corpus.prediction, corpus.truth, corpus.lengths))

    seconds = median_seconds(rows, 3)
    say(f"{name}: a million frames in {seconds:.2f} s, distances included")
    assert seconds <= 2
