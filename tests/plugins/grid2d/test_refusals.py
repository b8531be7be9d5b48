"""The grid methods refuse scenes, recordings and checkpoints that do not fit."""

from dataclasses import replace

import pytest
import torch

from helpers.grid_cases import (
    Answering,
    Elsewhere,
    Few,
    Sometimes,
    configured,
    grown,
    make,
    moved,
    step,
)
from sslbench.contracts import Incompatible
from sslbench.errors import CellError, FormatError
from sslbench.scene import MicArray, Prediction, Scene, Tracks


@pytest.fixture
def saved(tmp_path):
    def save(method):
        folder = tmp_path / "saved"
        folder.mkdir()
        method.save(folder)
        return folder

    return save


@pytest.mark.parametrize("changes", [{"representation": "rg"}, {"cells": 5}, {"encoder": "single"}])
def test_a_checkpoint_with_other_parameters_is_refused(trained, saved, changes):
    folder = saved(trained())
    with pytest.raises(FormatError, match="params"):
        make(**changes).load(folder)


def test_a_truncated_model_file_is_reported(trained, saved):
    folder = saved(trained())
    model = folder / "model.json"
    model.write_text(model.read_text()[:200])
    with pytest.raises(FormatError, match=r"model\.json: JSON.*\n.*of a finished training"):
        make().load(folder)


def test_an_untrained_method_is_refused(data):
    with pytest.raises(CellError, match="used before it was trained"):
        make().locate(data("test").scene(0).recording)


def test_another_array_than_in_training_is_refused(trained, data):
    other = data("test", aperture=0.5).scene(0).recording
    with pytest.raises(FormatError, match="another array than in training"):
        trained().locate(other)


@pytest.mark.parametrize(
    ("low", "high", "message"),
    [
        ((1, 1, 0), (1, 1, 0), r"training: \(1, 1, 0.95\) to \(7, 7, 0.95\) m\n"),
        ((0, 0, 0), (0.5, 0, 0), r"training: \(0, 0, 0.95\) to \(6.5, 6, 0.95\) m\n"),
        ((0, 0, 0.2), (0, 0, 0.2), r"training: \(0, 0, 1.15\) to \(6, 6, 1.15\) m\n"),
        ((0, 0, 0), (0, 0, 1), "a search region that is not flat"),
    ],
)
def test_another_region_than_in_training_is_refused(trained, data, low, high, message):
    recording = data("test").scene(0).recording
    other = replace(recording, region=grown(recording.region, low, high))
    with pytest.raises(FormatError, match=message) as refused:
        trained().locate(other)
    assert refused.value.where == recording.id
    assert refused.value.expected


def test_a_recording_without_a_region_is_refused(trained, data):
    recording = replace(data("test").scene(0).recording, kind="direction", region=None)
    with pytest.raises(FormatError, match=r"no search region\n.*of one height"):
        trained().locate(recording)


def test_regions_and_arrays_may_differ_by_rounding(trained, data):
    method, recording = trained(), data("test").scene(0).recording
    found = method.locate(moved(recording, [5e-5, -5e-5, 0]))
    assert found.tracks.xyz == pytest.approx(method.locate(recording).tracks.xyz, abs=1e-3)


def test_the_region_of_training_is_known_after_loading(trained, data, saved):
    folder = saved(trained(Elsewhere))
    again = make()
    again.load(folder)
    recording = data("test", Elsewhere).scene(0).recording
    assert again.locate(recording)
    at_origin = replace(recording, region=data("test").scene(0).recording.region)
    with pytest.raises(FormatError, match="another search region than in training"):
        again.locate(at_origin)


def test_more_sources_than_maps_are_refused(trained, data):
    recording = replace(data("test").scene(0).recording, max_sources=2)
    with pytest.raises(FormatError, match="2 sources are requested"):
        trained(representation="uld").locate(recording)


class Moving(Few):
    """The arrays move from scene to scene."""

    def recording(self, index, audio, conditions):
        found = super().recording(index, audio, conditions)
        return replace(found, array=MicArray(found.array.positions + 0.01 * index))


class Odd(Few):
    """One microphone is missing from two equal arrays."""

    def recording(self, index, audio, conditions):
        found = super().recording(index, audio, conditions)
        return replace(found, audio=found.audio[1:], array=MicArray(found.array.positions[1:]))


class Growing(Few):
    """The room grows from scene to scene."""

    def recording(self, index, audio, conditions):
        found = super().recording(index, audio, conditions)
        return replace(found, region=grown(found.region, [0, 0, 0], [index, 0, 0]))


class Unflat(Few):
    """The height of the source is unknown."""

    def recording(self, index, audio, conditions):
        found = super().recording(index, audio, conditions)
        return replace(found, region=grown(found.region, [0, 0, 0], [0, 0, 1]))


class Twice(Few):
    """Two estimates are requested per recording."""

    def recording(self, index, audio, conditions):
        return replace(super().recording(index, audio, conditions), times=[0.02, 0.04])


@pytest.mark.parametrize(
    ("suite", "message"),
    [
        (Moving, "grid2d learns two arrays"),
        (Odd, "grid2d learns two arrays"),
        (Growing, "grid2d learns one region"),
        (Unflat, "known height.*this data set has a search region that is not flat"),
        (Twice, "clips with one estimate each.*request 2"),
    ],
)
def test_data_that_it_cannot_learn_from_are_incompatible(suite, message, trained):
    with pytest.raises(Incompatible, match=message):
        trained(suite)


@pytest.mark.parametrize("name", ["onehot", "uld"])
def test_a_varying_number_of_sources_needs_another_representation(trained, name):
    message = f"representation={name} needs a fixed number of sources.*Use .*hm, rg or tg"
    with pytest.raises(Incompatible, match=message):
        trained(Sometimes, representation=name)


def test_a_source_outside_the_room_is_named(data):
    scene = data("train").scene(0)
    outside = Tracks.of(scene.truth.tracks.times, [[[9.0, 1.0, 0.95]]], "position")
    method = configured(make(representation="uld"), data("train"))
    targets = method.targets(Scene(scene.recording, Prediction(outside)))
    batch = {
        "audio": None,
        "microphones": None,
        "positions": torch.from_numpy(targets["positions"])[None],
        "room": torch.tensor([[6.0, 6.0]]),
    }
    with pytest.raises(FormatError, match=r"position \(9, 1\) m is outside the room of 6 x 6 m"):
        method.loss(Answering(torch.zeros(1, 1, 7, 7)), batch, step())


def test_more_sources_than_a_recording_can_have_are_refused(data):
    scene = data("train").scene(0)
    xyz = [[[1.0, 1.0, 0.95], [4.0, 4.0, 0.95]]]
    two = Prediction(Tracks.of(scene.truth.tracks.times, xyz, "position"))
    with pytest.raises(FormatError, match=r"2 sources\n.*at most 1, as the recording says"):
        make().targets(Scene(scene.recording, two))
