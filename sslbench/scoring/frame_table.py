"""The frame table: what happened in each frame, one row a hit, miss or false alarm.

Metrics, curves and lists of the worst frames can be taken from it with any tool that reads
tables. Sources and answers are paired as by `association.framewise`. Columns:

======================  ====================================================================
`recording`             its name (categorical)
`frame`                 index within the recording
`time_s`                seconds from its start, as the truth has it
`event`                 `hit`, `miss` or `false-alarm` (categorical). A pair beyond the gate is a
                        miss and a false alarm
`switched`              whether a hit is by another answer than the last hit of the same source
                        in this recording
`source`                id of the source; none for false alarms
`answer`                id of the answer; none for misses
`error`                 metres or degrees; NaN unless it is a hit
`true_x` ... `true_z`   place of the source: metres, or a unit vector; NaN for false alarms
`answer_x` ...          place of the answer; NaN for misses
======================  ====================================================================

Frames in which nobody sounds and nothing is claimed have no row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sslbench.array_types import Booleans, Floats, Integers
from sslbench.errors import UsageError
from sslbench.files import writing
from sslbench.metrics.association import Matches, match
from sslbench.metrics.association.history import switched
from sslbench.metrics.corpus import Corpus, Pair
from sslbench.scene import Tracks

if TYPE_CHECKING:
    import pandas as pd
    from pandas.arrays import IntegerArray

__all__ = ["COLUMNS", "EVENTS", "error_curve", "frame_table", "worst_frames", "write_table"]


EVENTS = ("hit", "miss", "false-alarm")

COLUMNS = (
    *("recording", "frame", "time_s", "event", "switched", "source", "answer", "error"),
    *("true_x", "true_y", "true_z", "answer_x", "answer_y", "answer_z"),
)

HIT, MISS, FALSE_ALARM = range(3)

NONE = -1
"""Stands for no column; ids, which may be any number, are looked up by column."""


def frame_table(pairs: Mapping[str, Pair], gate: float = np.inf) -> pd.DataFrame:
    """Return what happened in each frame of a corpus, in the order of recordings and frames.

    Args:
        pairs: answer and truth by name of the recording.
        gate: metres or degrees; a pair whose distance is larger is no pair.

    Raises:
        FormatError: if an answer cannot be held against its truth, or kinds differ.

    >>> truth = Tracks.of([0, 1], [[[0, 0, 0]], [[0, 0, 0]]], "position")
    >>> answer = Tracks.of([0, 1], [[[3, 4, 0]], [[np.nan] * 3]], "position")
    >>> table = frame_table({"walk": (answer, truth)})
    >>> table[["recording", "frame", "event", "error"]].values.tolist()
    [['walk', 0, 'hit', 5.0], ['walk', 1, 'miss', nan]]
    """
    import pandas as pd

    corpus = Corpus.of(list(pairs.values()))
    events = _events(corpus.once(match, gate))
    recording = corpus.recording[events.frame]
    starts = np.cumsum(corpus.lengths) - corpus.lengths
    columns = {
        "recording": pd.Categorical.from_codes(recording, pd.Index(list(pairs), dtype=str)),
        "frame": events.frame - starts[recording],
        "time_s": corpus.truth.times[events.frame],
        "event": pd.Categorical.from_codes(events.kind, pd.Index(EVENTS)),
        "switched": events.switched,
        "source": _ids([truth for _, truth in pairs.values()], recording, events.source),
        "answer": _ids([answer for answer, _ in pairs.values()], recording, events.answer),
        "error": events.error,
        **_places("true", corpus.truth, events.frame, events.source),
        **_places("answer", corpus.prediction, events.frame, events.answer),
    }
    return pd.DataFrame(columns, columns=list(COLUMNS))


@dataclass(frozen=True, eq=False)
class _Events:
    """Columns of the table by number, each of shape (events,); `NONE` where there is nothing."""

    frame: Integers
    kind: Integers
    source: Integers
    answer: Integers
    switched: Booleans
    error: Floats


def _events(matches: Matches) -> _Events:
    corpus, partner = matches.corpus, matches.partner
    sources, answers = corpus.possible.shape[1:]
    # One cell a source and one an answer, in each frame: what holds is read off in order.
    happened = np.concatenate([corpus.sounding, corpus.claimed & ~_taken(matches)], axis=1)
    own = np.broadcast_to(np.arange(answers), (corpus.frames, answers))
    frame, cell = np.nonzero(happened)
    answer = np.concatenate([partner, own], axis=1)[frame, cell]
    source = np.where(cell < sources, cell, NONE)
    hit = (source != NONE) & (answer != NONE)
    error = np.full(len(frame), np.nan)
    error[hit] = corpus.distance[frame[hit], source[hit], answer[hit]]
    changed = np.zeros(len(frame), dtype=bool)
    changed[hit] = switched(matches)[frame[hit], source[hit]]
    kind = np.where(hit, HIT, np.where(source == NONE, FALSE_ALARM, MISS))
    return _Events(frame, kind, source, answer, changed, error)


def _taken(matches: Matches) -> Booleans:
    """Tell which answers are the partner of a source, shape (frames, answers)."""
    taken = np.zeros(matches.corpus.claimed.shape, dtype=bool)
    frame, source = np.nonzero(matches.answered)
    taken[frame, matches.partner[frame, source]] = True
    return taken


def _ids(tracks: Sequence[Tracks], recording: Integers, column: Integers) -> IntegerArray:
    """Return the id of a column of each row's recording; missing where there is no column."""
    import pandas as pd

    names = [_identities(each) for each in tracks]
    ids = np.zeros((len(names), max(map(len, names), default=0)), dtype=np.int64)
    for row, own in zip(ids, names, strict=True):
        row[: len(own)] = own
    known = column != NONE
    found = np.zeros(len(column), dtype=np.int64)
    found[known] = ids[recording[known], column[known]]
    return pd.arrays.IntegerArray(found, ~known)


def _identities(tracks: Tracks) -> Integers:
    """Return the identity of each column that `Corpus.of` makes of tracks."""
    names = np.unique(tracks.ids)
    # Columns of one id are merged, and then stand in ascending order.
    return tracks.ids if len(names) == len(tracks.ids) else names


def _places(name: str, tracks: Tracks, frame: Integers, column: Integers) -> dict[str, Floats]:
    xyz = np.full((3, len(frame)), np.nan)
    known = column != NONE
    xyz[:, known] = tracks.xyz[frame[known], column[known]].T
    return {f"{name}_{axis}": row for axis, row in zip("xyz", xyz, strict=True)}


def worst_frames(table: pd.DataFrame, count: int = 20) -> pd.DataFrame:
    """Return the rows of the hits with the largest errors, the largest first.

    Args:
        table: as from `frame_table`.
        count: most rows to return.
    """
    hits = table[table["event"] == "hit"]
    return hits.sort_values("error", ascending=False, kind="stable").head(count)


def error_curve(table: pd.DataFrame) -> tuple[Floats, Floats]:
    """Return the cumulative error distribution, with misses beyond every error.

    Args:
        table: as from `frame_table`.

    Returns:
        The errors of all hits in ascending order, and the share of sounding sources whose error is
        at most that, from 0 to 1, each of shape (hits,). The last share is the coverage.

    >>> truth = Tracks.of([0, 1], [[[0, 0, 0]], [[0, 0, 0]]], "position")
    >>> answer = Tracks.of([0, 1], [[[3, 4, 0]], [[np.nan] * 3]], "position")
    >>> [values.tolist() for values in error_curve(frame_table({"walk": (answer, truth)}))]
    [[5.0], [0.5]]
    """
    errors = np.sort(table.loc[table["event"] == "hit", "error"].to_numpy(dtype=float))
    sounding = int((table["event"] != "false-alarm").sum())
    # Where errors are equal the share is that of the last of them.
    below = np.searchsorted(errors, errors, side="right")
    return errors, below / max(sounding, 1)


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a frame table as parquet or CSV, by the suffix of the path.

    The file appears under its name only when it is complete. In CSV what is missing is empty.

    Raises:
        UsageError: if the suffix is another, or what writes parquet is not installed.
        StoreError: if the file cannot be written.
    """
    writers: Mapping[str, Callable[..., object]]
    writers = {".parquet": table.to_parquet, ".csv": table.to_csv}
    write = writers.get(path.suffix.lower())
    if write is None:
        raise UsageError(
            f"cannot write a table as {path.suffix!r}",
            where=str(path),
            expected="a name that ends in .parquet or .csv",
        )
    try:
        with writing(path) as file:
            write(file, index=False)
    except ImportError as error:
        raise UsageError(
            "parquet needs a package that is not installed",
            where=str(path),
            hint="pip install 'sslbench[parquet]', or write a .csv",
        ) from error
