"""Estimated microphones are compared channel by channel."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sslbench.errors import FormatError
from sslbench.metrics.corpus import Corpus
from sslbench.metrics.declaration import specs_of
from sslbench.metrics.families import microphones
from sslbench.registry import load_target
from sslbench.scene import Tracks


def array(xyz):
    return Tracks.of([0.0], np.asarray(xyz, dtype=float)[None], "position")


def value(pairs):
    metric = microphones.error_mean()
    return metric.value(metric.rows(Corpus.of(pairs)))


def test_the_error_equals_numpy():
    rng = np.random.default_rng(0)
    for _ in range(300):
        pairs, errors = [], []
        for channels in rng.integers(1, 13, 3):
            true, estimate = rng.normal(size=(2, channels, 3))
            estimate[rng.random(channels) < 0.3] = np.nan
            pairs.append((array(estimate), array(true)))
            errors += np.sqrt(((estimate - true) ** 2).sum(axis=1)).tolist()
        expected = np.mean([e for e in errors if e == e] or np.nan)
        assert value(pairs) == pytest.approx(expected, nan_ok=True)


def test_channels_are_not_permuted():
    true = [[0, 0, 0], [4, 0, 0]]
    assert value([(array(true[::-1]), array(true))]) == 4.0


def test_a_missing_estimate_does_not_count():
    estimate = [[np.nan] * 3, [4, 0, 1]]
    assert value([(array(estimate), array([[0, 0, 0], [4, 0, 0]]))]) == 1.0


def test_without_estimates_the_error_is_undefined():
    nowhere = array(np.full((2, 3), np.nan))
    assert np.isnan([value([]), value([(nowhere, array(np.zeros((2, 3))))])]).all()


def test_n_is_the_number_of_estimates():
    estimate = array([[0, 0, 0], [np.nan] * 3, [1, 0, 0]])
    rows = microphones.error_mean().components(estimate, array(np.zeros((3, 3))))
    assert rows.tolist() == [[1.0, 2.0]]


def test_a_wrong_number_of_estimates_is_an_error():
    with pytest.raises(FormatError, match="1 estimates for 2 microphones"):
        value([(array([[0, 0, 0]]), array([[0, 0, 0], [1, 0, 0]]))])


@given(st.integers(0, 10**6), st.permutations(range(4)))
def test_reordering_the_channels_of_both_changes_nothing(seed, order):
    true, estimate = np.random.default_rng(seed).normal(size=(2, 4, 3))
    expected = value([(array(estimate), array(true))])
    assert value([(array(estimate[order]), array(true[order]))]) == pytest.approx(expected)


def test_the_subject_of_the_metric_is_microphones():
    (spec,) = specs_of(microphones)
    assert spec.subject == "microphones"
    assert load_target(spec.target, spec.name)()(array([[3, 4, 0]]), array([[0, 0, 0]])) == 5.0
