"""The grid methods refuse scenes, recordings and checkpoints that do not fit."""

from dataclasses import replace

import pytest
import torch

from helpers.grid_cases import Elsewhere, Few, Sometimes, grown, make, moved
from sslbench.contracts import Incompatible
from sslbench.errors import CellError, FormatError
from sslbench.scene import MicArray, Scene, Tracks


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"representation": "rg"}, "params"),
        ({"cells": 5}, "params"),
        ({"encoder": "single"}, "params"),
    ],
)
def test_a_checkpoint_of_another_model_is_refused(trained, tmp_path, changes, said):
    folder = tmp_path / "kept"
    folder.mkdir()
    trained().save(folder)
    with pytest.raises(FormatError, match=said):
        make(**changes).load(folder)


def test_another_array_than_in_training_is_refused(trained, data):
    other = data("test", aperture=0.5).scene(0).recording
    with pytest.raises(FormatError, match="another array than in training"):
        trained().locate(other)


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        ((1, 1, 0), (1, 1, 0), r"training: \(1, 1, 0.95\) to \(7, 7, 0.95\) m\n"),
        ((0, 0, 0), (0.5, 0, 0), r"training: \(0, 0, 0.95\) to \(6.5, 6, 0.95\) m\n"),
        ((0, 0, 0.2), (0, 0, 0.2), r"training: \(0, 0, 1.15\) to \(6, 6, 1.15\) m\n"),
        ((0, 0, 0), (0, 0, 1), "a search region that is not flat"),
    ],
)
def test_another_region_than_in_training_is_refused(trained, data, low, high, said):
    recording = data("test").scene(0).recording
    other = replace(recording, region=grown(recording.region, low, high))
    with pytest.raises(FormatError, match=said) as refused:
        trained().locate(other)
    assert refused.value.where == recording.id
    assert refused.value.expected


def test_a_recording_without_a_region_is_refused(trained, data):
    recording = replace(data("test").scene(0).recording, kind="direction", region=None)
    with pytest.raises(FormatError, match=r"no search region\n.*of one height"):
        trained().locate(recording)


def test_regions_and_arrays_may_differ_by_rounding(trained, data):
    method, recording = trained(), data("test").scene(0).recording
    answer = method.locate(moved(recording, [5e-5, -5e-5, 0]))
    assert answer.tracks.xyz == pytest.approx(method.locate(recording).tracks.xyz, abs=1e-3)


def test_the_region_of_another_corner_is_the_one_of_training_after_load(trained, data, tmp_path):
    folder = tmp_path / "kept"
    folder.mkdir()
    trained(Elsewhere).save(folder)
    again = make()
    again.load(folder)
    assert again.locate(data("test", Elsewhere).scene(0).recording)
    recording = data("test", Elsewhere).scene(0).recording
    at_origin = replace(recording, region=data("test").scene(0).recording.region)
    with pytest.raises(FormatError, match="another search region than in training"):
        again.locate(at_origin)


class Moving(Few):
    """Arrays that are not where they were."""

    def recording(self, index, audio, conditions):
        heard = super().recording(index, audio, conditions)
        return replace(heard, array=MicArray(heard.array.positions + 0.01 * index))


class Odd(Few):
    """One microphone too few for two arrays alike."""

    def recording(self, index, audio, conditions):
        heard = super().recording(index, audio, conditions)
        return replace(heard, audio=heard.audio[1:], array=MicArray(heard.array.positions[1:]))


class Growing(Few):
    """Another room in every scene."""

    def recording(self, index, audio, conditions):
        heard = super().recording(index, audio, conditions)
        return replace(heard, region=grown(heard.region, [0, 0, 0], [index, 0, 0]))


@pytest.mark.parametrize(
    ("suite", "said"),
    [(Moving, "two arrays"), (Odd, "two arrays"), (Growing, "one region")],
)
def test_what_must_stay_as_it_is_and_does_not_is_unsuitable(suite, said, trained):
    with pytest.raises(Incompatible, match=f"grid2d learns {said}"):
        trained(suite)


def test_more_sources_than_there_are_maps_are_refused(trained, data):
    recording = replace(data("test").scene(0).recording, max_sources=2)
    with pytest.raises(FormatError, match="2 sources are asked for"):
        trained(representation="uld").locate(recording)


def test_a_number_of_sources_that_varies_needs_another_representation(trained):
    with pytest.raises(Incompatible, match="uld has a map for each source"):
        trained(Sometimes, representation="uld")


def test_a_source_outside_the_room_is_named(data):
    scene = data("train").scene(0)
    outside = Tracks.of(scene.truth.times, [[[9.0, 1.0, 0.95]]], "position")
    method = make(representation="uld")
    method._facts = {"sources": 1, "always": True, "scale": "smoke"}
    target = method.target(Scene(scene.recording, outside))
    batch = {"positions": torch.from_numpy(target["positions"])[None]}
    with pytest.raises(FormatError, match=r"position \(9, 1\) m is outside the room of 6 x 6 m"):
        method._representation(method._facts).loss(
            torch.zeros(1, 1, 7, 7), batch["positions"], torch.tensor([[6.0, 6.0]])
        )


def test_more_sources_than_a_recording_says_there_can_be_are_refused(data):
    scene = data("train").scene(0)
    two = Tracks.of(scene.truth.times, [[[1.0, 1.0, 0.95], [4.0, 4.0, 0.95]]], "position")
    with pytest.raises(FormatError, match=r"2 sources\n.*at most 1, as the recording says"):
        make().target(Scene(scene.recording, two))


def test_a_model_that_was_cut_off_says_so(trained, tmp_path):
    folder = tmp_path / "kept"
    folder.mkdir()
    trained().save(folder)
    model = folder / "model.json"
    model.write_text(model.read_text()[:200])
    with pytest.raises(FormatError, match=r"model\.json: JSON.*\n.*a finished training wrote"):
        make().load(folder)


def test_an_untrained_method_says_so(data):
    with pytest.raises(CellError, match="asked for an answer before training"):
        make().locate(data("test").scene(0).recording)
