"""Speed of pairing against a loop over frames with scipy, and of CLEAR-MOT against motmetrics.

``pytest benchmarks/test_metrics_clear.py`` prints a table a group; ratios of medians within one run
are what counts. The tests marked `target` hold the ratios to what is promised.
"""

import motmetrics
import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

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
from sslbench.scene import Tracks

PAIRED = 100_000
CLIPS, FRAMES, SOURCES = 200, 600, 2
GATE = 20.0
METRICS = (clear_misses, clear_false_positives, id_switches, fragmentations, mota, motp)
GROUP = f"CLEAR-MOT: {CLIPS} clips of {FRAMES} frames, {SOURCES} sources"

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning:motmetrics.*")


def _costs(sources):
    return np.random.default_rng(0).random((PAIRED, sources, sources))


def _assign_by_scipy(cost):
    """Solve full frames without a gate, the least that a loop can do."""
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
def test_scipy_one_frame_after_the_other(benchmark, sources):
    benchmark.pedantic(_assign_by_scipy, (_costs(sources),), rounds=3)


@pytest.mark.target
@pytest.mark.parametrize(("sources", "target"), [(1, 40), (2, 40), (3, 20)])
def test_assign_is_many_times_a_loop_over_frames(sources, target, median_seconds, say):
    cost = _costs(sources)
    allowed = np.ones(cost.shape, dtype=bool)
    assert (assign(cost, allowed) == _assign_by_scipy(cost)).all()
    ours = median_seconds(lambda: assign(cost, allowed), 20)
    theirs = median_seconds(lambda: _assign_by_scipy(cost), 5)
    say(
        f"assignment, {sources} sources: {theirs / ours:.0f} x scipy"
        f" ({1e9 * ours / PAIRED:.0f} ns, {1e9 * theirs / PAIRED:.0f} ns a frame)"
    )
    assert theirs / ours >= target


def _clip(rng):
    """Return directions of walkers, 8 % of answers missing, 5 % gross, one swap."""
    shape = (FRAMES, SOURCES, 3)
    truth = rng.normal(size=(1, *shape[1:])) + np.cumsum(0.02 * rng.normal(size=shape), axis=0)
    gross = rng.random((*shape[:2], 1)) < 0.05
    answer = np.where(gross, rng.normal(size=shape), truth + 0.1 * rng.normal(size=shape))
    answer[FRAMES // 2 :] = answer[FRAMES // 2 :, ::-1]
    truth, answer = (xyz / np.linalg.norm(xyz, axis=-1, keepdims=True) for xyz in (truth, answer))
    times = 0.02 * np.arange(FRAMES)
    return (
        Tracks.of(times, answer, "direction", rng.random(shape[:2]) < 0.92),
        Tracks.of(times, truth, "direction", rng.random(shape[:2]) < 0.9),
    )


@pytest.fixture(scope="module")
def clips():
    rng = np.random.default_rng(0)
    return [_clip(rng) for _ in range(CLIPS)]


@pytest.fixture(scope="module")
def frames(clips):
    """Return frames of clips as motmetrics wants them; making them is not timed."""
    return [list(_frames(*clip)) for clip in clips]


def _frames(answer, truth):
    cosine = np.clip(np.einsum("tik,tjk->tij", truth.xyz, answer.xyz), -1, 1)
    angle = np.degrees(np.arccos(cosine))
    for near, *there in zip(
        np.where(angle <= GATE, angle, np.nan), truth.active, answer.active, strict=True
    ):
        ids = [np.flatnonzero(active) for active in there]
        yield *ids, near[np.ix_(*ids)]


def _score(clips):
    corpus = Corpus.of(clips)
    metrics = [factory() for factory in METRICS]
    return [metric.value(metric.rows(corpus)) for metric in metrics]


def _score_by_motmetrics(frames):
    judges = [motmetrics.MOTAccumulator(auto_id=True) for _ in frames]
    for judge, clip in zip(judges, frames, strict=True):
        for frame in clip:
            judge.update(*frame)
    names = ["num_misses", "num_false_positives", "num_switches", "num_fragmentations"]
    table = motmetrics.metrics.create().compute_many(
        judges, metrics=[*names, "mota", "motp", "num_objects"], generate_overall=True
    )
    said = table.loc["OVERALL"]
    shares = 100 * said[names[:2]] / said["num_objects"]
    return [*shares, *said[names[2:]], 100 * said["mota"], said["motp"]]


@pytest.mark.benchmark(group=GROUP)
def test_clear(benchmark, clips):
    benchmark.pedantic(_score, (clips,), rounds=5, warmup_rounds=1)


@pytest.mark.benchmark(group=GROUP)
def test_motmetrics(benchmark, frames):
    benchmark.pedantic(_score_by_motmetrics, (frames,), rounds=1)


@pytest.mark.target
def test_clear_is_fifty_times_motmetrics(clips, frames, median_seconds, say):
    found, said = _score(clips), _score_by_motmetrics(frames)
    np.testing.assert_allclose(found, said, rtol=1e-9)
    ours = median_seconds(lambda: _score(clips), 7)
    theirs = median_seconds(lambda: _score_by_motmetrics(frames), 1)
    say(
        f"CLEAR-MOT: {theirs / ours:.0f} x motmetrics"
        f" ({1e3 * ours:.0f} ms, distances and six metrics; {theirs:.1f} s)"
    )
    assert theirs / ours >= 50
