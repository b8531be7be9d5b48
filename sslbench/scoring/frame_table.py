"""The frame table: all events of all frames, one row per hit, miss or false alarm.

Metrics, curves and lists of the worst frames can be computed from it with any tool that reads
tables. Estimates are matched to sources as in `association.framewise`. Columns:

======================  ====================================================================
`recording`             name of the recording (categorical)
`frame`                 index within the recording
`time_s`                seconds from the start of the recording, as in the ground truth
`event`                 `hit`, `miss` or `false-alarm` (categorical). A pair beyond the gate is a
                        miss and a false alarm
`switched`              whether the estimate of a hit is another one than at the last hit of the
                        same source in this recording
`source`                id of the source; missing for false alarms
`estimate`              id of the estimate; missing for misses
`error`                 metres or degrees; NaN unless it is a hit
`true_x` ... `true_z`   place of the source: metres, or a unit vector; NaN for false alarms
`estimate_x` ...        place of the estimate; NaN for misses
======================  ====================================================================

Frames without active sources and without estimates have no row.
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
from sslbench.metrics.association.history import identity_switches
from sslbench.metrics.corpus import Corpus, Pair
from sslbench.scene import Tracks

if TYPE_CHECKING:
    import pandas as pd
    from pandas.arrays import IntegerArray

__all__ = [
    "COLUMNS",
    "EVENTS",
    "error_curve",
    "frame_table",
    "identities_of",
    "worst_frames",
    "write_table",
]


EVENTS = ("hit", "miss", "false-alarm")

COLUMNS = (
    *("recording", "frame", "time_s", "event", "switched", "source", "estimate", "error"),
    *("true_x", "true_y", "true_z", "estimate_x", "estimate_y", "estimate_z"),
)

HIT, MISS, FALSE_ALARM = range(3)

NONE = -1
"""Index for no column. Ids can be any number and are looked up by column."""


def frame_table(pairs: Mapping[str, Pair], gate: float = np.inf) -> pd.DataFrame:
    """Return the events of all frames of a corpus, ordered by recording and frame.

    Args:
        pairs: estimate and ground truth by name of the recording.
        gate: metres or degrees; sources and estimates farther apart are not matched.

    Raises:
        FormatError: if an estimate cannot be compared with its ground truth, or kinds differ.

    >>> truth = Tracks.of([0, 1], [[[0, 0, 0]], [[0, 0, 0]]], "position")
    >>> estimate = Tracks.of([0, 1], [[[3, 4, 0]], [[np.nan] * 3]], "position")
    >>> table = frame_table({"walk": (estimate, truth)})
    >>> table[["recording", "frame", "event", "error"]].values.tolist()
    [['walk', 0, 'hit', 5.0], ['walk', 1, 'miss', nan]]
    """
    import pandas as pd

    corpus = Corpus.of(list(pairs.values()))
    events = _events(corpus.cached(match, gate))
    recording = corpus.recording[events.frame]
    columns = {
        "recording": pd.Categorical.from_codes(recording, pd.Index(list(pairs), dtype=str)),
        "frame": events.frame - corpus.starts[recording],
        "time_s": corpus.truth.times[events.frame],
        "event": pd.Categorical.from_codes(events.kind, pd.Index(EVENTS)),
        "switched": events.switched,
        "source": identities_of([truth for _, truth in pairs.values()], recording, events.source),
        "estimate": identities_of(
            [estimate for estimate, _ in pairs.values()], recording, events.estimate
        ),
        "error": events.error,
        **_places("true", corpus.truth, events.frame, events.source),
        **_places("estimate", corpus.prediction, events.frame, events.estimate),
    }
    return pd.DataFrame(columns, columns=list(COLUMNS))


@dataclass(frozen=True, eq=False)
class _Events:
    """Columns of the table as numbers, each of shape (events,).

    `source` and `estimate` are column indices, or `NONE`.
    """

    frame: Integers
    kind: Integers
    source: Integers
    estimate: Integers
    switched: Booleans
    error: Floats


def _events(matches: Matches) -> _Events:
    corpus, partner = matches.corpus, matches.partner
    sources, estimates = corpus.both_active.shape[1:]
    # One flag per source and one per estimate in each frame; an event is a flag that is set.
    false_alarm = corpus.active_estimates & ~_used(matches)
    happened = np.concatenate([corpus.active_sources, false_alarm], axis=1)
    own = np.broadcast_to(np.arange(estimates), (corpus.frames, estimates))
    frame, flag = np.nonzero(happened)
    estimate = np.concatenate([partner, own], axis=1)[frame, flag]
    source = np.where(flag < sources, flag, NONE)
    hit = (source != NONE) & (estimate != NONE)
    error = np.full(len(frame), np.nan)
    error[hit] = corpus.distance[frame[hit], source[hit], estimate[hit]]
    switched = np.zeros(len(frame), dtype=bool)
    switched[hit] = identity_switches(matches)[frame[hit], source[hit]]
    kind = np.where(hit, HIT, np.where(source == NONE, FALSE_ALARM, MISS))
    return _Events(frame, kind, source, estimate, switched, error)


def _used(matches: Matches) -> Booleans:
    """Return which estimates are the partner of a source, shape (frames, estimates)."""
    used = np.zeros(matches.corpus.active_estimates.shape, dtype=bool)
    frame, source = np.nonzero(matches.matched)
    used[frame, matches.partner[frame, source]] = True
    return used


def identities_of(tracks: Sequence[Tracks], recording: Integers, column: Integers) -> IntegerArray:
    """Return the identity of a column of a corpus in the recording of each row.

    Args:
        tracks: of each recording.
        recording: index of the recording, shape (rows,).
        column: index of the column, or `NONE`, where the identity is missing; shape (rows,).
    """
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
    # Columns with the same id are merged, and then sorted in ascending order.
    return tracks.ids if len(names) == len(tracks.ids) else names


def _places(name: str, tracks: Tracks, frame: Integers, column: Integers) -> dict[str, Floats]:
    xyz = np.full((3, len(frame)), np.nan)
    known = column != NONE
    xyz[:, known] = tracks.xyz[frame[known], column[known]].T
    return {f"{name}_{axis}": row for axis, row in zip("xyz", xyz, strict=True)}


def worst_frames(table: pd.DataFrame, count: int = 20) -> pd.DataFrame:
    """Return the rows of the hits with the largest errors, in descending order.

    Args:
        table: a frame table.
        count: maximum number of rows.
    """
    hits = table[table["event"] == "hit"]
    return hits.sort_values("error", ascending=False, kind="stable").head(count)


def error_curve(table: pd.DataFrame) -> tuple[Floats, Floats]:
    """Return the cumulative distribution of errors, in which misses exceed every error.

    Args:
        table: a frame table.

    Returns:
        The errors of all hits in ascending order, and the share of active sources with at most that
        error, from 0 to 1, each of shape (hits,). The last share is the coverage.

    >>> truth = Tracks.of([0, 1], [[[0, 0, 0]], [[0, 0, 0]]], "position")
    >>> estimate = Tracks.of([0, 1], [[[3, 4, 0]], [[np.nan] * 3]], "position")
    >>> [values.tolist() for values in error_curve(frame_table({"walk": (estimate, truth)}))]
    [[5.0], [0.5]]
    """
    errors = np.sort(table.loc[table["event"] == "hit", "error"].to_numpy(dtype=float))
    sources = int((table["event"] != "false-alarm").sum())
    # Equal errors have equal shares.
    below = np.searchsorted(errors, errors, side="right")
    return errors, below / max(sources, 1)


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a frame table as parquet or CSV, depending on the suffix of the path.

    The file appears under its name only when it is complete. In CSV, missing values are empty.

    Raises:
        UsageError: if the suffix is neither, or the package that writes parquet is not installed.
        StoreError: if the file cannot be written.
    """
    writers: Mapping[str, Callable[..., object]]
    writers = {".parquet": table.to_parquet, ".csv": table.to_csv}
    write = writers.get(path.suffix.lower())
    if write is None:
        raise UsageError(
            f"cannot write a table as {path.suffix!r}",
            where=str(path),
            expected="a file name that ends in .parquet or .csv",
        )
    try:
        with writing(path, hint="name a file in a folder that can be written") as file:
            write(file, index=False)
    except ImportError as error:
        raise UsageError(
            "writing parquet needs a package that is not installed",
            where=str(path),
            hint="pip install 'sslbench[parquet]', or write a .csv",
        ) from error
