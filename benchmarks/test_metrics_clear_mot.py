"""Speed of matching compared with a loop over scipy, and of CLEAR-MOT with motmetrics.

``pytest benchmarks/test_metrics_clear_mot.py`` prints one table per group. Compare ratios of
medians within one run. The tests marked `target` check the ratios against their targets.
"""

import motmetrics
import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from helpers.metric_cases import walkers
from sslbench.metrics.association import assign
from sslbench.metrics.corpus import Corpus
from sslbench.metrics.families.clear_mot import (
    clear_false_positives,
    clear_misses,
    fragmentations,
    id_switches,
    mota,
    motp,
)

PAIRED = 100_000
CLIPS, FRAMES, SOURCES = 200, 600, 2
GATE = 20.0
METRICS = (clear_misses, clear_false_positives, id_switches, fragmentations, mota, motp)
GROUP = f"CLEAR-MOT: {CLIPS} clips of {FRAMES} frames, {SOURCES} sources"

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning:motmetrics.*")


def _costs(sources):
    return np.random.default_rng(0).random((PAIRED, sources, sources))


def _assign_by_scipy(cost):
    """Solve frames without a gate, which is the minimum work of a loop."""
    partner = np.empty(cost.shape[:2], dtype=int)
    for frame, one in enumerate(cost):
        partner[frame] = linear_sum_assignment(one)[1]
    return partner


@pytest.mark.benchmark(group=f"assignment: {PAIRED} frames")
@pytest.mark.parametrize("sources", [1, 2, 3])
def test_assign(benchmark, sources):
    cost = _costs(sources)
    benchmark(assign, cost, np.ones(cost.shape, dtype=bool))


@pytest.mark.benchmark(group=f"assignment: {PAIRED} frames")
@pytest.mark.parametrize("sources", [1, 2, 3])
def test_scipy_frame_by_frame(benchmark, sources):
    benchmark.pedantic(_assign_by_scipy, (_costs(sources),), rounds=3)


@pytest.mark.target
@pytest.mark.parametrize(("sources", "target"), [(1, 40), (2, 40), (3, 20)])
def test_assign_is_faster_than_a_loop_over_frames(sources, target, median_seconds, say):
    cost = _costs(sources)
    allowed = np.ones(cost.shape, dtype=bool)
    assert (assign(cost, allowed) == _assign_by_scipy(cost)).all()
    ours = median_seconds(lambda: assign(cost, allowed), 20)
    theirs = median_seconds(lambda: _assign_by_scipy(cost), 5)
    say(
        f"assignment, {sources} sources: {theirs / ours:.0f} x scipy"
        f" ({1e9 * ours / PAIRED:.0f} ns, {1e9 * theirs / PAIRED:.0f} ns per frame)"
    )
    assert theirs / ours >= target


@pytest.fixture(scope="module")
def clips():
    rng = np.random.default_rng(0)
    return [walkers(rng, FRAMES, SOURCES) for _ in range(CLIPS)]


@pytest.fixture(scope="module")
def frames(clips):
    """Return frames of clips for motmetrics; creating them is not timed."""
    return [list(_frames(*clip)) for clip in clips]


def _frames(estimate, truth):
    cosine = np.clip(np.einsum("tik,tjk->tij", truth.xyz, estimate.xyz), -1, 1)
    angle = np.degrees(np.arccos(cosine))
    for near, *tracks in zip(
        np.where(angle <= GATE, angle, np.nan), truth.active, estimate.active, strict=True
    ):
        ids = [np.flatnonzero(active) for active in tracks]
        yield *ids, near[np.ix_(*ids)]


def _score(clips):
    corpus = Corpus.of(clips)
    metrics = [factory() for factory in METRICS]
    return [metric.value(metric.rows(corpus)) for metric in metrics]


def _score_by_motmetrics(frames):
    accumulators = [motmetrics.MOTAccumulator(auto_id=True) for _ in frames]
    for accumulator, clip in zip(accumulators, frames, strict=True):
        for frame in clip:
            accumulator.update(*frame)
    names = ["num_misses", "num_false_positives", "num_switches", "num_fragmentations"]
    table = motmetrics.metrics.create().compute_many(
        accumulators, metrics=[*names, "mota", "motp", "num_objects"], generate_overall=True
    )
    overall = table.loc["OVERALL"]
    shares = 100 * overall[names[:2]] / overall["num_objects"]
    return [*shares, *overall[names[2:]], 100 * overall["mota"], overall["motp"]]


@pytest.mark.benchmark(group=GROUP)
def test_clear(benchmark, clips):
    benchmark.pedantic(_score, (clips,), rounds=5, warmup_rounds=1)


@pytest.mark.benchmark(group=GROUP)
def test_motmetrics(benchmark, frames):
    benchmark.pedantic(_score_by_motmetrics, (frames,), rounds=1)


@pytest.mark.target
def test_clear_mot_is_fifty_times_faster_than_motmetrics(clips, frames, median_seconds, say):
    found, expected = _score(clips), _score_by_motmetrics(frames)
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    ours = median_seconds(lambda: _score(clips), 7)
    theirs = median_seconds(lambda: _score_by_motmetrics(frames), 1)
    say(
        f"CLEAR-MOT: {theirs / ours:.0f} x motmetrics"
        f" ({1e3 * ours:.0f} ms, distances and six metrics; {theirs:.1f} s)"
    )
    assert theirs / ours >= 50
