"""Label files of the DCASE data sets of sound events, as tracks of directions.

Two forms exist. From 2020 on a row is one event in one frame of 100 ms, without a header: frame,
class, event number, azimuth, elevation, and in STARSS23 a distance. In 2019 a row is one event with
start and end. An event number is unique within its class, so both together identify a source.
"""

from __future__ import annotations

import csv
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sslbench.array_types import Floats
from sslbench.datasets.formats.yaml_file import require_file
from sslbench.errors import FormatError
from sslbench.geometry import unit_vector
from sslbench.scene import Tracks

__all__ = ["FRAME", "INTERVALS", "Labels", "frame_times", "read_labels", "tracks"]

FRAME = 0.1
"""Length of a frame in seconds."""

COLUMNS = ("frame", "class", "event number", "azimuth", "elevation", "distance")

INTERVALS = ("sound_event_recording", "start_time", "end_time", "ele", "azi", "dist")
"""Header of the label files of 2019."""


@dataclass(frozen=True)
class _Row:
    line: int
    event: tuple[object, ...]
    azimuth: float
    elevation: float


@dataclass(frozen=True, eq=False)
class Labels:
    """The label file of one recording.

    Args:
        path: of the file.
        rows: those of each frame, by its number.
    """

    path: Path
    rows: Mapping[int, Sequence[_Row]]

    @property
    def frames(self) -> int:
        """Number of frames up to the last one with an event."""
        return max(self.rows, default=-1) + 1

    def xyz(self, frames: int) -> Floats:
        """Return the direction of each event, shape (frames, events, 3); NaN where it is silent.

        Raises:
            FormatError: if there are labels after the last of these frames.
        """
        if self.frames > frames:
            raise FormatError(
                f"labels up to frame {self.frames - 1}, but the audio has {frames} frames",
                where=str(self.path),
                expected=f"labels up to frame {frames - 1} at most",
                hint="audio and labels may be of different recordings, or the audio is truncated",
            )
        events = {row.event: 0 for rows in self.rows.values() for row in rows}
        column = {event: number for number, event in enumerate(events)}
        found = np.full((frames, len(events), 3), np.nan, dtype=np.float64)
        for frame, rows in self.rows.items():
            for row in rows:
                angles = math.radians(row.azimuth), math.radians(row.elevation)
                found[frame, column[row.event]] = unit_vector(*angles)
        return found


def frame_times(frames: int) -> Floats:
    """Return the middle of each frame in seconds."""
    return np.asarray((np.arange(frames) + 0.5) * FRAME, dtype=float)


def tracks(labels: Sequence[Labels], frames: int) -> Tracks:
    """Return the events of one or several label files as tracks, each with an identity."""
    xyz = np.concatenate([each.xyz(frames) for each in labels], axis=1)
    return Tracks.of(frame_times(frames), xyz, "direction")


def read_labels(path: Path, columns: int, most: int, *, may_be_empty: bool = False) -> Labels:
    """Read a label file.

    Args:
        path: of the file.
        columns: 5 or 6 for rows of frames, 0 for rows of intervals (2019).
        most: largest number of simultaneous events.
        may_be_empty: whether a file without any event is allowed.

    Raises:
        MissingDataError: if there is no such file.
        FormatError: if a row cannot be read or is out of range, rows are not in the order of time,
            an event occurs twice in a frame, or too many occur in one.
    """
    require_file(path)
    try:
        lines = list(csv.reader(path.read_text(encoding="utf-8-sig").splitlines()))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FormatError(str(error), where=str(path), expected="a csv file in UTF-8") from error
    numbered = [(number, cells) for number, cells in enumerate(lines, start=1) if cells]
    every = list(_frame_rows(path, numbered, columns) if columns else _intervals(path, numbered))
    if not every and not may_be_empty:
        raise FormatError("has no rows", where=str(path), expected="at least one event")
    rows: dict[int, list[_Row]] = {}
    for frame, row in every:
        rows.setdefault(frame, []).append(row)
    for frame, together in rows.items():
        _check_frame(path, frame, together, most)
    return Labels(path, rows)


def _frame_rows(
    path: Path, lines: Sequence[tuple[int, list[str]]], columns: int
) -> Iterator[tuple[int, _Row]]:
    last = 0
    for line, cells in lines:
        where = f"{path}: line {line}"
        if len(cells) != columns:
            raise FormatError(
                f"{len(cells)} cells",
                where=where,
                expected=f"{columns}: {', '.join(COLUMNS[:columns])}",
                hint="the file may be of another release of the data set",
            )
        frame, kind, number, azimuth, elevation, *_ = _integers(cells, where)
        if frame < last:
            raise FormatError(
                f"frame {frame} after frame {last}", where=where, expected="rows in order of time"
            )
        last = frame
        yield frame, _row(where, line, (kind, number), azimuth, elevation)


def _integers(cells: Sequence[str], where: str) -> list[int]:
    try:
        numbers = [int(cell) for cell in cells]
    except ValueError as error:
        raise FormatError(", ".join(cells), where=where, expected="integers") from error
    if min(numbers[:3]) < 0:
        raise FormatError(
            f"frame, class and event number are {numbers[:3]}", where=where, expected="0 or more"
        )
    return numbers


def _intervals(path: Path, lines: Sequence[tuple[int, list[str]]]) -> Iterator[tuple[int, _Row]]:
    if not lines or tuple(cell.strip() for cell in lines[0][1]) != INTERVALS:
        raise FormatError(
            f"columns {', '.join(lines[0][1]) if lines else 'none'}",
            where=f"{path}: line 1",
            expected=", ".join(INTERVALS),
            hint="the file may be of another release of the data set",
        )
    for line, cells in lines[1:]:
        where = f"{path}: line {line}"
        try:
            start, end, elevation, azimuth, _ = (float(cell) for cell in cells[1:])
        except ValueError as error:
            raise FormatError(
                ", ".join(cells), where=where, expected="a name and five numbers"
            ) from error
        if not 0 <= start < end:
            raise FormatError(
                f"an event from {start:g} to {end:g} s", where=where, expected="0 <= start < end"
            )
        row = _row(where, line, (line,), azimuth, elevation)
        # Frames whose middle is within the event.
        first, last = math.ceil(start / FRAME - 0.5), math.ceil(end / FRAME - 0.5)
        yield from ((frame, row) for frame in range(first, last))


def _row(
    where: str, line: int, event: tuple[object, ...], azimuth: float, elevation: float
) -> _Row:
    if not (abs(azimuth) <= 180 and abs(elevation) <= 90):
        raise FormatError(
            f"azimuth {azimuth:g}, elevation {elevation:g}",
            where=where,
            expected="degrees: azimuth from -180 to 180, elevation from -90 to 90",
        )
    return _Row(line, event, azimuth, elevation)


def _check_frame(path: Path, frame: int, rows: Sequence[_Row], most: int) -> None:
    where = f"{path}: line {rows[-1].line}"
    event, times = Counter(row.event for row in rows).most_common(1)[0]
    if times > 1:
        raise FormatError(
            f"frame {frame} has the event {'/'.join(map(str, event))} (class/number) {times} times",
            where=where,
            expected="each event once in a frame",
        )
    if len(rows) > most:
        raise FormatError(
            f"frame {frame} has {len(rows)} events",
            where=where,
            expected=f"at most {most} at once in this release",
        )
