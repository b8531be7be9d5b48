"""Networks that output the position of one source, from short clips of known microphones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from sslbench.array_types import Floats
from sslbench.contracts import Dataset, Incompatible, Windowing
from sslbench.errors import FormatError
from sslbench.scene import Prediction, Recording, Scene, Tracks
from sslbench.specs import Scale
from sslbench.training.examples import Arrays, Batch
from sslbench.training.learned import LearnedMethod
from sslbench.training.loop import Step

__all__ = ["PositionRegression"]

SMALLEST = 1e-3
"""Deviation in metres at least, for sources that are all at one height."""

CONTEXT = 0.25
"""Seconds around a frame that a training window has, more than a clip extends beyond it."""


class PositionRegression(LearnedMethod):
    """A method whose network outputs the position of one source, as xyz of shape (batch, 3).

    A subclass implements `settings`, `inputs`, `build` and `forward`. Coordinates are relative to
    the mean of the positions of the training sources, per axis and in units of their standard
    deviation (z-scores). The loss is the mean squared error over x, y and z of them (Berg et al.
    2024). Microphone positions must be known.

    Attributes:
        sample_rate: of the clips that the network is given, in Hz.
        samples: of a clip, one around each requested time.
    """

    sample_rate: ClassVar[int] = 16000
    samples: ClassVar[int] = 2048
    training_windows = Windowing(rows=1, context=CONTEXT)

    def configure(self, train: Dataset, scale: Scale) -> dict[str, Any]:
        """Return the form of a clip, the number of examples, and mean and deviation of sources.

        Raises:
            Incompatible: if microphone positions are unknown, there can be several sources at a
                time, or there is none.
        """
        del scale
        recording = train.scene(0).recording
        if not _located(recording) or recording.max_sources > 1:
            raise Incompatible(
                f"{self.name} locates one source with microphones whose positions are known"
            )
        tracks = [train.truth(index)[1].tracks for index in range(len(train))]
        sources = np.concatenate([each.xyz[each.active] for each in tracks])
        if not len(sources):
            raise Incompatible(f"{self.name} learns positions, and no training scene has a source")
        return {
            "sample_rate": self.sample_rate,
            "samples": self.samples,
            "examples": sum(len(each.times) for each in tracks),
            "mean": sources.mean(axis=0).tolist(),
            "deviation": np.maximum(sources.std(axis=0), SMALLEST).tolist(),
        }

    def standardized(self, points: ArrayLike) -> NDArray[np.float32]:
        """Return positions in metres, shape (..., 3), as z-scores."""
        mean, deviation = self._scale
        return ((np.asarray(points, dtype=float) - mean) / deviation).astype(np.float32)

    def geometry(self, recording: Recording) -> Arrays:
        """Return inputs for most networks: standardized microphones, and the room.

        The room is the size of the search region in metres, shape (3,).
        """
        region, positions = recording.region, recording.array.positions
        assert region is not None, "recordings that request positions have one"
        assert positions is not None, "checked before"
        return {
            "microphones": self.standardized(positions),
            "room": region.size.astype(np.float32),
        }

    def targets(self, scene: Scene) -> Arrays:
        """Return the standardized position of the source; NaN if none is active."""
        tracks = scene.truth.tracks
        active = tracks.xyz[0][tracks.active[0]]
        return {"position": self.standardized(active[0] if len(active) else np.full(3, np.nan))}

    def loss(self, network: nn.Module, batch: Batch, step: Step) -> Tensor:
        """Return the mean squared error of standardized positions; see `training_output`."""
        output = self.training_output(network, batch, step).float()
        known = torch.isfinite(batch["position"])
        errors = torch.where(known, output - batch["position"].nan_to_num(), 0.0)
        return errors.square().sum() / known.sum().clamp_min(1)

    def training_output(self, network: nn.Module, batch: Batch, step: Step) -> Tensor:
        """Return the output to learn from; override it where training hides some of the input."""
        del step
        output: Tensor = self.forward(network, batch)
        return output

    def decode(self, output: Tensor, recordings: Sequence[Recording]) -> list[Prediction]:
        """Return positions in metres."""
        mean, deviation = self._scale
        found = mean + deviation * output.double().cpu().numpy()
        return [
            Prediction(Tracks.still(recording, position))
            for recording, position in zip(recordings, found, strict=True)
        ]

    def check(self, recording: Recording) -> None:
        """Check that all microphone positions are known.

        Raises:
            FormatError: if one is not.
        """
        if not _located(recording):
            raise FormatError(
                "unknown microphone positions",
                where=recording.id,
                expected="the position of every microphone",
            )

    @property
    def _scale(self) -> tuple[Floats, Floats]:
        config: Mapping[str, Any] = self.config
        return np.array(config["mean"]), np.array(config["deviation"])


def _located(recording: Recording) -> bool:
    return recording.array.positions is not None and recording.array.complete
