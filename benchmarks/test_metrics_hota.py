"""Speed of HOTA against TrackEval, and what it takes on a million frames.

``pytest benchmarks/test_metrics_hota.py`` prints a table; ratios of medians within one run are what
counts. One test holds the ratio to what is promised, another time and memory on a large corpus.
"""

import time
import tracemalloc

import numpy as np
import pytest
from trackeval.metrics import HOTA

from sslbench.metrics.corpus import Corpus
from sslbench.metrics.families.hota import ass_a, det_a, hota, loc_a
from sslbench.scene import Tracks

CLIPS = 200
FRAMES = 600
SOURCES = 2
ZERO = 40.0
METRICS = {"HOTA": hota, "DetA": det_a, "AssA": ass_a, "LocA": loc_a}
GROUP = f"HOTA, DetA, AssA, LocA: {CLIPS} clips of {FRAMES} frames, {SOURCES} sources"


def _clip(rng, frames):
    """Return directions of two walkers, 8 % of answers missing, 5 % gross, one swap."""
    truth = rng.normal(size=(1, SOURCES, 3)) + np.cumsum(
        0.02 * rng.normal(size=(frames, SOURCES, 3)), axis=0
    )
    answer = truth + 0.1 * rng.normal(size=truth.shape)
    gross = rng.random((frames, SOURCES, 1)) < 0.05
    answer = np.where(gross, rng.normal(size=truth.shape), answer)
    answer[frames // 2 :] = answer[frames // 2 :, ::-1]
    truth, answer = (xyz / np.linalg.norm(xyz, axis=-1, keepdims=True) for xyz in (truth, answer))
    times = 0.02 * np.arange(frames)
    return (
        Tracks.of(times, answer, "direction", rng.random((frames, SOURCES)) < 0.92),
        Tracks.of(times, truth, "direction", rng.random((frames, SOURCES)) < 0.9),
    )


@pytest.fixture(scope="module")
def clips():
    rng = np.random.default_rng(0)
    return [_clip(rng, FRAMES) for _ in range(CLIPS)]


def _score(clips):
    corpus = Corpus.of(clips)
    metrics = {name: factory() for name, factory in METRICS.items()}
    return {name: metric.value(metric.rows(corpus)) for name, metric in metrics.items()}


def _sequence(answer, truth):
    """Put a clip into the form of TrackEval, which is not timed."""
    chord = np.linalg.norm(truth.xyz[:, :, None] - answer.xyz[:, None], axis=-1)
    angle = np.degrees(2 * np.arcsin(np.minimum(chord / 2, 1)))
    similarity = np.maximum(0, 1 - angle / ZERO)
    there = list(zip(truth.active, answer.active, strict=True))
    return {
        "num_gt_dets": int(truth.active.sum()),
        "num_tracker_dets": int(answer.active.sum()),
        "num_gt_ids": SOURCES,
        "num_tracker_ids": SOURCES,
        "gt_ids": [np.flatnonzero(sounding) for sounding, _ in there],
        "tracker_ids": [np.flatnonzero(claimed) for _, claimed in there],
        "similarity_scores": [
            frame[np.ix_(*pair)] for frame, pair in zip(similarity, there, strict=True)
        ],
    }


def _score_by_trackeval(sequences):
    judge = HOTA()
    return judge.combine_sequences({n: judge.eval_sequence(one) for n, one in sequences.items()})


@pytest.fixture(scope="module")
def sequences(clips):
    return {n: _sequence(*clip) for n, clip in enumerate(clips)}


@pytest.mark.benchmark(group=GROUP)
def test_hota(benchmark, clips):
    benchmark.pedantic(_score, (clips,), rounds=5, warmup_rounds=1)


@pytest.mark.benchmark(group=GROUP)
def test_trackeval(benchmark, sequences):
    benchmark.pedantic(_score_by_trackeval, (sequences,), rounds=1)


@pytest.mark.target
def test_hota_is_ten_times_trackeval(clips, sequences, median_seconds, say):
    found, said = _score(clips), _score_by_trackeval(sequences)
    for name in METRICS:
        assert found[name] == pytest.approx(100 * said[name].mean(), abs=1e-9)
    ours = median_seconds(lambda: _score(clips), 7)
    theirs = median_seconds(lambda: _score_by_trackeval(sequences), 3)
    say(
        f"HOTA: {theirs / ours:.0f} x TrackEval"
        f" ({1e3 * ours:.0f} ms, distances and HOTA, DetA, AssA, LocA; {theirs:.1f} s)"
    )
    assert theirs / ours >= 10


@pytest.mark.target
def test_a_million_frames_stay_below_a_gibibyte(say):
    rng = np.random.default_rng(1)
    corpus = Corpus.of([_clip(rng, 1000) for _ in range(1000)])
    tracemalloc.start()
    start = time.perf_counter()
    for factory in METRICS.values():
        factory().rows(corpus)
    seconds, (_, peak) = time.perf_counter() - start, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    say(f"HOTA, DetA, AssA, LocA of a million frames: {seconds:.1f} s, {peak / 2**20:.0f} MiB")
    assert peak < 2**30
