"""The synthetic data of Le Moing et al. (2019): one to three sources in a square free field.

Stated in the paper: the set-up of `line_arrays`; sources on a grid of 5 cm and at least 2 m from
each other; one or two sources with equal probability, three in test-S1; classical music and funk,
jazz in test-S2; no silent excerpts, levels that "vary widely"; 100,000 / 5,000 clips for training
and validation, 5,000 / 2,500 / 5,000 for testing. Networks are trained on all clips and on a tenth.

Not stated, and chosen here:

- The grid points are the centres of squares of 5 cm, so that none lies on a wall or on a border
  between the cells into which methods divide the square.
- No source is nearer to a microphone than 0.25 m, about the length of an array.
- The variation of the levels is a parameter: a level in dB, drawn uniformly, is added to each
  source, on top of the differences between the excerpts.
- An excerpt is silent if its power is 10 dB below the mean of its piece. The paper uses a
  threshold on the mean amplitude, whose value is not given.
- `max_sources` is three in every split: as in the paper, methods have no other information about
  the number of sources.

The songs of the paper are replaced by built-in signals: music for classical and funk, music in
another style for jazz (see `synthesis.SWING`). Two folders of audio files can be used instead.
"""

from __future__ import annotations

from functools import cached_property
from itertools import count

import numpy as np
from numpy.typing import NDArray

from sslbench.datasets.simulated.base import GENRE, SOURCES, Sizes
from sslbench.datasets.simulated.line_arrays import (
    ARRAYS,
    LEAD,
    ROOM,
    SAMPLES,
    SOURCE_HEIGHT,
    LineArrayDataset,
)
from sslbench.simulation.sources import GENRES, Genre, SourceBank
from sslbench.specs import Parameter

__all__ = ["PARAMETERS", "Lemoing2019"]

SIZES: Sizes = {
    "smoke": {"train": 1000, "validation": 100, "test": 200, "s1": 100, "s2": 100},
    "quick": {"train": 20000, "validation": 1000, "test": 1000, "s1": 500, "s2": 1000},
    "paper": {"train": 100000, "validation": 5000, "test": 5000, "s1": 2500, "s2": 5000},
}

TRAIN_SHARE = Parameter(
    "train_share",
    1.0,
    "fraction of the training split to use, from its beginning",
    minimum=0.01,
    maximum=1.0,
)

PARAMETERS = (
    Parameter("genre", "music", f"{GENRE.help}, except in s2", choices=GENRES),
    Parameter("s2_genre", "swing", f"{GENRE.help} in s2", choices=GENRES),
    SOURCES,
    Parameter(
        "s2_sources", "", "like `sources`, but for s2, i.e. of another genre", identity=False
    ),
    Parameter(
        "level_range",
        20.0,
        "range of the source levels in dB, drawn uniformly",
        minimum=0.0,
        maximum=60.0,
    ),
    TRAIN_SHARE,
    *ARRAYS,
)

S1_SOURCES = 3
GRID = 0.05
MIN_SEPARATION = 2.0
MIN_MICROPHONE_DISTANCE = 0.25


class Lemoing2019(LineArrayDataset):
    """Anechoic, noise-free clips of one or two sources on a grid, three in `s1`.

    Of the scenes 2k and 2k + 1, one has one source and the other has two, in random order. The
    positions do not depend on the parameters, unless they would be too near to a microphone of
    arrays that were moved. Splits share points of the grid, which has 14,400 points, but no source
    signals, except that `test`, `s1` and `s2` use the same files if they get the same folder.
    """

    name = "lemoing2019"
    sizes = SIZES
    parameters = PARAMETERS

    def __len__(self) -> int:
        """Return the number of scenes."""
        share = self.number("train_share") if self.request.split == "train" else 1.0
        return round(super().__len__() * share)

    @property
    def source_folder(self) -> str:
        """Folder of the source signals of this split; empty for built-in signals."""
        return str(self.value("s2_sources")) if self._other_genre else super().source_folder

    @property
    def genre(self) -> Genre:
        """Kind of the built-in source signals of this split."""
        wanted = self.value("s2_genre" if self._other_genre else "genre")
        return next(genre for genre in GENRES if genre == wanted)

    @property
    def fingerprinted_parameters(self) -> tuple[Parameter, ...]:
        """All parameters except `train_share`, since the number of scenes is included anyway."""
        parameters = super().fingerprinted_parameters
        return tuple(each for each in parameters if each is not TRAIN_SHARE)

    @property
    def _other_genre(self) -> bool:
        return self.request.split == "s2"

    def source_signals(self, index: int, bank: SourceBank) -> NDArray[np.float32]:
        """Return the signals of a scene, shape (sources, LEAD + SAMPLES), also of absent ones."""
        rng, number = self.stream("source", index), self._slots
        level_db = self.number("level_range") * rng.uniform(-0.5, 0.5, number)
        excerpts = np.stack([bank.excerpt(rng, SAMPLES, LEAD) for _ in range(number)])
        return excerpts * (10 ** (level_db / 20)).astype(np.float32)[:, None]

    @property
    def _slots(self) -> int:
        """Number of sources for which there is space in the arrays of every scene."""
        return S1_SOURCES if self.request.split == "s1" else 2

    @cached_property
    def _counts(self) -> NDArray[np.int64]:
        if self.request.split == "s1":
            return np.full(len(self), S1_SOURCES)
        first = self.stream("count").integers(1, 3, -(-len(self) // 2))
        return np.stack([first, 3 - first], axis=1).reshape(-1)[: len(self)]

    @cached_property
    def positions(self) -> NDArray[np.float64]:
        """Positions of the sources in metres, shape (scenes, sources, 3); NaN if absent."""
        shape = (len(self), self._slots)
        kept = np.full((*shape, 3), np.nan)
        waiting = np.ones(len(self), dtype=bool)
        # Every attempt draws new positions for all scenes in order. So a smaller scale has the
        # first scenes of a larger one, and rejecting a scene does not change any other. Most scenes
        # need one or two attempts.
        for attempt in count():
            rng = self.stream("position", attempt)
            plane = (rng.integers(0, round(ROOM / GRID), (*shape, 2)) + 0.5) * GRID
            drawn = np.concatenate([plane, np.full((*shape, 1), SOURCE_HEIGHT)], axis=-1)
            drawn[np.arange(self._slots) >= self._counts[:, None]] = np.nan
            accepted = np.flatnonzero(waiting)[self._possible(drawn[waiting])]
            kept[accepted] = drawn[accepted]
            waiting[accepted] = False
            if not waiting.any():
                break
        return kept

    def _possible(self, drawn: NDArray[np.float64]) -> NDArray[np.bool_]:
        # Comparisons with an absent source (NaN) are false.
        i, j = np.triu_indices(drawn.shape[1], k=1)
        together = np.linalg.norm(drawn[:, i] - drawn[:, j], axis=-1) < MIN_SEPARATION - 1e-9
        distance = np.linalg.norm(drawn[:, :, None] - self.microphones, axis=-1)
        near = distance < MIN_MICROPHONE_DISTANCE
        return np.asarray(~together.any(axis=1) & ~near.any(axis=(1, 2)))
