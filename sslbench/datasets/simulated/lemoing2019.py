"""The synthetic data of Le Moing et al. (2019): one, two or three sources in a square free field.

Stated in the paper: the set-up of `line_arrays`; sources on a grid of 5 cm, at least 2 m from
each other, one or two of them in equal shares, three in test-S1; classical music and funk, jazz
in test-S2; no silent excerpts, levels that "vary widely"; 100,000 / 5,000 clips to train and
validate, 5,000 / 2,500 / 5,000 to test. Networks are trained on all of it and on a tenth.

Not stated, and chosen here:

- The grid's points are the middles of squares of 5 cm, so that none lies on a wall or on a border
  between the cells that methods divide the square into.
- No source is nearer than 0.25 m, about the length of an array, to a microphone.
- How widely levels vary is a parameter: each source is played louder or softer by a number of
  decibels drawn evenly, in addition to what its excerpts differ by.
- An excerpt is silent where its power is 10 dB below the mean of its piece; the paper has a
  threshold on the mean amplitude, whose value it does not give.
- A recording says that there may be three sources, in every split: methods are told no more than
  that of how many there are, as in the paper, whose methods claim whatever they find.

The paper's songs are replaced by built-in signals: music for classical and funk, and for jazz
music in another style (see `synthesis.SWING`). Two folders of files may be named instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import count

import numpy as np
from numpy.typing import NDArray

from sslbench.datasets.simulated.base import GENRE, SOURCES, Sizes
from sslbench.datasets.simulated.cache import Rendered
from sslbench.datasets.simulated.line_arrays import (
    ARRAYS,
    LEAD,
    ROOM,
    SAMPLES,
    SOURCE_HEIGHT,
    TIMES,
    LineArrayDataset,
)
from sslbench.scene import Tracks
from sslbench.simulation.anechoic import render_anechoic
from sslbench.simulation.sources import GENRES, Genre, SourceBank
from sslbench.specs import Parameter

__all__ = ["NAME", "PARAMETERS", "SIZES", "VERSION", "Lemoing2019"]

NAME = "lemoing2019"
VERSION = "2"

SIZES: Sizes = {
    "smoke": {"train": 1000, "validation": 100, "test": 200, "s1": 100, "s2": 100},
    "quick": {"train": 20000, "validation": 1000, "test": 1000, "s1": 500, "s2": 1000},
    "paper": {"train": 100000, "validation": 5000, "test": 5000, "s1": 2500, "s2": 5000},
}

TRAIN_SHARE = Parameter(
    "train_share",
    1.0,
    "share of the training split that there is, its beginning",
    minimum=0.01,
    maximum=1.0,
)

PARAMETERS = (
    Parameter("genre", "music", f"{GENRE.help}, except in s2", choices=GENRES),
    Parameter("s2_genre", "swing", "built-in signals that sources play in s2", choices=GENRES),
    SOURCES,
    Parameter("s2_sources", "", "like `sources`, for s2: of another genre", identity=False),
    Parameter(
        "level_range",
        20.0,
        "dB between the loudest and the softest a source is played, drawn evenly",
        minimum=0.0,
        maximum=60.0,
    ),
    TRAIN_SHARE,
    *ARRAYS,
)

MOST_SOURCES = 3
"""Of any split, which is all that a recording says of their number."""

GRID = 0.05
APART = 2.0
NEAREST = 0.25


class Lemoing2019(LineArrayDataset):
    """Anechoic clips of one or two sources on a grid, of three in `s1`, without noise.

    Of scenes 2k and 2k + 1 one has one source and the other two, in an order that is drawn. A
    scene's sources are where they are whatever the parameters, unless that is too near to a
    microphone of arrays that were moved. Splits share points of the grid, which has 14,400, but no
    source signal, save that `test`, `s1` and `s2` play the same files if they are given one folder.
    """

    name = NAME
    version = VERSION
    sizes = SIZES
    parameters = PARAMETERS

    def __len__(self) -> int:
        """Return the number of scenes."""
        share = self.number("train_share") if self.request.split == "train" else 1.0
        return round(super().__len__() * share)

    @property
    def most_sources(self) -> int:
        """Three, wherever there may be fewer."""
        return MOST_SOURCES

    @property
    def source_folder(self) -> str:
        """Folder of the signals that this split plays; empty for built-in ones."""
        return str(self.value("s2_sources")) if self._other_genre else super().source_folder

    @property
    def genre(self) -> Genre:
        """Built-in signals that this split plays."""
        wanted = self.value("s2_genre" if self._other_genre else "genre")
        return next(genre for genre in GENRES if genre == wanted)

    @property
    def shaping(self) -> tuple[Parameter, ...]:
        """All but the share to train on, which the number of scenes tells."""
        return tuple(each for each in super().shaping if each is not TRAIN_SHARE)

    @property
    def _other_genre(self) -> bool:
        return self.request.split == "s2"

    def tracks(self, index: int) -> Tracks:
        """Return the sources' positions, still; NaN in the second track if there is one source."""
        return Tracks.of(TIMES, self._positions[index][None], "position")

    def render(self, indices: Sequence[int], bank: SourceBank) -> Rendered:
        """Render clips in free field, without noise."""
        signals = np.stack([self._played(index, bank) for index in indices])
        audio = render_anechoic(
            signals, self._positions[list(indices)], self.microphones, self.sample_rate, LEAD
        )
        return Rendered(audio, [{"t60_s": 0.0, "anechoic": True} for _ in indices])

    def _played(self, index: int, bank: SourceBank) -> NDArray[np.float32]:
        rng, number = self.stream("source", index), self._most
        level_db = self.number("level_range") * rng.uniform(-0.5, 0.5, number)
        excerpts = np.stack([bank.excerpt(rng, SAMPLES, LEAD) for _ in range(number)])
        return excerpts * (10 ** (level_db / 20)).astype(np.float32)[:, None]

    @property
    def _most(self) -> int:
        return MOST_SOURCES if self.request.split == "s1" else 2

    @cached_property
    def _counts(self) -> NDArray[np.int64]:
        if self.request.split == "s1":
            return np.full(len(self), MOST_SOURCES)
        first = self.stream("count").integers(1, 3, -(-len(self) // 2))
        return np.stack([first, 3 - first], axis=1).reshape(-1)[: len(self)]

    @cached_property
    def _positions(self) -> NDArray[np.float64]:
        """All sources in metres, shape (scenes, most sources, 3); NaN where there is none."""
        shape = (len(self), self._most)
        kept = np.full((*shape, 3), np.nan)
        waiting = np.ones(len(self), dtype=bool)
        # Every attempt draws all rows one after the other, so a smaller scale is the beginning of
        # a larger one, and what one scene refuses moves no other. Most need one or two.
        for attempt in count():
            rng = self.stream("position", attempt)
            plane = (rng.integers(0, round(ROOM / GRID), (*shape, 2)) + 0.5) * GRID
            drawn = np.concatenate([plane, np.full((*shape, 1), SOURCE_HEIGHT)], axis=-1)
            drawn[np.arange(self._most) >= self._counts[:, None]] = np.nan
            taken = np.flatnonzero(waiting)[self._possible(drawn[waiting])]
            kept[taken] = drawn[taken]
            waiting[taken] = False
            if not waiting.any():
                break
        return kept

    def _possible(self, drawn: NDArray[np.float64]) -> NDArray[np.bool_]:
        # Comparisons with a source that is not there are false.
        i, j = np.triu_indices(drawn.shape[1], k=1)
        together = np.linalg.norm(drawn[:, i] - drawn[:, j], axis=-1) < APART - 1e-9
        near = np.linalg.norm(drawn[:, :, None] - self.microphones, axis=-1) < NEAREST
        return np.asarray(~together.any(axis=1) & ~near.any(axis=(1, 2)))
