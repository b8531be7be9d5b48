"""The base of networks that output the position of one source."""

from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest
import torch
from torch import nn

from helpers.seven_microphones import SevenMicrophones, frames, hidden
from helpers.toy_learner import context, selection
from sslbench.contracts import DatasetRequest, Incompatible
from sslbench.errors import FormatError
from sslbench.scene import Prediction, Tracks
from sslbench.training.loop import Settings, Step
from sslbench.training.regression import PositionRegression


class Levels(PositionRegression):
    """Regresses on the level of each microphone, which says something about the distance."""

    name = "levels"
    cache_inputs: ClassVar = True

    def settings(self, scale):
        return Settings(4, 6, 1e-2)

    def inputs(self, recording):
        return {"level": recording.audio.std(axis=1), **self.geometry(recording)}

    def build(self, config, statistics):
        return nn.Linear(7, 3)

    def forward(self, network, batch):
        return network(batch["level"])


@pytest.fixture(scope="module")
def method(tmp_path_factory):
    folder = tmp_path_factory.mktemp("levels")
    train, validation = frames("train", folder), frames("validation", folder, count=6)
    found = Levels()
    chosen = selection("position-error-capped")
    found.fit(train, validation, context(folder / "work", selection=chosen))
    return found


def test_it_trains(method):
    assert len(method.history) == 4
    assert all(np.isfinite(row.loss) for row in method.history)


def test_training_positions_have_mean_zero_and_unit_deviation(method, tmp_path):
    train = frames("train", tmp_path)
    found = np.array([method.targets(train.scene(i))["position"] for i in range(len(train))])
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(found.std(axis=0), 1, rtol=1e-5)


def test_outputs_become_positions_in_metres(method, tmp_path):
    scene = frames("test", tmp_path).scene(0)
    output = torch.tensor(method.targets(scene)["position"])[None]
    (prediction,) = method.decode(output, [scene.recording])
    np.testing.assert_allclose(prediction.tracks.xyz, scene.truth.tracks.xyz, atol=1e-6)


def test_the_loss_is_the_mean_square_and_ignores_frames_without_a_source(method):
    level = torch.rand(3, 7)
    position = torch.randn(3, 3)
    position[1] = torch.nan
    network = nn.Linear(7, 3)
    loss = method.loss(
        network, {"level": level, "position": position}, Step(0.0, torch.Generator())
    )
    expected = (network(level) - position)[[0, 2]].square().mean()
    torch.testing.assert_close(loss, expected)
    loss.backward()
    assert network.weight.grad.isfinite().all()


def test_frames_without_any_source_have_no_loss(method):
    batch = {"level": torch.rand(2, 7), "position": torch.full((2, 3), torch.nan)}
    loss = method.loss(nn.Linear(7, 3), batch, Step(0.0, torch.Generator()))
    assert loss.detach() == 0


def test_unknown_microphones_are_refused(method, tmp_path):
    recording = frames("test", tmp_path).scene(0).recording
    method.check(recording)
    with pytest.raises(FormatError, match="unknown microphone positions"):
        method.check(hidden(recording, 2))


class Altered(SevenMicrophones):
    def __init__(self, cache, change):
        super().__init__(DatasetRequest("train", "smoke", {}, None, cache))
        self.change = change

    def scene(self, index):
        return self.change(super().scene(index))


def two_sources(scene):
    return replace(scene, recording=replace(scene.recording, max_sources=2))


def without_source(scene):
    tracks = Tracks.of(scene.recording.times, np.full((1, 1, 3), np.nan), "position")
    return replace(scene, truth=Prediction(tracks))


def unknown_microphone(scene):
    return replace(scene, recording=hidden(scene.recording, 0))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (two_sources, "levels locates one source"),
        (unknown_microphone, "microphones whose positions are known"),
        (without_source, "no training scene has a source"),
    ],
)
def test_data_that_it_cannot_learn_from_are_incompatible(change, words, tmp_path):
    with pytest.raises(Incompatible, match=words):
        Levels().configure(Altered(tmp_path, change), "smoke")
