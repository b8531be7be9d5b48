"""Trivial baselines that ignore the audio: the scores that every method must beat."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np

from sslbench.array_types import Floats
from sslbench.contracts import Dataset, Method, TrainableMethod, TrainingContext
from sslbench.errors import CellError, FormatError
from sslbench.geometry import unit_vector
from sslbench.scene import Prediction, Recording, Tracks
from sslbench_classic.inputs import search_region

__all__ = ["MeanPosition", "RandomDirection", "RandomPosition", "RoomCentre"]


class RoomCentre(Method):
    """Predict the centre of the region in every frame."""

    def locate(self, recording: Recording) -> Prediction:
        """Return one track that stays at the centre of the region."""
        return Prediction(Tracks.still(recording, search_region(recording).centre))


class _Random(Method):
    """Draw a new value for each frame; each recording has a random stream of its own.

    Args:
        seed: seed of all streams.
    """

    def __init__(self, *, seed: int = 0) -> None:
        self.seed = seed

    def _draws(self, recording: Recording) -> Floats:
        """Return numbers that are uniform in [0, 1), shape (frames, 3)."""
        # Python's built-in hash of a string differs from process to process.
        digest = hashlib.sha256(recording.id.encode()).digest()
        rng = np.random.default_rng([self.seed, int.from_bytes(digest[:8], "big")])
        return rng.random((len(recording.times), 3))


class RandomPosition(_Random):
    """Predict positions that are uniformly distributed in the region."""

    def locate(self, recording: Recording) -> Prediction:
        """Return one track with an independent position in every frame."""
        region = search_region(recording)
        xyz = np.asarray(region.low) + self._draws(recording) * region.size
        return Prediction(Tracks.of(recording.times, xyz[:, None], recording.kind))


class RandomDirection(_Random):
    """Predict directions that are uniformly distributed on the sphere."""

    def locate(self, recording: Recording) -> Prediction:
        """Return one track with an independent direction in every frame."""
        draws = self._draws(recording)
        azimuth, elevation = 2 * np.pi * draws[:, 0], np.arcsin(2 * draws[:, 1] - 1)
        xyz = unit_vector(azimuth, elevation)
        return Prediction(Tracks.of(recording.times, xyz[:, None], recording.kind))


class MeanPosition(TrainableMethod):
    """Predict the mean of the training positions: the constant of least mean squared error."""

    FILE = "mean_position.json"

    def __init__(self) -> None:
        self.mean: Floats | None = None

    def fit(self, train: Dataset, validation: Dataset, context: TrainingContext) -> None:  # noqa: ARG002
        """Average the positions of all active sources of the training scenes.

        Raises:
            CellError: if no source is active in any of them.
        """
        total, count = np.zeros(3), 0
        for index in range(len(train)):
            tracks = train.truth(index)[1].tracks
            positions = tracks.xyz[tracks.active]
            total, count = total + positions.sum(axis=0), count + len(positions)
        if not count:
            raise CellError(
                "no source is active in the training scenes",
                where="mean-position",
                expected="at least one position to average",
            )
        self.mean = total / count

    def save(self, folder: Path) -> None:
        """Write the mean as JSON."""
        text = json.dumps({"mean_m": self._trained_mean().tolist()})
        (folder / self.FILE).write_text(text + "\n")

    def load(self, folder: Path) -> None:
        """Read the file that `save` wrote.

        Raises:
            FormatError: if the file is missing, damaged or does not hold a mean position.
        """
        path = folder / self.FILE
        try:
            mean = np.asarray(json.loads(path.read_text())["mean_m"], dtype=float)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise _invalid_file(path, f"{type(error).__name__}: {error}") from error
        if mean.shape != (3,) or not np.isfinite(mean).all():
            raise _invalid_file(path, f"the mean position is {mean.tolist()}")
        self.mean = mean

    def locate(self, recording: Recording) -> Prediction:
        """Return one track that stays at the mean position.

        A microphone of unknown position is estimated at the mean of the known ones.

        Raises:
            CellError: if neither `fit` nor `load` was called before.
        """
        tracks = Tracks.still(recording, self._trained_mean())
        positions = recording.array.positions
        if positions is None or recording.array.complete or not len(recording.array.known):
            return Prediction(tracks)
        known = np.isfinite(positions).all(axis=1, keepdims=True)
        return Prediction(tracks, np.where(known, np.nan, recording.array.known.mean(axis=0)))

    @property
    def parameter_count(self) -> int:
        """Number of learned values: three coordinates."""
        return 3

    def _trained_mean(self) -> Floats:
        if self.mean is None:
            raise CellError(
                "the method has not been trained",
                where="mean-position",
                expected="a call of `fit` or `load` first",
                hint="run `sslbench train`",
            )
        return self.mean


def _invalid_file(path: Path, what: str) -> FormatError:
    return FormatError(
        what,
        where=str(path),
        expected='{"mean_m": [x, y, z]}, three finite coordinates in metres',
        hint="train the method again",
    )
