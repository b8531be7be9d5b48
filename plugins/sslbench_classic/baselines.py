"""Answers that need no audio: what any method must beat."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sslbench.contracts import Dataset, Method, TrainableMethod, TrainingContext
from sslbench.errors import CellError, FormatError
from sslbench.geometry import Box, unit_vector
from sslbench.scene import Prediction, Recording, Tracks

__all__ = ["MeanPosition", "RandomDirection", "RandomPosition", "RoomCentre"]


def _region(recording: Recording) -> Box:
    assert recording.region is not None, "a recording that asks for positions has a region"
    return recording.region


class RoomCentre(Method):
    """Answer the middle of the region, always."""

    def locate(self, recording: Recording) -> Prediction:
        """Answer one still track in the middle of the region."""
        return Prediction(Tracks.still(recording, _region(recording).centre))


class _Random(Method):
    """Draw anew at each time, from a stream of its own for each recording.

    Args:
        seed: of all streams.
    """

    def __init__(self, *, seed: int = 0) -> None:
        self.seed = seed

    def _draws(self, recording: Recording) -> NDArray[np.float64]:
        # Python's own hash of a text differs from process to process.
        digest = hashlib.sha256(recording.id.encode()).digest()
        rng = np.random.default_rng([self.seed, int.from_bytes(digest[:8], "big")])
        return rng.random((len(recording.times), 3))


class RandomPosition(_Random):
    """Answer positions that are uniform in the region."""

    def locate(self, recording: Recording) -> Prediction:
        """Answer one track that jumps about the region."""
        region = _region(recording)
        xyz = np.asarray(region.low) + self._draws(recording) * region.size
        return Prediction(Tracks.of(recording.times, xyz[:, None], recording.kind))


class RandomDirection(_Random):
    """Answer directions that are uniform on the sphere."""

    def locate(self, recording: Recording) -> Prediction:
        """Answer one track that jumps about the sphere."""
        draws = self._draws(recording)
        azimuth, elevation = 2 * np.pi * draws[:, 0], np.arcsin(2 * draws[:, 1] - 1)
        xyz = unit_vector(azimuth, elevation)
        return Prediction(Tracks.of(recording.times, xyz[:, None], recording.kind))


class MeanPosition(TrainableMethod):
    """Answer the mean of the training positions, the best constant in the squared sense."""

    FILE = "mean_position.json"

    def __init__(self) -> None:
        self.mean: NDArray[np.float64] | None = None

    def fit(self, train: Dataset, validation: Dataset, context: TrainingContext) -> None:  # noqa: ARG002
        """Average the places of all active sources of the training scenes.

        Raises:
            CellError: if no source is ever active in them.
        """
        total, count = np.zeros(3), 0
        for index in range(len(train)):
            tracks = train.truth(index)[1].tracks
            places = tracks.xyz[tracks.active]
            total, count = total + places.sum(axis=0), count + len(places)
        if not count:
            raise CellError(
                "no source is active in the training scenes",
                where="mean-position",
                expected="at least one position to average",
            )
        self.mean = total / count

    def save(self, folder: Path) -> None:
        """Write the mean as JSON."""
        (folder / self.FILE).write_text(json.dumps({"mean_m": self._mean().tolist()}) + "\n")

    def load(self, folder: Path) -> None:
        """Read what `save` wrote.

        Raises:
            FormatError: if it is no such file.
        """
        path = folder / self.FILE
        try:
            mean = np.asarray(json.loads(path.read_text())["mean_m"], dtype=float)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise _not_a_mean(path, f"{type(error).__name__}: {error}") from error
        if mean.shape != (3,) or not np.isfinite(mean).all():
            raise _not_a_mean(path, f"a mean of {mean.tolist()}")
        self.mean = mean

    def locate(self, recording: Recording) -> Prediction:
        """Answer one still track at the mean.

        Raises:
            CellError: if there was neither `fit` nor `load`.
        """
        return Prediction(Tracks.still(recording, self._mean()))

    @property
    def parameter_count(self) -> int:
        """The three coordinates."""
        return 3

    def _mean(self) -> NDArray[np.float64]:
        if self.mean is None:
            raise CellError(
                "asked for an answer before training",
                where="mean-position",
                expected="`fit` or `load` first",
                hint="`sslbench train` makes what is missing",
            )
        return self.mean


def _not_a_mean(path: Path, what: str) -> FormatError:
    return FormatError(
        what,
        where=str(path),
        expected='{"mean_m": [x, y, z]} in metres',
        hint="train the method again",
    )
