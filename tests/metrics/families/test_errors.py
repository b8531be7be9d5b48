"""Errors and accuracies, compared with numpy, and the cost of missed detections."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.metric_cases import make, single_source, unit
from sslbench.errors import FormatError, ParameterError
from sslbench.metrics.families import detection, direction, position
from sslbench.scene import Tracks

POSITION = {
    "position-error-mean": np.nanmean,
    "position-error-percentile[p=50]": np.nanmedian,
    "position-error-rmse": lambda d: np.sqrt(np.nanmean(d**2)),
    "position-error-percentile[p=90]": lambda d: np.nanpercentile(d, 90),
    "position-error-percentile[p=95]": lambda d: np.nanpercentile(d, 95),
    "position-error-capped": lambda d: np.mean([min(e, 3) if e == e else 3 for e in d]),
    "position-accuracy[within=10cm]": lambda d: 100 * np.mean([e == e and e < 0.1 for e in d]),
    "position-accuracy[within=30cm]": lambda d: 100 * np.mean([e == e and e < 0.3 for e in d]),
    "position-accuracy[within=1m]": lambda d: 100 * np.mean([e == e and e < 1 for e in d]),
    "coverage": lambda d: 100 * np.mean(~np.isnan(d)),
    "false-alarms": lambda d: 0.0,
}

DIRECTION = {
    "angular-error-mean": np.nanmean,
    "angular-error-percentile[p=50]": np.nanmedian,
    "angular-error-percentile[p=90]": lambda d: np.nanpercentile(d, 90),
    "angular-error-capped": lambda d: np.mean([min(e, 90) if e == e else 90 for e in d]),
    "angular-accuracy[within=5deg]": lambda d: 100 * np.mean([e == e and e < 5 for e in d]),
    "angular-accuracy[within=10deg]": lambda d: 100 * np.mean([e == e and e < 10 for e in d]),
    "angular-accuracy[within=20deg]": lambda d: 100 * np.mean([e == e and e < 20 for e in d]),
}


@pytest.mark.parametrize("name", POSITION)
def test_position_metrics_equal_numpy(name):
    estimate, truth, estimated, true = single_source()
    distance = np.sqrt(((estimated - true) ** 2).sum(axis=1))
    assert make(name)(estimate, truth) == pytest.approx(POSITION[name](distance))


@pytest.mark.parametrize("name", DIRECTION)
def test_direction_metrics_equal_arccos(name):
    estimate, truth, estimated, true = single_source(kind="direction")
    angle = np.degrees(np.arccos(np.clip((estimated * true).sum(axis=1), -1, 1)))
    assert make(name)(estimate, truth) == pytest.approx(DIRECTION[name](angle))


def test_the_azimuth_error_equals_the_angle_of_horizontal_components():
    estimate, truth, estimated, true = single_source(kind="direction")
    turned = (estimated[:, 0] + 1j * estimated[:, 1]) / (true[:, 0] + 1j * true[:, 1])
    flat = np.angle(turned, deg=True)
    assert make("azimuth-error-mean")(estimate, truth) == pytest.approx(np.nanmean(np.abs(flat)))


@given(st.floats(0.1, 10))
def test_position_errors_scale_with_the_room(factor):
    estimate, truth, estimated, true = single_source(frames=20)
    times = np.arange(20)
    for name in ("mean", "rmse", "percentile[p=50]", "percentile[p=90]"):
        metric = make(f"position-error-{name}")
        grown = metric(
            Tracks.of(times, factor * estimated[:, None], "position"),
            Tracks.of(times, factor * true[:, None], "position"),
        )
        assert grown == pytest.approx(factor * metric(estimate, truth))


def test_without_estimates_errors_are_undefined_and_coverage_is_0():
    truth = Tracks.of([0, 1], np.zeros((2, 1, 3)), "position")
    nothing = Tracks.of([0, 1], np.zeros((2, 0, 3)), "position")
    values = {name: make(name)(nothing, truth) for name in POSITION}
    assert np.isnan(
        [values["position-error-mean"], values["position-error-percentile[p=50]"]]
    ).all()
    assert values["position-error-capped"] == 3.0
    assert values["position-accuracy[within=1m]"] == values["coverage"] == 0.0


def test_a_missed_direction_counts_as_90_degrees():
    truth = Tracks.of([0, 1], [[[1, 0, 0]], [[0, 1, 0]]], "direction")
    nothing = Tracks.of([0, 1], np.zeros((2, 0, 3)), "direction")
    assert direction.error_capped()(nothing, truth) == 90.0


def test_the_mean_error_of_random_directions_is_90_degrees():
    xyz = unit(np.random.default_rng(0).normal(size=(2, 20000, 1, 3)))
    guess, truth = (Tracks.of(np.arange(20000), part, "direction") for part in xyz)
    assert direction.error_mean()(guess, truth) == pytest.approx(90, abs=1)


@pytest.mark.parametrize("kind", ["position", "direction"])
def test_leaving_out_difficult_frames_does_not_improve_the_capped_error(kind):
    name = {"position": "position-error", "direction": "angular-error"}[kind]
    _, truth, estimated, true = single_source(kind=kind, missing=0)
    easy = np.linalg.norm(estimated - true, axis=1) < 0.3
    estimates = [
        Tracks.of(truth.times, np.where(kept[:, None], estimated, np.nan)[:, None], kind)
        for kept in (np.ones(len(easy), bool), easy)
    ]
    all_mean, easy_mean = (make(f"{name}-mean")(estimate, truth) for estimate in estimates)
    all_capped, easy_capped = (make(f"{name}-capped")(estimate, truth) for estimate in estimates)
    assert easy_mean < all_mean
    assert easy_capped > all_capped


def test_a_distance_equal_to_the_radius_is_not_within_it():
    truth = Tracks.of([0], [[[0, 0, 0]]], "position")
    estimate = Tracks.of([0], [[[0.3, 0, 0]]], "position")
    assert position.accuracy()(estimate, truth) == 0.0


def test_antipodal_directions_differ_by_exactly_180_degrees():
    truth = Tracks.of([0], [[[0, 0, 1]]], "direction")
    estimate = Tracks.of([0], [[[0, 0, -1]]], "direction")
    assert direction.error_mean()(estimate, truth) == 180.0


def test_tiny_angles_are_more_precise_than_with_arccos():
    truth = Tracks.of([0], [[[1, 0, 0]]], "direction")
    estimate = Tracks.of([0], [[[1, 1e-9, 0]]], "direction")
    assert direction.error_mean()(estimate, truth) == pytest.approx(np.degrees(1e-9))


def test_estimates_in_excess_of_the_sources_are_false_alarms():
    truth = Tracks.of([0, 1], [[[0, 0, 0]], [[np.nan] * 3]], "position")
    estimate = Tracks.of([0, 1], np.zeros((2, 2, 3)), "position")
    assert detection.false_alarms()(estimate, truth) == 1.5


def test_a_metric_of_positions_does_not_accept_directions():
    north = Tracks.of([0], [[[1, 0, 0]]], "direction")
    with pytest.raises(FormatError, match="a metric of positions was applied to directions"):
        position.error_mean()(north, north)


@pytest.mark.parametrize("within", ["30", "-1m", "0m", "m", "5deg", ""])
def test_an_invalid_radius_is_an_error(within):
    with pytest.raises(ParameterError, match="is not a distance"):
        position.accuracy(within)
