"""Confidence intervals and p-values, compared with textbook results and by simulation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.signal import lfilter

from sslbench.metrics.uncertainty import (
    BLOCKS,
    Blocks,
    Influence,
    draw,
    effective_size,
    holm,
    p_value,
    percentile_interval,
    single_frames,
)


def drawn_means(errors, blocks, seed, resamples):
    sums = blocks.sum(np.column_stack([errors, np.ones(len(errors))]))
    totals = np.concatenate([weights @ sums for weights in draw(blocks, seed, resamples)])
    return totals[:, 0] / totals[:, 1]


def interval_of_mean(errors, lengths, seed, resamples, cut=Blocks.of):
    blocks = cut(lengths)
    drawn = drawn_means(errors, blocks, seed, resamples)
    return percentile_interval(float(np.mean(errors)), drawn, blocks.units)


def autoregressive(rng, frames, rho=0.95):
    noise = rng.standard_normal(frames) * np.sqrt(1 - rho**2)
    noise[0] /= np.sqrt(1 - rho**2)
    return lfilter([1.0], [1.0, -rho], noise)


def test_the_interval_of_independent_recordings_equals_scipy():
    errors = np.random.default_rng(0).exponential(size=300)
    low, high = interval_of_mean(errors, np.ones(300, int), 0, 5000)
    reference = stats.bootstrap(
        (errors,), np.mean, n_resamples=5000, method="percentile", rng=np.random.default_rng(1)
    ).confidence_interval
    width = reference.high - reference.low
    assert low == pytest.approx(reference.low, abs=0.05 * width)
    assert high == pytest.approx(reference.high, abs=0.05 * width)


def test_the_interval_of_few_recordings_is_close_to_students():
    errors = np.random.default_rng(2).normal(size=12)
    low, high = interval_of_mean(errors, np.ones(12, int), 0, 5000)
    student = stats.t.interval(0.95, 11, errors.mean(), stats.sem(errors))
    assert high - low == pytest.approx(student[1] - student[0], rel=0.1)


def test_the_same_seed_gives_the_same_resamples():
    errors = np.random.default_rng(0).normal(size=60)
    first, second, third = (interval_of_mean(errors, [20, 40], seed, 200) for seed in (1, 1, 2))
    assert first == second != third


def test_resamples_do_not_depend_on_the_chunk_size(monkeypatch):
    blocks = Blocks.of([30, 50])
    whole = np.concatenate(list(draw(blocks, 0, 20)))
    monkeypatch.setattr("sslbench.metrics.uncertainty.CHUNK", 1)
    parts = list(draw(blocks, 0, 20))
    assert len(parts) == 20
    assert (np.concatenate(parts) == whole).all()


@given(st.lists(st.integers(0, 300), max_size=6))
def test_blocks_are_consecutive_frames_of_one_recording(lengths):
    blocks = Blocks.of(lengths)
    recording = np.repeat(np.arange(len(lengths)), lengths)
    assert len(blocks.of_row) == sum(lengths)
    for index in range(blocks.count):
        rows = np.flatnonzero(blocks.of_row == index)
        assert (np.diff(rows) == 1).all()
        assert len(set(recording[rows])) == 1
        assert len(rows) >= min(10, lengths[recording[rows[0]]])
    assert (blocks.per_recording <= BLOCKS).all()


@given(st.lists(st.integers(0, 100), max_size=6), st.integers(0, 9))
def test_sums_of_blocks_add_up_to_the_sum(lengths, seed):
    rows = np.random.default_rng(seed).normal(size=(sum(lengths), 2))
    assert Blocks.of(lengths).sum(rows).sum(axis=0) == pytest.approx(rows.sum(axis=0))


def test_each_drawn_recording_contributes_its_number_of_blocks():
    blocks = Blocks.of([7, 53, 0, 120])
    assert blocks.per_recording.tolist() == [1, 5, 5]
    for weights in np.concatenate(list(draw(blocks, 0, 50))):
        parts = np.split(weights, np.cumsum(blocks.per_recording)[:-1])
        times = [part.sum() / each for part, each in zip(parts, blocks.per_recording, strict=True)]
        assert sum(times) == 3
        assert all(time == int(time) for time in times)


def test_all_blocks_are_drawn_equally_often():
    mean = np.concatenate(list(draw(Blocks.of([50, 9]), 0, 4000))).mean(axis=0)
    assert mean == pytest.approx(np.ones(6), abs=0.1)


@pytest.mark.parametrize("lengths", [[1], [12], [0, 19]])
def test_one_short_recording_has_no_interval(lengths):
    assert interval_of_mean(np.ones(sum(lengths)), lengths, 0, 10) is None


def test_the_resampling_units_of_a_single_recording_are_its_blocks():
    assert Blocks.of([1000]).units == 5
    assert Blocks.of([30]).units == 3
    assert Blocks.of([1, 1, 1000]).units == 3


def test_single_frames_are_resampling_units():
    assert single_frames([3, 4]).units == 7


def test_a_value_that_no_resample_defines_has_no_interval():
    assert percentile_interval(1.0, np.full(10, np.nan), 5) is None


def test_the_effective_size_ignores_repeated_frames():
    rng = np.random.default_rng(0)
    alone = rng.normal(size=400)
    repeated = np.repeat(alone, 10)
    assert effective(alone, single_frames([400])) == pytest.approx(400, rel=0.15)
    assert effective(repeated, Blocks.of(np.full(400, 10))) == pytest.approx(400, rel=0.15)


def effective(errors, blocks):
    influence = Influence.of(errors - errors.mean(), blocks)
    resampled = np.concatenate([w @ influence.by_block for w in draw(blocks, 0, 4000)])
    return effective_size(influence, resampled, len(errors))


def test_constant_errors_have_no_effective_size():
    blocks = Blocks.of([100])
    assert effective_size(Influence.of(np.zeros(100), blocks), np.zeros(10), 100) is None


def test_the_p_value_of_a_paired_difference_equals_students_test():
    rng = np.random.default_rng(4)
    first = rng.normal(size=25)
    second = first + rng.normal(0.2, 0.5, size=25)
    blocks = Blocks.of(np.ones(25, int))
    drawn = [drawn_means(errors, blocks, 0, 20000) for errors in (first, second)]
    found = p_value(first.mean() - second.mean(), drawn[0] - drawn[1], 25)
    assert found == pytest.approx(stats.ttest_rel(first, second).pvalue, rel=0.1)


def test_the_p_value_of_too_few_recordings_is_undefined():
    assert np.isnan(p_value(1.0, np.ones(10), 1))


@pytest.mark.parametrize(("difference", "p"), [(0.0, 1.0), (0.5, 0.0)])
def test_a_constant_difference_has_p_value_0_or_1(difference, p):
    assert p_value(difference, np.full(10, difference), 5) == p


def holm_by_definition(p_values):
    """Adjust as in Holm 1979: the k-th smallest times m - k + 1, at least the one before."""
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    found, worst = [0.0] * len(p_values), 0.0
    for k, index in enumerate(order):
        worst = max(worst, min(1.0, (len(p_values) - k) * p_values[index]))
        found[index] = worst
    return found


@given(st.lists(st.floats(0, 1), max_size=8))
def test_holm_adjusts_as_defined(p_values):
    assert holm(p_values) == pytest.approx(holm_by_definition(p_values))


def test_undefined_p_values_do_not_count():
    assert holm([0.02, float("nan")]) == pytest.approx([0.02, float("nan")], nan_ok=True)


def coverage(recordings, frames, runs=300):
    rng = np.random.default_rng(0)
    lengths = np.full(recordings, frames)
    hits = 0
    for run in range(runs):
        errors = np.concatenate([autoregressive(rng, frames) for _ in lengths])
        low, high = interval_of_mean(errors, lengths, run, 500)
        hits += low <= 0 <= high
    return hits / runs


@pytest.mark.slow
@pytest.mark.parametrize(("recordings", "frames"), [(1, 300), (1, 1000), (3, 300), (20, 50)])
def test_intervals_of_correlated_frames_cover_the_true_value(recordings, frames):
    assert coverage(recordings, frames) >= 0.88


def test_intervals_of_single_frames_are_too_narrow_for_a_moving_source():
    rng = np.random.default_rng(0)
    hits = 0
    for run in range(60):
        low, high = interval_of_mean(autoregressive(rng, 1000), [1000], run, 100, single_frames)
        hits += low <= 0 <= high
    assert hits / 60 < 0.5


def test_an_interval_does_not_cross_0_if_no_resample_does():
    drawn = np.array([0.0, 0.1, 5.0])
    assert percentile_interval(1.0, drawn, 2)[0] == 0.0
    assert percentile_interval(-1.0, -drawn, 2)[1] == 0.0
