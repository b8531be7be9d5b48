"""The contract checks accept what fulfils a contract and report every violation."""

import sys
import types
from dataclasses import replace

import numpy as np
import pytest

from helpers.world import WORLD, Noise
from sslbench.contracts import Dataset, Method, Metric
from sslbench.registry import Registry
from sslbench.scene import Prediction, Scene, Tracks
from sslbench.specs import MethodSpec, MetricSpec, Parameter, Part
from sslbench.testing import check_dataset, check_method, check_metric, check_plugin

METHOD = MethodSpec(
    name="m", summary="", target="fake_plugin:Target", outputs=("position",), licence="MIT"
)
METRIC = MetricSpec(
    name="m", summary="", target="fake_plugin:Target", unit="m", higher_is_better=False
)
DATASET = replace(WORLD.sslbench_datasets()[0], target="fake_plugin:Target")


@pytest.fixture
def offer(monkeypatch):
    """Make an object importable as the target of the specs."""

    def install(target):
        module = types.ModuleType("fake_plugin")
        module.Target = target
        monkeypatch.setitem(sys.modules, "fake_plugin", module)

    return install


class Valid(Method):
    def locate(self, recording):
        return Prediction(Tracks.still(recording, [1, 1, 1]))


class Random(Method):
    rng = np.random.default_rng(0)

    def locate(self, recording):
        return Prediction(Tracks.still(recording, self.rng.uniform(0, 1, 3)))


class WrongTracks(Method):
    def locate(self, recording):
        return Prediction(Tracks.of([0.0], [[[1, 1, 1]]], "direction"))


def returning(locate):
    class Returning(Method):
        def locate(self, recording):
            return locate(recording)

    return Returning


def test_a_valid_method_has_no_violations(offer):
    offer(Valid)
    assert check_method(METHOD) == []


@pytest.mark.parametrize(
    ("target", "messages"),
    [
        (Random, ["returns different estimates when it is run twice"]),
        (WrongTracks, ["returns a direction where a position", "returns tracks at other times"]),
        (object, ["is not a Method, as its spec declares"]),
        (returning(lambda recording: None), ["returns None, not a Prediction"]),
        (
            returning(lambda recording: [1, 2]),
            ["returns an object of type list, not a Prediction"],
        ),
        (returning(lambda recording: Prediction(None)), ["whose tracks are None, not Tracks"]),
        (
            returning(lambda recording: Valid().locate(recording) if recording.audio.any() else 0),
            ["returns an object of type int, not a Prediction for silence"],
        ),
        (
            returning(lambda recording: sys.exit(3)),
            ["fails on a recording that requests a position: SystemExit: 3"],
        ),
    ],
)
def test_violations_of_a_method_are_reported(offer, target, messages):
    offer(target)
    found = [str(violation) for violation in check_method(METHOD)]
    for message in messages:
        assert any(message in text for text in found), found


def test_a_method_that_needs_a_part_is_not_run(offer):
    class NeedsPart(Method):
        def locate(self, recording):
            raise AssertionError("its part was not trained")

    offer(NeedsPart)
    assert check_method(replace(METHOD, parts=(Part(name="p", target="fake_plugin:Target"),))) == []


def test_a_method_that_fails_on_silence_is_reported(offer):
    class FailsOnSilence(Valid):
        def locate(self, recording):
            if not recording.audio.any():
                raise ValueError("silence")
            return super().locate(recording)

    offer(FailsOnSilence)
    assert "fails on silence" in str(check_method(METHOD)[0])


def test_an_invalid_parameter_is_reported(offer):
    offer(Valid)
    spec = replace(METHOD, parameters=(Parameter("a-b", 5, "", maximum=3),))
    found = " ".join(str(violation) for violation in check_method(spec))
    assert "'a-b' is not a Python identifier" in found
    assert "the default of the parameter a-b is invalid" in found


def test_a_metric_that_fails_without_sources_is_reported(offer):
    class FailsWithoutSources(Metric):
        def components(self, prediction, truth):
            if not truth.active.any():
                raise ZeroDivisionError
            return np.ones((1, 1))

        def value(self, rows):
            return float(rows.mean())

    offer(FailsWithoutSources)
    assert "fails without sources" in str(check_metric(METRIC)[0])


class Constant(Metric):
    rows, number = np.ones((1, 1)), 0.0

    def components(self, prediction, truth):
        return self.rows

    def value(self, rows):
        return self.number


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"rows": [[1.0]]}, "components returns an object of type list, not a numpy array"),
        ({"rows": None}, "components returns None, not a numpy array"),
        (
            {"rows": np.ones(3)},
            "components returns an array of shape (3,), not (rows, columns)",
        ),
        ({"number": None}, "value returns None, not a number"),
        ({"number": float("inf")}, "value returns NaN or infinity for perfect predictions"),
    ],
)
def test_violations_of_a_metric_are_reported(offer, attributes, message):
    offer(type("Changed", (Constant,), attributes))
    assert message in [violation.message for violation in check_metric(METRIC)]


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"scene": lambda self, index: None}, "scene 0 is None, not a Scene"),
        (
            {"scene": lambda self, index: Scene(None, None)},
            "scene 0 is a Scene of None and None, not of a Recording and a Prediction",
        ),
        ({"fingerprint": lambda self: None}, "the fingerprint is not a hexadecimal SHA-256"),
        ({"__len__": lambda self: None}, "TypeError"),
    ],
)
def test_violations_of_a_data_set_are_reported(offer, attributes, message):
    offer(type("Changed", (Noise,), attributes))
    assert message in " ".join(map(str, check_dataset(DATASET)))


def test_a_target_that_is_not_a_data_set_is_reported(offer):
    offer(lambda request: request)
    assert "fake_plugin:Target is not a Dataset" in str(check_dataset(DATASET)[0])


def test_a_data_set_whose_scenes_change_is_reported(offer):
    class Changing(Noise):
        calls = 0

        def scene(self, index):
            type(self).calls += 1
            return super().scene(self.calls % 4)

    assert issubclass(Changing, Dataset)
    offer(Changing)
    found = " ".join(str(violation) for violation in check_dataset(DATASET))
    assert "the audio of scene 0 differs between two calls" in found


@pytest.mark.slow
def test_all_built_in_plugins_fulfil_their_contracts():
    registry = Registry.installed()
    violations = [v for report in registry.reports for v in check_plugin(registry, report)]
    assert violations == []
