"""Scores of one-second segments, compared with loops over segments."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment
from scipy.spatial.transform import Rotation

from helpers.metric_cases import pairwise_distance, several_sources
from sslbench.errors import FormatError, ParameterError
from sslbench.metrics.corpus import Corpus
from sslbench.metrics.declaration import specs_of
from sslbench.metrics.families import dcase
from sslbench.scene import Tracks

NAMES = [spec.name for spec in specs_of(dcase)]
OF_POSITIONS = [spec.name for spec in specs_of(dcase) if "position" in spec.kinds]


def make(name, **parameters):
    return getattr(dcase, name.replace("-", "_"))(**parameters)


def all_values(pairs):
    corpus = Corpus.of(pairs)
    names = OF_POSITIONS if corpus.kind == "position" else NAMES
    metrics = {name: make(name) for name in names}
    return {name: metric.value(metric.rows(corpus)) for name, metric in metrics.items()}


def distances_of(estimate, truth, frames):
    """Return the distances of each source in the frames of a segment where it has an estimate."""
    known = {}
    for frame in frames:
        sources = np.flatnonzero(truth.active[frame])
        estimates = np.flatnonzero(estimate.active[frame])
        cost = pairwise_distance(
            truth.xyz[frame, sources], estimate.xyz[frame, estimates], truth.kind
        )
        for first, second in zip(*linear_sum_assignment(cost), strict=True):
            known.setdefault(sources[first], []).append(cost[first, second])
    return known


def segments(pairs):
    for estimate, truth in pairs:
        whole = (truth.times + 1e-6).astype(int)
        for second in np.unique(whole):
            yield estimate, truth, np.flatnonzero(whole == second)


def reference(pairs, within):
    tp = fp_spatial = fp = fn = s = d = i = n = 0
    means = []
    for estimate, truth, frames in segments(pairs):
        matched = [np.mean(known) for known in distances_of(estimate, truth, frames).values()]
        near = sum(mean <= within for mean in matched)
        sources = truth.active[frames].any(axis=0).sum()
        estimates = max(estimate.active[frames].sum(axis=1).max(), len(matched))
        missed, excess = sources - near, estimates - near
        s += min(missed, excess)
        d += max(0, missed - excess)
        i += max(0, excess - missed)
        tp, fp_spatial = tp + near, fp_spatial + len(matched) - near
        fn, fp = fn + sources - len(matched), fp + estimates - len(matched)
        n += sources
        means += matched
    f_score = tp / (tp + fp_spatial + 0.5 * (fp + fn))
    error_rate, error, recall = (s + d + i) / n, np.mean(means) if means else 180, len(means) / n
    return {
        "f-score-within": 100 * f_score,
        "error-rate-within": error_rate,
        "localization-error-segments": error,
        "localization-recall-segments": 100 * recall,
        "seld-score": np.mean([error_rate, 1 - f_score, error / 180, 1 - recall]),
    }


@pytest.mark.parametrize(("kind", "within"), [("direction", 20), ("position", 0.5)])
@pytest.mark.parametrize(("sources", "estimates"), [(1, 1), (1, 3), (2, 2), (3, 2), (4, 5)])
def test_random_corpora_agree_with_loops_over_segments(kind, within, sources, estimates):
    for seed in range(12):
        pairs = [
            several_sources(3 * seed + n, kind, 18 + 3 * n, sources, estimates) for n in range(3)
        ]
        expected = reference(pairs, within)
        found = all_values(pairs)
        assert found == pytest.approx({name: expected[name] for name in found}, abs=1e-5)


FRONT, LEFT, BACK, NONE = [1, 0, 0], [0, 1, 0], [-1, 0, 0], [np.nan] * 3


def at(*frames, step=0.5, start=0.0, kind="direction"):
    times = start + step * np.arange(len(frames))
    return Tracks.of(times, np.array(frames, dtype=float), kind)


def scores(estimate, truth):
    return [make(name)(estimate, truth) for name in NAMES]


def test_a_perfect_prediction_has_the_best_scores():
    truth = at([FRONT, LEFT], [FRONT, LEFT], [NONE, LEFT])
    assert scores(truth, truth) == [100, 0, 0, 100, 0]


def test_a_far_pair_is_one_substitution_and_has_double_weight_in_f():
    # One of two sources is hit, the other has an estimate behind: TP = 1, FP_spatial = 1.
    estimate, truth = at([FRONT, BACK]), at([FRONT, LEFT])
    assert scores(estimate, truth) == pytest.approx([50, 0.5, 45, 100, 0.3125])


def test_a_missed_source_is_a_deletion():
    # TP = 1, FN = 1: F = 1 / 1.5, ER = 1 / 2.
    estimate, truth = at([FRONT]), at([FRONT, LEFT])
    assert scores(estimate, truth)[:4] == pytest.approx([200 / 3, 0.5, 0, 50])


def test_an_excess_estimate_is_an_insertion():
    # TP = 1, FP = 1: F = 1 / 1.5, ER = 1.
    estimate, truth = at([FRONT, LEFT]), at([FRONT])
    assert scores(estimate, truth)[:4] == pytest.approx([200 / 3, 1, 0, 100])


def test_a_far_pair_and_a_missed_source_are_two_errors():
    estimate, truth = at([BACK, NONE]), at([FRONT, [0, 0, 1]])
    assert make("error-rate-within")(estimate, truth) == 1


def test_the_distance_of_a_segment_is_the_mean_of_its_frames():
    # 0 and 36.87 degrees: the mean of 18.43 is a hit; in separate segments one of them is far.
    near = [0.8, 0.6, 0]
    estimate, truth = at([FRONT], [near]), at([FRONT], [FRONT])
    assert make("f-score-within")(estimate, truth) == 100
    apart = [Tracks.of([0, 1], part.xyz, "direction") for part in (estimate, truth)]
    assert make("f-score-within")(*apart) == 50


def test_a_distance_equal_to_the_limit_is_a_hit():
    estimate, truth = (at([[x, 0, 0]], kind="position") for x in (0.5, 0.0))
    assert make("f-score-within")(estimate, truth) == 100
    assert make("f-score-within", within="49cm")(estimate, truth) == 0


def test_an_estimate_at_another_time_than_the_source_is_a_miss_and_in_excess():
    estimate, truth = at([NONE], [FRONT]), at([FRONT], [NONE])
    assert scores(estimate, truth) == [0, 1, 180, 0, 1]


def test_consecutive_sources_can_be_matched_to_the_same_track():
    estimate, truth = at([FRONT], [LEFT]), at([FRONT, NONE], [NONE, LEFT])
    assert scores(estimate, truth) == [100, 0, 0, 100, 0]


def test_the_error_is_180_degrees_if_nothing_is_matched():
    assert scores(at([NONE], [NONE]), at([FRONT], [FRONT])) == [0, 1, 180, 0, 1]


def test_without_sources_only_f_is_defined():
    found = scores(at([FRONT]), at([NONE]))
    assert found[0] == 0
    assert np.isnan(found[1:]).all()


def test_without_sources_and_estimates_scores_are_undefined():
    assert np.isnan(scores(at([NONE]), at([NONE]))).all()
    assert np.isnan(list(all_values([]).values())).all()


def test_rounded_times_do_not_shift_segments():
    times = np.float32(0.1) * np.arange(10, 30, dtype=np.float32) - 1e-5
    truth = Tracks.of(times, np.tile(FRONT, (20, 1, 1)), "direction")
    rows = make("f-score-within").components(truth, truth)
    assert np.flatnonzero(rows.any(axis=1)).tolist() == [0, 10]


def test_each_recording_starts_a_segment():
    pair = (at([FRONT]), at([FRONT]))
    metric = make("localization-recall-segments")
    rows = metric.rows(Corpus.of([pair, pair]))
    assert rows[:, metric.count].tolist() == [1, 1]


def test_defaults_are_20_degrees_and_half_a_metre():
    for kind, within in (("direction", "20deg"), ("position", "50cm")):
        pair = several_sources(1, kind)
        default = make("f-score-within")(*pair)
        assert make("f-score-within", within=within)(*pair) == default


@pytest.mark.parametrize("name", ["f-score-within", "error-rate-within", "seld-score"])
def test_an_invalid_distance_is_an_error(name):
    with pytest.raises(ParameterError, match="'far' is not a distance"):
        make(name, within="far")


def test_the_seld_score_does_not_accept_metres():
    with pytest.raises(ParameterError, match="'1m' is not a distance between directions"):
        make("seld-score", within="1m")


def test_a_limit_in_degrees_does_not_apply_to_positions():
    with pytest.raises(FormatError, match="a metric of directions was applied to positions"):
        make("f-score-within", within="10deg")(*several_sources(0, "position"))


@given(seed=st.integers(0, 10**6))
@settings(max_examples=30)
def test_turning_the_room_and_swapping_identities_changes_nothing(seed):
    estimate, truth = several_sources(seed, "direction", frames=25)
    rng = np.random.default_rng(seed)
    turn = Rotation.random(random_state=seed).as_matrix()
    order = rng.permuted(np.tile(np.arange(3), (25, 1)), axis=1)
    mixed = Tracks.of(
        estimate.times,
        np.take_along_axis(estimate.xyz, order[..., None], axis=1) @ turn,
        "direction",
        np.take_along_axis(estimate.active, order, axis=1),
    )
    turned = Tracks.of(truth.times, truth.xyz @ turn, "direction", truth.active)
    assert all_values([(mixed, turned)]) == pytest.approx(
        all_values([(estimate, truth)]), nan_ok=True
    )


@given(seed=st.integers(0, 10**6), within=st.integers(1, 170))
@settings(max_examples=30)
def test_a_wider_limit_never_worsens_the_scores(seed, within):
    pair = several_sources(seed, "direction", frames=25)
    f_scores, error_rates = (
        [make(name, within=f"{limit}deg")(*pair) for limit in (within, within + 10)]
        for name in ("f-score-within", "error-rate-within")
    )
    assert f_scores[0] <= f_scores[1]
    assert error_rates[0] >= error_rates[1]
