"""What is true of every metric, whichever it is."""

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

TURNS_WITH_THE_ROOM = {"azimuth", "elevation", "bias", "cell", "detection-probability", "latency"}
"""Words in the names of metrics of azimuth, axes or a grid, which turning the room changes."""

LITERAL = "literal"
"""Refuses what it cannot count; its own tests say what."""


def cases(*without):
    return [case for case in SOURCES if not any(word in case[0] for word in (LITERAL, *without))]


every_metric = pytest.mark.parametrize(("name", "kind"), cases())


@pytest.mark.parametrize("name", SPECS)
def test_a_metric_is_documented_with_an_example_that_runs(name):
    document = inspect.getdoc(load_target(SPECS[name].target, name))
    assert document
    assert ">>> " in document


@pytest.mark.parametrize("name", SPECS)
def test_a_factory_has_the_defaults_that_its_spec_says(name):
    factory = inspect.signature(load_target(SPECS[name].target, name))
    said = {parameter.name: parameter.default for parameter in SPECS[name].parameters}
    assert {key: value.default for key, value in factory.parameters.items()} == said


@every_metric
def test_rows_are_frames(name, kind):
    metric = make(name)
    assert isinstance(metric, CorpusMetric)
    assert len(metric.components(*several_sources(0, kind, frames=7))) == 7


@every_metric
def test_all_silent_is_no_error(name, kind):
    silent = Tracks.of([0, 1], np.full((2, 1, 3), np.nan), kind)
    value = make(name)(silent, silent)
    assert np.isnan(value) or value == 0


@every_metric
def test_no_tracks_at_all_are_silence(name, kind):
    none, one = (Tracks.of([0, 1], np.full((2, n, 3), np.nan), kind) for n in (0, 1))
    assert make(name)(none, none) == pytest.approx(make(name)(one, one), nan_ok=True)


@every_metric
def test_one_frame_is_enough(name, kind):
    answer, truth = several_sources(3, kind, frames=1)
    assert isinstance(make(name)(answer, truth), float)


@every_metric
def test_no_answer_and_no_truth_are_allowed(name, kind):
    answer, truth = several_sources(5, kind)
    nothing = Tracks.of(truth.times, np.full((len(truth.times), 1, 3), np.nan), kind)
    for pair in ((nothing, truth), (answer, nothing)):
        assert isinstance(make(name)(*pair), float)


@every_metric
@given(seed=st.integers(0, 10**6), order=st.permutations(range(3)))
@settings(max_examples=15)
def test_the_order_of_the_tracks_changes_nothing(name, kind, seed, order):
    answer, truth = several_sources(seed, kind)
    mixed = [
        Tracks.of(part.times, part.xyz[:, order], kind, part.active[:, order])
        for part in (answer, truth)
    ]
    expected = make(name)(answer, truth)
    assert make(name)(mixed[0], truth) == pytest.approx(expected, nan_ok=True)
    # The order in which earlier pairs are kept is that of the sources, as in motmetrics.
    if SPECS[name].target.split(":")[0] != "sslbench.metrics.families.clear_mot":
        assert make(name)(answer, mixed[1]) == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize(
    ("name", "kind"), cases(*TURNS_WITH_THE_ROOM, "vap", "false-alarm-rate", "track")
)
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
def test_the_value_of_a_corpus_comes_from_its_rows(name, kind, seed):
    pairs = [several_sources(seed + n, kind, frames=4 + n) for n in range(3)]
    metric = make(name)
    rows = metric.rows(Corpus.of(pairs))
    tally = metric.tally(rows, Blocks.of([4, 5, 6]))
    assert tally.value == pytest.approx(metric.value(rows), nan_ok=True)
    assert tally.drawn(np.ones((1, 3)))[0] == pytest.approx(metric.value(rows), nan_ok=True)


@every_metric
@given(seed=st.integers(0, 10**6))
@settings(max_examples=10)
def test_a_block_that_is_drawn_twice_counts_twice(name, kind, seed):
    pairs = [several_sources(seed + n, kind, frames=4) for n in range(3)]
    metric = make(name)
    rows = metric.rows(Corpus.of(pairs))
    weights = np.random.default_rng(seed).integers(0, 4, 3)
    repeated = np.repeat(rows, np.repeat(weights, 4), axis=0)
    drawn = metric.tally(rows, Blocks.of([4, 4, 4])).drawn(weights[None].astype(float))
    assert drawn[0] == pytest.approx(metric.value(repeated), nan_ok=True)


@every_metric
def test_recordings_do_not_touch_each_other(name, kind):
    pairs = [several_sources(n, kind, frames=6) for n in range(2)]
    metric = make(name)
    apart = np.concatenate([metric.components(*pair) for pair in pairs])
    # Onsets of the published code are the exception, and say so: they count across files.
    if "onset" not in name:
        assert metric.rows(Corpus.of(pairs)) == pytest.approx(apart, nan_ok=True)
