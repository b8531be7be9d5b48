"""Bias, the cap of the capped error, and frames without an estimate."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from sslbench.errors import FormatError, ParameterError
from sslbench.metrics.corpus import Corpus
from sslbench.metrics.declaration import specs_of
from sslbench.metrics.families import detection, position
from sslbench.scene import Tracks

BIAS = (position.bias_x, position.bias_y, position.bias_z)
NOWHERE = [np.nan] * 3


def tracks(xyz, active=None):
    return Tracks.of(np.arange(len(xyz)), xyz, "position", active)


def value(metric, pairs):
    return metric.value(metric.rows(Corpus.of(pairs)))


def pair(rng, frames=4):
    def some(columns):
        xyz = rng.normal(size=(frames, columns, 3))
        return tracks(xyz, rng.random(xyz.shape[:2]) < 0.7)

    return some(rng.integers(0, 4)), some(rng.integers(0, 4))


def differences(pairs):
    """Return estimate minus ground truth of all pairs matched by scipy, shape (pairs, 3)."""
    found = [np.zeros((0, 3))]
    for prediction, truth in pairs:
        for frame in range(len(truth.times)):
            true = truth.xyz[frame][truth.active[frame]]
            estimated = prediction.xyz[frame][prediction.active[frame]]
            first, second = linear_sum_assignment(
                np.linalg.norm(true[:, None] - estimated, axis=-1)
            )
            found.append(estimated[second] - true[first])
    return np.concatenate(found)


def test_bias_and_capped_error_equal_scipy_and_numpy():
    rng = np.random.default_rng(0)
    for _ in range(300):
        pairs = [pair(rng), pair(rng)]
        errors = differences(pairs)
        sources = sum(int(truth.active.sum()) for _, truth in pairs)
        bias = [errors[:, axis].mean() if len(errors) else np.nan for axis in range(3)]
        assert [value(make(), pairs) for make in BIAS] == pytest.approx(bias, nan_ok=True)
        total = np.minimum(np.linalg.norm(errors, axis=1), 1.5).sum()
        total += 1.5 * (sources - len(errors))
        capped = value(position.error_capped("1.5m"), pairs)
        assert capped == pytest.approx(total / sources if sources else np.nan, nan_ok=True)


def test_failure_rate_equals_a_plain_loop():
    rng = np.random.default_rng(0)
    for _ in range(300):
        pairs = [pair(rng), pair(rng)]
        failed = [
            not prediction.active[frame].any()
            for prediction, truth in pairs
            for frame in range(4)
            if truth.active[frame].any()
        ]
        expected = 100 * np.mean(failed) if failed else np.nan
        assert value(detection.failure_rate(), pairs) == pytest.approx(expected, nan_ok=True)


def test_the_bias_of_a_constant_offset_is_the_offset():
    truth = np.random.default_rng(0).normal(size=(9, 1, 3))
    pairs = [(tracks(truth + np.array([0.1, -0.2, 0.3])), tracks(truth))]
    assert [value(make(), pairs) for make in BIAS] == pytest.approx([0.1, -0.2, 0.3])


@given(st.integers(0, 10**6))
def test_mirroring_the_room_changes_the_sign_of_the_bias(seed):
    estimate, truth = pair(np.random.default_rng(seed))
    mirrored = tuple(tracks(-part.xyz, part.active) for part in (estimate, truth))
    expected = [-value(make(), [(estimate, truth)]) for make in BIAS]
    assert [value(make(), [mirrored]) for make in BIAS] == pytest.approx(expected, nan_ok=True)


def test_a_bias_has_no_better_direction():
    better = {s.name: s.higher_is_better for s in specs_of(position) if "bias" in s.name}
    assert better == {f"position-bias-{axis}": None for axis in "xyz"}


@pytest.mark.parametrize("make", BIAS)
def test_the_bias_is_undefined_without_estimates(make):
    pairs = [(tracks(np.zeros((2, 0, 3))), tracks(np.zeros((2, 1, 3))))]
    assert np.isnan([value(make(), pairs), value(make(), [])]).all()


@pytest.mark.parametrize("make", BIAS)
def test_the_bias_of_directions_is_an_error(make):
    north = Tracks.of([0], [[[1, 0, 0]]], "direction")
    with pytest.raises(FormatError, match="a metric of positions was applied to directions"):
        make()(north, north)


def test_the_error_is_capped_at_3_m_by_default():
    pairs = [(tracks([[[9, 0, 0]], [NOWHERE]]), tracks([[[0, 0, 0]]] * 2))]
    assert value(position.error_capped(), pairs) == 3.0
    assert value(position.error_capped("50cm"), pairs) == 0.5


@pytest.mark.parametrize("text", ["3", "20deg"])
@pytest.mark.parametrize(
    "make", [position.error_capped, lambda text: position.error_percentile(limit=text)]
)
def test_a_limit_that_is_not_in_metres_is_an_error(make, text):
    with pytest.raises(ParameterError, match=f"'{text}' is not a distance"):
        make(text)


@pytest.mark.parametrize("p", [50, 95])
def test_percentiles_equal_numpy_with_a_limit_and_without(p):
    rng = np.random.default_rng(1)
    for _ in range(300):
        pairs = [pair(rng), pair(rng)]
        errors = np.linalg.norm(differences(pairs), axis=1)
        missed = sum(int(truth.active.sum()) for _, truth in pairs) - len(errors)
        capped = np.append(np.minimum(errors, 1.5), np.full(missed, 1.5))
        expected = [np.percentile(each, p) if len(each) else np.nan for each in (errors, capped)]
        metrics = (position.error_percentile(p), position.error_percentile(p, "1.5m"))
        found = [value(metric, pairs) for metric in metrics]
        assert found == pytest.approx(expected, nan_ok=True)


def test_a_missed_source_counts_as_the_limit_of_a_percentile():
    truth = tracks([[[0, 0, 0]]] * 3 + [[NOWHERE]])
    pairs = [(tracks([[[1, 0, 0]], [NOWHERE], [NOWHERE], [[5, 0, 0]]]), truth)]
    assert value(position.error_percentile(95), pairs) == 1.0
    assert value(position.error_percentile(95, "3m"), pairs) == 3.0


def test_one_estimate_for_two_sources_is_not_a_failure():
    pairs = [(tracks([[[0, 0, 0]]]), tracks([[[0, 0, 0], [1, 0, 0]]]))]
    assert value(detection.failure_rate(), pairs) == 0.0


def test_frames_without_a_source_are_not_failures():
    pairs = [(tracks([[NOWHERE], [NOWHERE]]), tracks([[NOWHERE], [[0, 0, 0]]]))]
    assert value(detection.failure_rate(), pairs) == 100.0


def test_without_sources_the_failure_rate_is_undefined():
    nothing = tracks([[NOWHERE]])
    assert np.isnan(value(detection.failure_rate(), [(nothing, nothing)]))
