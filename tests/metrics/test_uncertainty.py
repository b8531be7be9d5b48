"""Intervals are those of the textbook where there is one, and wide enough where frames hang on."""

import numpy as np
import pytest
from scipy import stats
from scipy.signal import lfilter

from sslbench.metrics.uncertainty import (
    bootstrap_intervals,
    independent_units,
    percentile_interval,
    row_weights,
)


def mean_of(errors):
    return lambda weights: float(weights @ errors / weights.sum())


def autoregressive(rng, frames, rho=0.95):
    noise = rng.standard_normal(frames) * np.sqrt(1 - rho**2)
    noise[0] /= np.sqrt(1 - rho**2)
    return lfilter([1.0], [1.0, -rho], noise)


def test_independent_recordings_give_the_interval_of_scipy():
    errors = np.random.default_rng(0).exponential(size=300)
    ((low, high),) = bootstrap_intervals([mean_of(errors)], np.ones(300, int), 0, 5000)
    reference = stats.bootstrap(
        (errors,), np.mean, n_resamples=5000, method="percentile", rng=np.random.default_rng(1)
    ).confidence_interval
    width = reference.high - reference.low
    assert low == pytest.approx(reference.low, abs=0.05 * width)
    assert high == pytest.approx(reference.high, abs=0.05 * width)


def test_few_recordings_give_nearly_the_interval_of_student():
    errors = np.random.default_rng(2).normal(size=12)
    ((low, high),) = bootstrap_intervals([mean_of(errors)], np.ones(12, int), 0, 5000)
    student = stats.t.interval(0.95, 11, errors.mean(), stats.sem(errors))
    assert high - low == pytest.approx(student[1] - student[0], rel=0.1)


def test_the_same_seed_gives_the_same_interval():
    errors = np.random.default_rng(0).normal(size=60)
    lengths = np.array([20, 40])
    first, second, third = (
        bootstrap_intervals([mean_of(errors)], lengths, seed, 200) for seed in (1, 1, 2)
    )
    assert first == second != third


def test_every_recording_that_is_drawn_keeps_its_length():
    lengths = np.array([7, 53, 0, 120])
    for weights in row_weights(lengths, 0, 50):
        parts = [part.sum() for part in np.split(weights, np.cumsum(lengths)[:-1])]
        assert all(part % max(length, 1) == 0 for part, length in zip(parts, lengths, strict=True))


def test_blocks_are_never_single_frames():
    for weights in row_weights(np.array([100]), 0, 50):
        runs = np.flatnonzero(np.diff(np.concatenate([weights[-1:], weights])))
        assert weights.sum() == 100
        assert len(runs) <= 10  # 5 blocks have 10 ends; single frames would have about 80


def test_all_frames_are_drawn_alike():
    mean = np.mean(list(row_weights(np.array([50]), 0, 4000)), axis=0)
    assert mean == pytest.approx(np.ones(50), abs=0.1)


@pytest.mark.parametrize("lengths", [[], [1], [12], [0, 9]])
def test_one_short_recording_has_no_interval(lengths):
    lengths = np.array(lengths, dtype=int)
    assert bootstrap_intervals([lambda weights: 1.0], lengths, 0) == [None]


def test_blocks_are_the_units_of_a_single_recording():
    assert independent_units(np.array([1000])) == 5
    assert independent_units(np.array([30])) == 3
    assert independent_units(np.array([1, 1, 1000])) == 3


def test_a_value_that_is_never_defined_has_no_interval():
    assert percentile_interval(np.full(10, np.nan), 5) is None


def coverage(recordings, frames, runs=300):
    rng = np.random.default_rng(0)
    lengths = np.full(recordings, frames)
    hits = 0
    for run in range(runs):
        errors = np.concatenate([autoregressive(rng, frames) for _ in lengths])
        ((low, high),) = bootstrap_intervals([mean_of(errors)], lengths, run, 500)
        hits += low <= 0 <= high
    return hits / runs


@pytest.mark.slow
@pytest.mark.parametrize(("recordings", "frames"), [(1, 1000), (3, 300), (20, 50)])
def test_intervals_of_correlated_frames_cover_the_truth(recordings, frames):
    assert coverage(recordings, frames) >= 0.88
