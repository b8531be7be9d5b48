"""Speed of doanet: its features, its losses in relation to a training step, and moving scenes."""

import os
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

from sslbench.contracts import DatasetRequest
from sslbench.datasets.simulated.moving_doa import ARRAY, MovingDoa
from sslbench.scene import MicArray, Recording
from sslbench.simulation.sources import SourceBank
from sslbench.training.loop import Step
from sslbench.training.normalization import Normalize
from sslbench_doanet import sslbench_methods
from sslbench_doanet.features import BANDS, RATE, channels_of, features
from sslbench_doanet.hnet import Hnet, HnetNetwork
from sslbench_doanet.method import ROWS, DoaNet
from sslbench_doanet.network import Crnn, Output
from sslbench_doanet.targets import slots

(SPEC,) = sslbench_methods()
LOSSES = next(each.choices for each in SPEC.parameters if each.name == "loss")
WINDOWS = 64


class Untrained(Hnet):
    """Hnet with random weights, whose values do not matter here."""

    network = HnetNetwork(2).requires_grad_(False)


@pytest.mark.target
@pytest.mark.parametrize("form", ["mics", "foa"])
def test_features_of_a_minute_are_100_times_faster_than_real_time(form, median_seconds, say):
    audio = np.random.default_rng(0).standard_normal((4, 60 * RATE)).astype(np.float32)
    array = ARRAY if form == "mics" else MicArray(format="foa")
    times = (np.arange(600) + 0.5) * 0.1
    recording = Recording("minute", audio, RATE, array, times, "direction", frame=0.1)
    seconds = median_seconds(lambda: features(recording), rounds=5)
    say(f"features of 60 s ({form}): {seconds:.2f} s, {60 / seconds:.0f} times real time")
    assert 60 / seconds >= 100


@pytest.mark.target
def test_the_loss_takes_a_tenth_of_a_training_step_at_paper_size(median_seconds, say):
    torch.manual_seed(0)
    method = DoaNet(**{each.name: each.default for each in SPEC.parameters})
    method.parts = {"hnet": Untrained()}
    channels = channels_of(4, "mics")
    normalize = Normalize((np.zeros((channels, 1, BANDS)), np.ones((channels, 1, BANDS))))
    network = Crnn(normalize, channels, 128, 2, activity=True)
    batch = {"features": torch.randn(WINDOWS, channels, 5 * ROWS, BANDS), **truth()}
    vectors = torch.randn(WINDOWS, ROWS, 2, 3, requires_grad=True)
    activity = torch.randn(WINDOWS, ROWS, 2, requires_grad=True)
    step = Step(0.0, torch.Generator())

    def whole():
        method.loss(network, batch, step).backward()

    def loss_alone():
        method.loss(lambda _: Output(vectors, activity), batch, step).backward()

    total, alone = median_seconds(whole, rounds=2), median_seconds(loss_alone, rounds=5)
    say(f"training step {total:.2f} s, of which the loss {1000 * alone:.0f} ms")
    assert alone <= 0.1 * total


def truth():
    """Return the ground truth of windows of two moving sources."""
    events = MovingDoa(DatasetRequest("train", "quick", {}, None, "unused"))
    tracks = [events.tracks(index).at(slice(0, ROWS)) for index in range(WINDOWS)]
    arrays = [slots(each, 2) for each in tracks]
    return {name: torch.from_numpy(np.stack([each[name] for each in arrays])) for name in arrays[0]}


@pytest.mark.target
def test_a_scene_of_20_seconds_is_rendered_50_times_faster_than_real_time(
    tmp_path, median_seconds, say
):
    dataset = MovingDoa(DatasetRequest("validation", "quick", {}, None, tmp_path))
    bank = SourceBank.open(dataset.source_folder, dataset.genre, "validation", RATE)
    # The first call also computes the responses of the room.
    median = median_seconds(lambda: dataset.render([0, 1], bank), rounds=4) / 2
    say(f"a scene of 20 s in both formats: {median:.2f} s, {20 / median:.0f} times real time")
    assert 20 / median >= 50


@pytest.mark.target
def test_smoke_of_all_losses_and_both_formats_takes_less_than_four_minutes(tmp_path, say):
    environment = {**os.environ, "SSLBENCH_STORE": str(tmp_path), "OMP_NUM_THREADS": "1"}
    start = time.perf_counter()
    command = [sys.executable, "-m", "sslbench", "run", "-j", "2"]
    command += ["-m", f"doanet[loss={{{','.join(LOSSES)}}}]"]
    command += ["-d", "moving-doa[format={mic,foa}]"]
    subprocess.run(command, env=environment, check=True, capture_output=True)
    seconds = time.perf_counter() - start
    say(f"smoke of {len(LOSSES)} losses and two formats: {seconds:.0f} s")
    assert seconds < 240
