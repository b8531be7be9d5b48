"""A complete learned method: from the GCC-PHAT of all pairs of microphones to a position."""

from dataclasses import replace
from typing import ClassVar

import numpy as np
import torch
from torch import nn

from sslbench.acoustics.gcc import gcc_phat
from sslbench.contracts import Incompatible
from sslbench.errors import FormatError
from sslbench.scene import Prediction, Tracks
from sslbench.training.learned import LearnedMethod
from sslbench.training.loop import Settings
from sslbench.training.normalization import Normalize
from sslbench.training.schedules import Cosine

LAGS = 64
"""Largest lag in samples: 1.4 m of distance at 16 kHz."""

BINS = 15
"""Bins of 16 lags that overlap by half."""


class TinyNetwork(LearnedMethod):
    """Locates one source with one fixed array, from the correlation of all microphone pairs.

    Args:
        hidden: units of the hidden layer.
    """

    name = "tiny-network"
    cache_inputs = True
    normalize: ClassVar = {"gcc": (0,)}

    def __init__(self, hidden: int) -> None:
        super().__init__(hidden=hidden)

    def configure(self, train, scale):
        recording = train.scene(0).recording
        if recording.array.positions is None or recording.max_sources > 1:
            raise Incompatible("tiny-network locates one source with microphones")
        return {
            "microphones": recording.array.positions.tolist(),
            "sample_rate": recording.sample_rate,
            "samples": recording.audio.shape[1],
        }

    def settings(self, scale):
        epochs = {"smoke": 20, "quick": 50, "paper": 100}[scale]
        return Settings(epochs, batch=16, learning_rate=3e-3, schedule=Cosine())

    def inputs(self, recording):
        return {"gcc": gcc_phat(torch.tensor(recording.audio), LAGS).numpy()}

    def targets(self, scene):
        return {"position": scene.truth.tracks.xyz[0, 0].astype(np.float32)}

    def build(self, config, statistics):
        microphones = len(config["microphones"])
        pairs = microphones * (microphones - 1) // 2
        return nn.Sequential(
            Normalize(statistics["gcc"]),
            nn.AvgPool1d(16, stride=8),
            nn.Flatten(),
            nn.Linear(pairs * BINS, self.params["hidden"]),
            nn.ReLU(),
            nn.Linear(self.params["hidden"], 3),
        )

    def forward(self, network, batch):
        return network(batch["gcc"])

    def loss(self, network, batch, step):
        return nn.functional.mse_loss(self.forward(network, batch), batch["position"])

    def decode(self, output, recordings):
        return [
            Prediction(Tracks.still(recording, position))
            for recording, position in zip(recordings, output.cpu().numpy(), strict=True)
        ]

    def check(self, recording):
        positions = recording.array.positions
        if positions is None or not np.array_equal(positions, self.config["microphones"]):
            raise FormatError("another array than in training", where=recording.id)


class NoisyTinyNetwork(TinyNetwork):
    """The same, trained with noise of a random level."""

    name = "noisy-tiny-network"

    def augment(self, scene, rng):
        audio = scene.recording.audio
        level = rng.uniform(0, 0.3) * audio.std()
        noise = level * rng.standard_normal(audio.shape, dtype=np.float32)
        return replace(scene, recording=replace(scene.recording, audio=audio + noise))
