"""The grid methods train, answer, are kept and read back, and refuse what does not fit."""

from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pytest
import torch

from sslbench.cell import Cell, Choice
from sslbench.contracts import DatasetRequest, TrainingContext, Unsuitable
from sslbench.datasets.simulated.feng2025_l1 import PARAMETERS, Feng2025L1
from sslbench.errors import CellError, FormatError
from sslbench.running.scoring import published_of
from sslbench.scene import Scene, Tracks
from sslbench_grid2d import sslbench_methods
from sslbench_grid2d.methods import Grid2d

SPECS = {spec.name: spec for spec in sslbench_methods()}
NAMES = ("tg", "hm", "rg", "onehot", "uld")


class Few(Feng2025L1):
    """A few clips, and more epochs would change nothing that is tested here."""

    sizes = MappingProxyType({"smoke": {"train": 64, "validation": 16, "test": 16}})
    chunk = 64


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def data(cache):
    def open_split(split, **params):
        defaults = {parameter.name: parameter.default for parameter in PARAMETERS}
        return Few(DatasetRequest(split, "smoke", defaults | params, None, cache))

    return open_split


def make(**params):
    defaults = {p.name: p.default for p in SPECS["grid2d"].parameters}
    return Grid2d(**(defaults | {"width": 8} | params))


@pytest.fixture
def trained(data, tmp_path, monkeypatch):
    def train(**params):
        method = make(**params)
        monkeypatch.setattr(
            type(method), "settings", lambda self, scale: replace(SETTINGS(self, scale), epochs=1)
        )
        folder = tmp_path / "work"
        folder.mkdir(exist_ok=True)
        context = TrainingContext(0, "smoke", folder, lambda report: None)
        method.fit(data("train"), data("validation"), context)
        return method

    return train


SETTINGS = Grid2d.settings


def places(predictions):
    return np.array([p.tracks.xyz for p in predictions])


@pytest.mark.parametrize("name", NAMES)
def test_what_is_kept_answers_the_same(name, trained, data, tmp_path):
    method = trained(representation=name)
    folder = tmp_path / "kept"
    folder.mkdir()
    method.save(folder)
    again = make(representation=name)
    again.load(folder)
    recordings = [data("test").scene(index).recording for index in range(5)]
    answers = method.locate_many(recordings)
    assert np.array_equal(places(answers), places(again.locate_many(recordings)), equal_nan=True)
    assert all(answer.tracks.xyz.shape == (1, 1, 3) for answer in answers)
    assert again.parameter_count == method.parameter_count > 0


@pytest.mark.parametrize("encoder", ["single", "array", "combined"])
def test_every_encoder_trains(encoder, trained):
    assert len(trained(encoder=encoder).history) == 1


def test_answers_lie_in_the_room_at_its_height(trained, data):
    method = trained(representation="onehot")
    recordings = [data("test").scene(index).recording for index in range(16)]
    xyz = places(method.locate_many(recordings))[:, 0, 0]
    assert (xyz[:, :2] >= 0).all()
    assert (xyz[:, :2] <= 6).all()
    assert (xyz[:, 2] == 0.95).all()


def test_the_map_comes_with_the_answer(trained, data):
    answer = trained(representation="uld").locate(data("test").scene(0).recording)
    assert answer.likelihood.shape == (7, 7)
    assert answer.likelihood.min() >= 0
    assert answer.likelihood.max() <= 1


def test_a_batch_answers_as_one_by_one(trained, data):
    method = trained(representation="uld")
    recordings = [data("test").scene(index).recording for index in range(4)]
    alone = [method.locate(recording) for recording in recordings]
    assert places(method.locate_many(recordings)) == pytest.approx(places(alone), abs=1e-4)


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


def test_a_threshold_is_of_the_answer_and_not_of_the_checkpoint(trained, tmp_path):
    folder = tmp_path / "kept"
    folder.mkdir()
    trained(representation="hm").save(folder)
    make(representation="hm", threshold=0.9).load(folder)


def test_another_array_than_in_training_is_refused(trained, data):
    other = data("test", aperture=0.5).scene(0).recording
    with pytest.raises(FormatError, match="another array than in training"):
        trained().locate(other)


def test_more_sources_than_there_are_maps_are_refused(trained, data):
    recording = replace(data("test").scene(0).recording, max_sources=2)
    with pytest.raises(FormatError, match="2 sources are asked for"):
        trained(representation="uld").locate(recording)


def test_a_number_of_sources_that_varies_needs_another_representation(data, monkeypatch, tmp_path):
    truth = Few.truth

    def sometimes(self, index):
        name, tracks = truth(self, index)
        silent = Tracks.of(tracks.times, tracks.xyz, tracks.kind, [[False]])
        return name, silent if index % 2 else tracks

    monkeypatch.setattr(Few, "truth", sometimes)
    context = TrainingContext(0, "smoke", tmp_path, lambda report: None)
    with pytest.raises(Unsuitable, match="uld has a map for each source"):
        make(representation="uld").fit(data("train"), data("validation"), context)


def test_a_source_outside_the_room_is_named(data):
    scene = data("train").scene(0)
    outside = Tracks.of(scene.truth.times, [[[9.0, 1.0, 0.95]]], "position")
    method = make(representation="uld")
    method._facts = {"sources": 1, "always": True, "scale": "smoke"}
    target = method.target(Scene(scene.recording, outside))
    batch = {"positions": torch.from_numpy(target["positions"])[None]}
    with pytest.raises(FormatError, match="9"):
        method._representation(method._facts).loss(
            torch.zeros(1, 1, 7, 7), batch["positions"], torch.tensor([[6.0, 6.0]])
        )


def test_an_untrained_method_says_so(data):
    with pytest.raises(CellError, match="asked for an answer before training"):
        make().locate(data("test").scene(0).recording)


@pytest.mark.parametrize("scale", ["smoke", "quick"])
def test_fewer_scenes_are_heard_more_often(scale, data):
    method = make()
    method.begin(data("train"), scale)
    few = method.settings(scale)
    method._facts["scenes"] *= 10
    many = method.settings(scale)
    assert few.batch == many.batch
    assert few.epochs == pytest.approx(10 * many.epochs, rel=0.2)


@pytest.mark.parametrize(
    ("split", "share", "values"),
    [("test", 1.0, {90, 96}), ("test", 0.1, {79, 87}), ("s1", 1.0, {77}), ("s2", 1.0, {97})],
)
def test_a_published_number_stands_beside_its_own_split_and_share_alone(split, share, values):
    params = {p.name: p.default for p in SPECS["grid2d"].parameters}
    method = Choice("grid2d", params | {"representation": "hm", "encoder": "combined"})
    cell = Cell(method, Choice("lemoing2019", {"train_share": share}), split, "quick", 0)
    found = published_of(cell, SPECS["grid2d"])
    assert {entry.value for entry in found} == values
