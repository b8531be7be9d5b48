"""Every metric holds against an independent computation, and has the symmetries it must have."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from sslbench.errors import FormatError
from sslbench.metrics import detection, direction, position, sslbench_metrics
from sslbench.registry import load_target
from sslbench.scene import Tracks

SPECS = {spec.name: spec for spec in sslbench_metrics()}
MODULES = ["association", "detection", "direction", "position", "strata", "uncertainty"]


def make(name):
    return load_target(SPECS[name].target, name)()


def unit(xyz):
    return xyz / np.linalg.norm(xyz, axis=-1, keepdims=True)


def single_source(seed=0, frames=200, kind="position", missing=0.2):
    """Return answer and truth of one source, some frames unanswered, as tracks and arrays."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=(frames, 3))
    answer = truth + rng.normal(size=(frames, 3)) * rng.exponential(size=(frames, 1))
    if kind == "direction":
        truth, answer = unit(truth), unit(answer)
    answer[rng.random(frames) < missing] = np.nan
    times = np.arange(frames)
    return (
        Tracks.of(times, answer[:, None], kind),
        Tracks.of(times, truth[:, None], kind),
        answer,
        truth,
    )


POSITION = {
    "position-error-mean": np.nanmean,
    "position-error-median": np.nanmedian,
    "position-error-rmse": lambda d: np.sqrt(np.nanmean(d**2)),
    "position-error-p90": lambda d: np.nanpercentile(d, 90),
    "position-error-p95": lambda d: np.nanpercentile(d, 95),
    "position-error-truncated": lambda d: np.mean([min(e, 3) if e == e else 3 for e in d]),
    "accuracy-10cm": lambda d: 100 * np.mean([e == e and e < 0.1 for e in d]),
    "accuracy-30cm": lambda d: 100 * np.mean([e == e and e < 0.3 for e in d]),
    "accuracy-1m": lambda d: 100 * np.mean([e == e and e < 1 for e in d]),
    "coverage": lambda d: 100 * np.mean(~np.isnan(d)),
    "false-alarms": lambda d: 0.0,
}

DIRECTION = {
    "angular-error-mean": np.nanmean,
    "angular-error-median": np.nanmedian,
    "angular-error-p90": lambda d: np.nanpercentile(d, 90),
    "angular-error-truncated": lambda d: np.mean([min(e, 90) if e == e else 90 for e in d]),
    "accuracy-5deg": lambda d: 100 * np.mean([e == e and e < 5 for e in d]),
    "accuracy-10deg": lambda d: 100 * np.mean([e == e and e < 10 for e in d]),
    "accuracy-20deg": lambda d: 100 * np.mean([e == e and e < 20 for e in d]),
}


@pytest.mark.parametrize("name", POSITION)
def test_position_metric_equals_numpy(name):
    answer, truth, there, here = single_source()
    distance = np.sqrt(((there - here) ** 2).sum(axis=1))
    assert make(name)(answer, truth) == pytest.approx(POSITION[name](distance))


@pytest.mark.parametrize("name", DIRECTION)
def test_direction_metric_equals_arccos(name):
    answer, truth, there, here = single_source(kind="direction")
    angle = np.degrees(np.arccos(np.clip((there * here).sum(axis=1), -1, 1)))
    assert make(name)(answer, truth) == pytest.approx(DIRECTION[name](angle))


def test_azimuth_error_equals_the_angle_of_the_flattened_vectors():
    answer, truth, there, here = single_source(kind="direction")
    turned = (there[:, 0] + 1j * there[:, 1]) / (here[:, 0] + 1j * here[:, 1])
    flat = np.angle(turned, deg=True)
    assert make("azimuth-error-mean")(answer, truth) == pytest.approx(np.nanmean(np.abs(flat)))


def test_every_metric_has_a_reference_here():
    assert set(SPECS) == {*POSITION, *DIRECTION, "azimuth-error-mean"}


@given(st.integers(0, 10**6), st.sampled_from(sorted(POSITION)))
def test_moving_and_turning_the_room_changes_nothing(seed, name):
    answer, truth, there, here = single_source(seed, frames=20)
    turn = Rotation.random(random_state=seed)
    shift = np.array([3.0, -2.0, 1.0])

    def moved(xyz):
        return Tracks.of(np.arange(20), (xyz @ turn.as_matrix().T + shift)[:, None], "position")

    assert make(name)(moved(there), moved(here)) == pytest.approx(make(name)(answer, truth))


@given(st.integers(0, 10**6), st.sampled_from(sorted(DIRECTION)))
def test_turning_the_sphere_changes_no_angle(seed, name):
    answer, truth, there, here = single_source(seed, frames=20, kind="direction")
    turn = Rotation.random(random_state=seed).as_matrix().T

    def turned(xyz):
        return Tracks.of(np.arange(20), (xyz @ turn)[:, None], "direction")

    assert make(name)(turned(there), turned(here)) == pytest.approx(make(name)(answer, truth))


@given(st.integers(0, 10**6), st.permutations(range(3)))
def test_the_order_of_the_tracks_changes_nothing(seed, order):
    rng = np.random.default_rng(seed)
    xyz, true = rng.normal(size=(2, 6, 3, 3))
    active, sounding = rng.random((2, 6, 3)) < 0.6
    times = np.arange(6)
    truth = Tracks.of(times, true, "position", sounding)
    answer = Tracks.of(times, xyz, "position", active)
    mixed = Tracks.of(times, xyz[:, order], "position", active[:, order])
    for name in POSITION:
        expected = make(name)(answer, truth)
        assert make(name)(mixed, truth) == pytest.approx(expected, nan_ok=True)


@given(st.floats(0.1, 10))
def test_errors_scale_with_the_room(factor):
    answer, truth, there, here = single_source(frames=20)
    times = np.arange(20)
    for name in ("mean", "median", "rmse", "p90", "p95"):
        metric = make(f"position-error-{name}")
        grown = metric(
            Tracks.of(times, factor * there[:, None], "position"),
            Tracks.of(times, factor * here[:, None], "position"),
        )
        assert grown == pytest.approx(factor * metric(answer, truth))


@pytest.mark.parametrize("name", SPECS)
def test_without_sources_a_metric_is_undefined(name):
    spec = SPECS[name]
    silent = Tracks.of([0, 1], np.full((2, 1, 3), np.nan), spec.kinds[0])
    expected = 0.0 if name == "false-alarms" else np.nan
    assert make(name)(silent, silent) == pytest.approx(expected, nan_ok=True)


def test_nothing_answered_is_no_error_but_no_coverage():
    truth = Tracks.of([0, 1], np.zeros((2, 1, 3)), "position")
    silent = Tracks.of([0, 1], np.zeros((2, 0, 3)), "position")
    values = {name: make(name)(silent, truth) for name in POSITION}
    assert np.isnan([values["position-error-mean"], values["position-error-median"]]).all()
    assert values["position-error-truncated"] == 3.0
    assert values["accuracy-1m"] == values["coverage"] == 0.0


def test_a_direction_that_is_not_answered_counts_as_a_guess():
    truth = Tracks.of([0, 1], [[[1, 0, 0]], [[0, 1, 0]]], "direction")
    silent = Tracks.of([0, 1], np.zeros((2, 0, 3)), "direction")
    assert direction.error_truncated()(silent, truth) == 90.0


def test_guessing_directions_at_random_is_90_degrees_off():
    xyz = unit(np.random.default_rng(0).normal(size=(2, 20000, 1, 3)))
    guess, truth = (Tracks.of(np.arange(20000), part, "direction") for part in xyz)
    assert direction.error_mean()(guess, truth) == pytest.approx(90, abs=1)


@pytest.mark.parametrize("kind", ["position", "direction"])
def test_answering_only_what_is_easy_never_ranks_higher(kind):
    name = {"position": "position-error", "direction": "angular-error"}[kind]
    _, truth, there, here = single_source(kind=kind, missing=0)
    easy = np.linalg.norm(there - here, axis=1) < 0.3
    answers = [
        Tracks.of(truth.times, np.where(kept[:, None], there, np.nan)[:, None], kind)
        for kept in (np.ones(len(easy), bool), easy)
    ]
    all_mean, easy_mean = (make(f"{name}-mean")(answer, truth) for answer in answers)
    all_cut, easy_cut = (make(f"{name}-truncated")(answer, truth) for answer in answers)
    assert easy_mean < all_mean
    assert easy_cut > all_cut


def test_a_distance_on_the_limit_is_not_within_it():
    truth = Tracks.of([0], [[[0, 0, 0]]], "position")
    answer = Tracks.of([0], [[[0.3, 0, 0]]], "position")
    assert position.accuracy_30cm()(answer, truth) == 0.0


def test_antipodal_directions_are_exactly_180_degrees_apart():
    truth = Tracks.of([0], [[[0, 0, 1]]], "direction")
    answer = Tracks.of([0], [[[0, 0, -1]]], "direction")
    assert direction.error_mean()(answer, truth) == 180.0


def test_a_tiny_angle_survives_where_arccos_would_lose_it():
    truth = Tracks.of([0], [[[1, 0, 0]]], "direction")
    answer = Tracks.of([0], [[[1, 1e-9, 0]]], "direction")
    assert direction.error_mean()(answer, truth) == pytest.approx(np.degrees(1e-9))


def test_answers_beyond_the_sources_are_false_alarms():
    truth = Tracks.of([0, 1], [[[0, 0, 0]], [[np.nan] * 3]], "position")
    answer = Tracks.of([0, 1], np.zeros((2, 2, 3)), "position")
    assert detection.false_alarms()(answer, truth) == 1.5


def test_a_metric_refuses_the_other_kind():
    north = Tracks.of([0], [[[1, 0, 0]]], "direction")
    with pytest.raises(FormatError, match="a metric of positions was given directions"):
        position.error_mean()(north, north)


@given(st.integers(0, 10**6), st.sampled_from(sorted(POSITION)))
def test_weights_mean_repeated_rows(seed, name):
    answer, truth, *_ = single_source(seed, frames=12)
    metric = make(name)
    rows = metric.components(answer, truth)
    weights = np.random.default_rng(seed).integers(0, 4, len(rows))
    expected = metric.value(np.repeat(rows, weights, axis=0))
    assert metric.weighted(rows)(weights) == pytest.approx(expected, nan_ok=True)
