import sys
import types
from dataclasses import replace

import numpy as np
import pytest

from sslbench.contracts import Dataset, Method, Metric
from sslbench.errors import UsageError
from sslbench.registry import Registry
from sslbench.scene import Prediction, Scene, Tracks
from sslbench.specs import MethodSpec, MetricSpec, Parameter
from sslbench.testing import check_dataset, check_method, check_metric, check_plugin
from sslbench.testing.scaffold import write_plugin

SPEC = MethodSpec("m", "fake_plugin:Thing", "", outputs=("position",), licence="MIT")


@pytest.fixture
def offer(monkeypatch):
    """Make a class importable as the target of `SPEC`."""

    def install(thing):
        module = types.ModuleType("fake_plugin")
        module.Thing = thing
        monkeypatch.setitem(sys.modules, "fake_plugin", module)

    return install


class Good(Method):
    def locate(self, recording):
        return Prediction(Tracks.still(recording, [1, 1, 1]))


class Restless(Method):
    rng = np.random.default_rng(0)

    def locate(self, recording):
        return Prediction(Tracks.still(recording, self.rng.uniform(0, 1, 3)))


class Early(Method):
    def locate(self, recording):
        return Prediction(Tracks.of([0.0], [[[1, 1, 1]]], "direction"))


def answering(answer):
    class Answering(Method):
        def locate(self, recording):
            return answer(recording)

    return Answering


def test_a_method_that_keeps_its_contract_has_no_findings(offer):
    offer(Good)
    assert check_method(SPEC) == []


@pytest.mark.parametrize(
    ("thing", "faults"),
    [
        (Restless, ["answers differently when it is asked the same again"]),
        (Early, ["answers a direction where a position", "answers at other times"]),
        (object, ["is no Method, as its spec promises"]),
        (answering(lambda recording: None), ["answers None, not a Prediction"]),
        (answering(lambda recording: [1, 2]), ["answers an object of type list, not a Prediction"]),
        (answering(lambda recording: Prediction(None)), ["a Prediction of None, not of Tracks"]),
        (
            answering(lambda recording: Good().locate(recording) if recording.audio.any() else 0),
            ["answers an object of type int, not a Prediction on silence"],
        ),
        (answering(lambda recording: sys.exit(3)), ["fails on a tiny recording", "SystemExit: 3"]),
    ],
)
def test_a_broken_contract_is_told_in_words(offer, thing, faults):
    offer(thing)
    found = [str(finding) for finding in check_method(SPEC)]
    for fault in faults:
        assert any(fault in text for text in found), found


def test_a_method_that_fails_on_silence_is_told(offer):
    class Silent(Good):
        def locate(self, recording):
            if not recording.audio.any():
                raise ValueError("silence")
            return super().locate(recording)

    offer(Silent)
    assert "fails on silence" in str(check_method(SPEC)[0])


def test_a_parameter_whose_default_is_refused_is_told(offer):
    offer(Good)
    bad = replace(SPEC, parameters=(Parameter("a-b", 5, "", maximum=3),))
    found = " ".join(str(finding) for finding in check_method(bad))
    assert "'a-b' is no identifier" in found
    assert "the default of a-b is refused" in found


def test_a_metric_that_fails_without_truth_is_told(offer):
    class Fragile(Metric):
        def components(self, prediction, truth):
            if not truth.active.any():
                raise ZeroDivisionError
            return np.ones((1, 1))

        def value(self, rows):
            return float(rows.mean())

    offer(Fragile)
    spec = MetricSpec("m", "fake_plugin:Thing", "", "m", higher_is_better=False)
    assert "fails where there is no truth" in str(check_metric(spec)[0])


class Rows(Metric):
    rows, number = np.ones((1, 1)), 0.0

    def components(self, prediction, truth):
        return self.rows

    def value(self, rows):
        return self.number


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"rows": [[1.0]]}, "components gives an object of type list, not a numpy array"),
        ({"rows": None}, "components gives None, not a numpy array"),
        ({"rows": np.ones(3)}, "components have shape (3,), not (rows, columns)"),
        ({"number": None}, "its value is None, not a number"),
        ({"number": float("inf")}, "gives no number for a perfect answer"),
    ],
)
def test_a_metric_that_gives_something_else_is_told(offer, given, fault):
    offer(type("Given", (Rows,), given))
    spec = MetricSpec("m", "fake_plugin:Thing", "", "m", higher_is_better=False)
    assert fault in [finding.fault for finding in check_metric(spec)]


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"scene": lambda self, index: None}, "scene 0 is None, not a Scene"),
        (
            {"scene": lambda self, index: Scene(None, None)},
            "scene 0 is a Scene of None and None, not of a Recording and Tracks",
        ),
        ({"fingerprint": lambda self: None}, "its fingerprint is no SHA-256 in hexadecimal"),
        ({"__len__": lambda self: None}, "TypeError"),
    ],
)
def test_a_data_set_that_gives_something_else_is_told(offer, given, fault):
    from helpers.world import WORLD, Noise

    offer(type("Given", (Noise,), given))
    spec = replace(WORLD.sslbench_datasets()[0], target="fake_plugin:Thing")
    assert fault in " ".join(map(str, check_dataset(spec)))


def test_a_data_set_of_another_class_is_told(offer):
    from helpers.world import WORLD

    offer(lambda request: request)
    spec = replace(WORLD.sslbench_datasets()[0], target="fake_plugin:Thing")
    assert "fake_plugin:Thing is no Dataset" in str(check_dataset(spec)[0])


def test_a_data_set_whose_scenes_change_is_told(offer):
    from helpers.world import WORLD, Noise

    class Changing(Noise):
        calls = 0

        def scene(self, index):
            type(self).calls += 1
            return super().scene(self.calls % 4)

    assert issubclass(Changing, Dataset)
    offer(Changing)
    spec = replace(WORLD.sslbench_datasets()[0], target="fake_plugin:Thing")
    found = " ".join(str(finding) for finding in check_dataset(spec))
    assert "sounds different the second time" in found


@pytest.mark.slow
def test_all_of_our_own_plugins_keep_their_contracts():
    registry = Registry.installed()
    findings = [f for report in registry.reports for f in check_plugin(registry, report)]
    assert findings == []


@pytest.mark.parametrize("name", ["1x", "2-mics", "a.b", "Big", "", "a b", "none", "tracks"])
def test_a_name_that_gives_no_class_is_refused(tmp_path, name):
    with pytest.raises(UsageError, match=f"'{name}' (is no name|would name a class)"):
        write_plugin(name, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_new_plugin_keeps_the_contract_from_the_start(tmp_path, monkeypatch):
    folder = write_plugin("my-first", tmp_path)
    monkeypatch.syspath_prepend(folder)
    from sslbench_my_first import sslbench_methods

    assert check_method(sslbench_methods()[0]) == []
