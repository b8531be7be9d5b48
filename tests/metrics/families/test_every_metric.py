"""Properties of every metric."""

import inspect

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from helpers.metric_cases import SPECS, make, several_sources
from sslbench.metrics.aggregation import CorpusMetric
from sslbench.metrics.corpus import Corpus
from sslbench.metrics.uncertainty import Blocks
from sslbench.registry import load_target
from sslbench.scene import Tracks

CASES = [(name, kind) for name, spec in SPECS.items() for kind in spec.kinds]
SOURCES = [case for case in CASES if SPECS[case[0]].subject == "sources"]

ORIENTED = {
    "azimuth",
    "elevation",
    "bias",
    "cell",
    "detection-probability",
    "latency",
}
"""Words in the names of metrics that use azimuths, axes or a grid: they depend on orientation."""

LITERAL = "literal"
"""Metrics that raise an error for some inputs; they have their own tests."""


def cases(*without):
    return [case for case in SOURCES if not any(word in case[0] for word in (LITERAL, *without))]


every_metric = pytest.mark.parametrize(("name", "kind"), cases())


@pytest.mark.parametrize("name", SPECS)
def test_a_metric_is_documented_with_an_example_that_runs(name):
    document = inspect.getdoc(load_target(SPECS[name].target, name))
    assert document
    assert ">>> " in document


@pytest.mark.parametrize("name", SPECS)
def test_a_factory_has_the_defaults_of_its_spec(name):
    factory = inspect.signature(load_target(SPECS[name].target, name))
    declared = {parameter.name: parameter.default for parameter in SPECS[name].parameters}
    assert {key: value.default for key, value in factory.parameters.items()} == declared


@every_metric
def test_there_is_one_row_per_frame(name, kind):
    metric = make(name)
    assert isinstance(metric, CorpusMetric)
    assert len(metric.components(*several_sources(0, kind, frames=7))) == 7


@every_metric
def test_inactive_tracks_give_0_or_nan(name, kind):
    inactive = Tracks.of([0, 1], np.full((2, 1, 3), np.nan), kind)
    value = make(name)(inactive, inactive)
    assert np.isnan(value) or value == 0


@every_metric
def test_no_tracks_and_inactive_tracks_are_equivalent(name, kind):
    none, one = (Tracks.of([0, 1], np.full((2, n, 3), np.nan), kind) for n in (0, 1))
    assert make(name)(none, none) == pytest.approx(make(name)(one, one), nan_ok=True)


@every_metric
def test_one_frame_is_enough(name, kind):
    estimate, truth = several_sources(3, kind, frames=1)
    assert isinstance(make(name)(estimate, truth), float)


@every_metric
def test_estimates_or_sources_may_be_missing(name, kind):
    estimate, truth = several_sources(5, kind)
    nothing = Tracks.of(truth.times, np.full((len(truth.times), 1, 3), np.nan), kind)
    for pair in ((nothing, truth), (estimate, nothing)):
        assert isinstance(make(name)(*pair), float)


@every_metric
@given(seed=st.integers(0, 10**6), order=st.permutations(range(3)))
@settings(max_examples=15)
def test_the_order_of_the_tracks_changes_nothing(name, kind, seed, order):
    estimate, truth = several_sources(seed, kind)
    mixed = [
        Tracks.of(part.times, part.xyz[:, order], kind, part.active[:, order])
        for part in (estimate, truth)
    ]
    expected = make(name)(estimate, truth)
    assert make(name)(mixed[0], truth) == pytest.approx(expected, nan_ok=True)
    # CLEAR-MOT keeps pairs in the order of the sources, as motmetrics does.
    if SPECS[name].target.split(":")[0] != "sslbench.metrics.families.clear_mot":
        assert make(name)(estimate, mixed[1]) == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize(("name", "kind"), cases(*ORIENTED, "vap", "false-alarm-rate", "track"))
@given(seed=st.integers(0, 10**6))
@settings(max_examples=10)
def test_turning_the_room_changes_nothing(name, kind, seed):
    turn = Rotation.random(random_state=seed).as_matrix().T
    shift = np.array([3.0, -2.0, 1.0]) if kind == "position" else np.zeros(3)
    pair = several_sources(seed, kind)
    moved = [Tracks.of(p.times, p.xyz @ turn + shift, kind, p.active) for p in pair]
    assert make(name)(*moved) == pytest.approx(make(name)(*pair), nan_ok=True, abs=1e-9)


@every_metric
@given(seed=st.integers(0, 10**6))
@settings(max_examples=10)
def test_the_value_is_computed_from_the_rows(name, kind, seed):
    pairs = [several_sources(seed + n, kind, frames=4 + n) for n in range(3)]
    metric = make(name)
    rows = metric.rows(Corpus.of(pairs))
    summary = metric.summarize(rows, Blocks.of([4, 5, 6]))
    assert summary.value == pytest.approx(metric.value(rows), nan_ok=True)
    assert summary.resample(np.ones((1, 3)))[0] == pytest.approx(metric.value(rows), nan_ok=True)


@every_metric
@given(seed=st.integers(0, 10**6))
@settings(max_examples=10)
def test_a_block_that_is_drawn_twice_counts_twice(name, kind, seed):
    pairs = [several_sources(seed + n, kind, frames=4) for n in range(3)]
    metric = make(name)
    rows = metric.rows(Corpus.of(pairs))
    weights = np.random.default_rng(seed).integers(0, 4, 3)
    repeated = np.repeat(rows, np.repeat(weights, 4), axis=0)
    drawn = metric.summarize(rows, Blocks.of([4, 4, 4])).resample(weights[None].astype(float))
    assert drawn[0] == pytest.approx(metric.value(repeated), nan_ok=True)


@every_metric
def test_recordings_do_not_affect_each_other(name, kind):
    pairs = [several_sources(n, kind, frames=6) for n in range(2)]
    metric = make(name)
    apart = np.concatenate([metric.components(*pair) for pair in pairs])
    # The onsets of the published code are the exception: they are counted across recordings.
    if "onset" not in name:
        assert metric.rows(Corpus.of(pairs)) == pytest.approx(apart, nan_ok=True)
