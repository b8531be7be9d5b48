"""Errors and accuracies hold against numpy, and charge silence as they say."""

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
    "position-error-truncated": lambda d: np.mean([min(e, 3) if e == e else 3 for e in d]),
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
    "angular-error-truncated": lambda d: np.mean([min(e, 90) if e == e else 90 for e in d]),
    "angular-accuracy[within=5deg]": lambda d: 100 * np.mean([e == e and e < 5 for e in d]),
    "angular-accuracy[within=10deg]": lambda d: 100 * np.mean([e == e and e < 10 for e in d]),
    "angular-accuracy[within=20deg]": lambda d: 100 * np.mean([e == e and e < 20 for e in d]),
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


@given(st.floats(0.1, 10))
def test_errors_scale_with_the_room(factor):
    answer, truth, there, here = single_source(frames=20)
    times = np.arange(20)
    for name in ("mean", "rmse", "percentile[p=50]", "percentile[p=90]"):
        metric = make(f"position-error-{name}")
        grown = metric(
            Tracks.of(times, factor * there[:, None], "position"),
            Tracks.of(times, factor * here[:, None], "position"),
        )
        assert grown == pytest.approx(factor * metric(answer, truth))


def test_nothing_answered_is_no_error_but_no_coverage():
    truth = Tracks.of([0, 1], np.zeros((2, 1, 3)), "position")
    silent = Tracks.of([0, 1], np.zeros((2, 0, 3)), "position")
    values = {name: make(name)(silent, truth) for name in POSITION}
    assert np.isnan(
        [values["position-error-mean"], values["position-error-percentile[p=50]"]]
    ).all()
    assert values["position-error-truncated"] == 3.0
    assert values["position-accuracy[within=1m]"] == values["coverage"] == 0.0


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
    assert position.accuracy()(answer, truth) == 0.0


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


@pytest.mark.parametrize("within", ["30", "-1m", "0m", "m", "5deg", ""])
def test_a_radius_that_is_no_length_is_refused(within):
    with pytest.raises(ParameterError, match="is no distance"):
        position.accuracy(within)
