"""Methods are compared by paired differences, not by their own confidence intervals."""

import numpy as np
import pytest

from sslbench.leaderboard.ranking import Comparison, compare, ranks


@pytest.fixture
def varying(load_run):
    """Return a function that creates the records of a method from its values on resamples."""

    def make(name, values, units=100, seed=0):
        record = load_run(name, seed=seed)
        entries = [
            entry.model_copy(update={"value": float(np.mean(values))})
            if entry.name == record.dataset.primary_metric
            else entry
            for entry in record.metrics
        ]
        kept = {"values": [float(value) for value in values], "units": units}
        resampled = record.resampled.model_copy(update=kept)
        return [record.model_copy(update={"metrics": entries, "resampled": resampled})]

    return make


def test_variation_common_to_both_does_not_hide_a_difference(varying):
    rng = np.random.default_rng(0)
    scenes = 5 * rng.normal(size=1000)
    rows = [varying(name, scenes + shift) for name, shift in (("a", 0.0), ("b", 0.1))]
    rows[1][0].resampled.values[:] = (
        np.array(rows[1][0].resampled.values) + 0.01 * rng.normal(size=1000)
    ).tolist()
    found = compare(rows)[0, 1]
    assert found.significant
    assert found.ci95[0] < found.difference < found.ci95[1] < 0


def test_p_values_are_corrected_for_the_number_of_pairs(varying):
    rng = np.random.default_rng(1)
    rows = [varying(str(n), 0.23 * (n == 0) + 0.1 * rng.normal(size=1000)) for n in range(5)]
    alone = compare(rows[:2])[0, 1].p
    among_all = compare(rows)[0, 1].p
    assert alone < 0.5 * among_all
    assert among_all == pytest.approx(min(1.0, 10 * alone), rel=0.6)


def test_nothing_is_significant_without_resamples_or_with_one_unit(varying):
    first, second = varying("a", np.zeros(10)), varying("b", np.ones(10), units=1)
    assert not compare([first, second])[0, 1].significant
    bare = [first[0].model_copy(update={"resampled": None})]
    assert not compare([bare, second])[0, 1].significant


def test_seeds_are_averaged_on_each_resample(varying):
    seeds = varying("a", np.array([0.0, 2.0])) + varying("a", np.array([2.0, 0.0]), seed=1)
    found = compare([seeds, varying("b", np.array([0.0, 0.0]))])[0, 1]
    assert found.difference == 1.0
    assert found.p == 0.0


def test_methods_of_equal_rank_do_not_differ_significantly(varying):
    rows = [varying(str(n), np.full(10, float(n))) for n in range(4)]
    significant = {(0, 2), (1, 2), (2, 3)}  # not transitive: 3 does not differ from 0 and 1
    pairs = [(first, second) for first in range(4) for second in range(first + 1, 4)]
    comparisons = {
        pair: Comparison(pair[0] - pair[1], None, 0.01 if pair in significant else 0.5)
        for pair in pairs
    }
    assert ranks(rows, comparisons, higher_is_better=False) == [1, 1, 3, 4]
