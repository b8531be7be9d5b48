"""Speed of HOTA compared with TrackEval, and its memory for a million frames.

``pytest benchmarks/test_metrics_hota.py`` prints a table. Compare ratios of medians within one run.
One test checks the ratio against its target, another the memory for a large corpus.
"""

import time
import tracemalloc

import numpy as np
import pytest
from trackeval.metrics import HOTA

from helpers.metric_cases import walkers
from sslbench.metrics.corpus import Corpus
from sslbench.metrics.families.hota import ass_a, det_a, hota, loc_a

CLIPS = 200
FRAMES = 600
SOURCES = 2
ZERO = 40.0
METRICS = {"HOTA": hota, "DetA": det_a, "AssA": ass_a, "LocA": loc_a}
GROUP = f"HOTA, DetA, AssA, LocA: {CLIPS} clips of {FRAMES} frames, {SOURCES} sources"


@pytest.fixture(scope="module")
def clips():
    rng = np.random.default_rng(0)
    return [walkers(rng, FRAMES, SOURCES) for _ in range(CLIPS)]


def _score(clips):
    corpus = Corpus.of(clips)
    metrics = {name: factory() for name, factory in METRICS.items()}
    return {name: metric.value(metric.rows(corpus)) for name, metric in metrics.items()}


def _sequence(estimate, truth):
    """Convert a clip for TrackEval, which is not timed."""
    chord = np.linalg.norm(truth.xyz[:, :, None] - estimate.xyz[:, None], axis=-1)
    angle = np.degrees(2 * np.arcsin(np.minimum(chord / 2, 1)))
    similarity = np.maximum(0, 1 - angle / ZERO)
    active = list(zip(truth.active, estimate.active, strict=True))
    return {
        "num_gt_dets": int(truth.active.sum()),
        "num_tracker_dets": int(estimate.active.sum()),
        "num_gt_ids": SOURCES,
        "num_tracker_ids": SOURCES,
        "gt_ids": [np.flatnonzero(sources) for sources, _ in active],
        "tracker_ids": [np.flatnonzero(estimates) for _, estimates in active],
        "similarity_scores": [
            frame[np.ix_(*pair)] for frame, pair in zip(similarity, active, strict=True)
        ],
    }


def _score_by_trackeval(sequences):
    evaluator = HOTA()
    return evaluator.combine_sequences(
        {n: evaluator.eval_sequence(one) for n, one in sequences.items()}
    )


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
def test_hota_is_ten_times_faster_than_trackeval(clips, sequences, median_seconds, say):
    found, expected = _score(clips), _score_by_trackeval(sequences)
    for name in METRICS:
        assert found[name] == pytest.approx(100 * expected[name].mean(), abs=1e-9)
    ours = median_seconds(lambda: _score(clips), 7)
    theirs = median_seconds(lambda: _score_by_trackeval(sequences), 3)
    say(
        f"HOTA: {theirs / ours:.0f} x TrackEval"
        f" ({1e3 * ours:.0f} ms, distances and HOTA, DetA, AssA, LocA; {theirs:.1f} s)"
    )
    assert theirs / ours >= 10


@pytest.mark.target
def test_a_million_frames_need_less_than_a_gibibyte(say):
    rng = np.random.default_rng(1)
    corpus = Corpus.of([walkers(rng, 1000, SOURCES) for _ in range(1000)])
    tracemalloc.start()
    start = time.perf_counter()
    for factory in METRICS.values():
        factory().rows(corpus)
    seconds, (_, peak) = time.perf_counter() - start, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    say(f"HOTA, DetA, AssA, LocA of a million frames: {seconds:.1f} s, {peak / 2**20:.0f} MiB")
    assert peak < 2**30
