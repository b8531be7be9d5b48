"""The checks of alterations and trackers."""

import sys
import types
from dataclasses import replace

import numpy as np
import pytest

from sslbench.contracts import Alteration, Incompatible, Tracker
from sslbench.datasets.alterations import ALTERATIONS
from sslbench.scene import Tracks
from sslbench.specs import AlterationSpec, TrackerSpec
from sslbench.testing import check_alteration, check_tracker

ALTERATION = AlterationSpec(name="a", summary="", target="fake_plugin:Target")
TRACKER = TrackerSpec(name="t", summary="", target="fake_plugin:Target", licence="MIT")


@pytest.fixture
def messages(monkeypatch):
    """Return the violations of a class that is the target of a spec."""

    def check(target):
        module = types.ModuleType("fake_plugin")
        module.Target = target
        monkeypatch.setitem(sys.modules, "fake_plugin", module)
        kind = Tracker if issubclass(target, Tracker) else Alteration
        found = check_tracker(TRACKER) if kind is Tracker else check_alteration(ALTERATION)
        return " ".join(map(str, found))

    return check


def altering(change):
    class Altering(Alteration):
        def scene(self, inner, index, rng):
            return change(inner.scene(index), rng)

    return Altering


def tracking(change):
    class Tracking(Tracker):
        def track(self, detections, max_sources):
            return change(detections)

    return Tracking


def audio(change):
    def altered(scene, rng):
        recording = replace(scene.recording, audio=change(scene.recording.audio, rng))
        return replace(scene, recording=recording)

    return altered


def first_only(detections):
    return Tracks.of(detections.times, detections.xyz[:, :1], detections.kind)


def twice(detections):
    doubled = np.concatenate([detections.xyz, detections.xyz], axis=1)
    return Tracks.of(detections.times, doubled, detections.kind)


def opposite(tracks):
    return Tracks.of(tracks.times, -tracks.xyz, tracks.kind)


def incompatible(scene, rng):
    raise Incompatible("no")


UNSEEDED = np.random.default_rng(1)


@pytest.mark.parametrize("spec", ALTERATIONS, ids=lambda spec: spec.name)
def test_the_alterations_of_sslbench_have_no_violations(spec):
    assert check_alteration(spec) == []


@pytest.mark.parametrize("change", [lambda scene, rng: scene, incompatible])
def test_a_valid_alteration_has_no_violations(messages, change):
    assert messages(altering(change)) == ""


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda scene, rng: None, "returns None, not a Scene"),
        (audio(lambda x, rng: x + UNSEEDED.random()), "different audio for the same random"),
        (
            lambda scene, rng: replace(scene, recording=scene.recording.window(slice(0, 1))),
            "a ground truth with other times",
        ),
        (lambda scene, rng: 1 / 0, "fails on a recording that requests a position"),
    ],
)
def test_violations_of_an_alteration_are_reported(messages, change, message):
    assert message in messages(altering(change))


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        (lambda name, truth: ("another", truth), "truth names the recording 'another'"),
        (
            lambda name, truth: (name, replace(truth, tracks=opposite(truth.tracks))),
            "truth returns other sources",
        ),
    ],
)
def test_a_truth_that_differs_from_the_scene_is_reported(messages, attributes, message):
    class Differing(altering(lambda scene, rng: scene)):
        def truth(self, inner, index, rng):
            return attributes(*inner.truth(index))

    assert message in messages(Differing)


def test_a_target_that_is_no_alteration_is_reported(messages):
    assert "is not an Alteration" in messages(dict)


def test_a_valid_tracker_has_no_violations(messages):
    assert messages(tracking(first_only)) == ""


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda detections: None, "returns None, not Tracks"),
        (twice, "more tracks at once than max_sources"),
        (
            lambda detections: Tracks.of([0.0], [[[1, 0, 0]]], detections.kind),
            "at other times than the detections",
        ),
        (
            lambda detections: Tracks.of(detections.times, first_only(detections).xyz, "position"),
            "returns a position for detections of directions",
        ),
        (
            lambda detections: replace(
                first_only(detections), xyz=first_only(detections).xyz * UNSEEDED.random()
            ),
            "different tracks when it is run twice",
        ),
        (lambda detections: 1 / 0, "fails without detections"),
    ],
)
def test_violations_of_a_tracker_are_reported(messages, change, message):
    assert message in messages(tracking(change))
