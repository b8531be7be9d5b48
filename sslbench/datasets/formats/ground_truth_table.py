"""The ground truth table of a folder of recordings: a CSV file with the position of each source.

Columns: `file`; optionally `time_s` (empty if the source does not move) and `source` (a name that
identifies a source over time); and either `x`, `y`, `z` in metres or `azimuth_deg`,
`elevation_deg`.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sslbench.datasets.formats.yaml_file import require_file
from sslbench.errors import FormatError
from sslbench.geometry import unit_vector
from sslbench.scene import Kind

__all__ = ["RecordingGroundTruth", "read_ground_truth_table"]

POSITION = ("x", "y", "z")
DIRECTION = ("azimuth_deg", "elevation_deg")
OPTIONAL = ("time_s", "source")


@dataclass(frozen=True, eq=False)
class RecordingGroundTruth:
    """Positions or directions of the sources of one recording.

    Args:
        files: names of its audio files as given in the table.
        where: table and first line, for error messages.
        times: seconds, shape (frames,); None if the sources do not move.
        xyz: shape (frames, sources, 3), with one frame if `times` is None; NaN where a source has
            no row.
    """

    files: tuple[str, ...]
    where: str
    times: NDArray[np.float64] | None
    xyz: NDArray[np.float64]

    @property
    def max_sources(self) -> int:
        """Largest number of simultaneous sources."""
        return int(np.isfinite(self.xyz).all(axis=-1).sum(axis=1).max())


@dataclass(frozen=True)
class _Row:
    line: int
    file: str
    time: float | None
    source: str
    xyz: tuple[float, ...]


def read_ground_truth_table(path: Path) -> tuple[Kind, list[RecordingGroundTruth]]:
    """Read a ground truth table.

    Returns:
        Whether the table contains positions (in metres) or directions (as unit vectors), and the
        ground truth of each recording in the order of the table.

    Raises:
        MissingDataError: if there is no such file.
        FormatError: if the content is invalid; the message names the line and the column.
    """
    require_file(path)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, skipinitialspace=True)
            kind = _kind(reader.fieldnames or (), path)
            rows = [_row(fields, reader.line_num, kind, path) for fields in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FormatError(str(error), where=str(path), expected="a csv file in UTF-8") from error
    if not rows:
        raise FormatError("has no rows", where=str(path), expected="at least one row per recording")
    files = dict.fromkeys(row.file for row in rows)
    return kind, [_join([row for row in rows if row.file == file], path) for file in files]


def _kind(columns: Iterable[str], path: Path) -> Kind:
    names = {name.strip() for name in columns if name}
    needed = {"position": {"file", *POSITION}, "direction": {"file", *DIRECTION}}
    kind: Kind
    for kind in ("position", "direction"):
        if needed[kind] <= names <= needed[kind] | set(OPTIONAL):
            return kind
    raise FormatError(
        f"columns {', '.join(sorted(names)) or 'none'}",
        where=f"{path}: line 1",
        expected=f"either file, {', '.join(POSITION)} or file, {', '.join(DIRECTION)}; "
        f"optionally {', '.join(OPTIONAL)}",
    )


def _row(fields: dict[str, str | None], line: int, kind: Kind, path: Path) -> _Row:
    where = f"{path}: line {line}"
    text = {key.strip(): (value or "").strip() for key, value in fields.items() if key}
    if None in fields or not text["file"]:
        raise FormatError(
            "the file name is missing" if None not in fields else "more cells than columns",
            where=where,
            expected="one cell per column, with the name of an audio file in the column `file`",
        )
    numbers = [_number(text, name, where) for name in (POSITION, DIRECTION)[kind == "direction"]]
    if kind == "direction":
        numbers = list(_direction(numbers, where))
    time = _number(text, "time_s", where) if text.get("time_s") else None
    _check_names(text["file"], where)
    return _Row(line, text["file"], time, text.get("source", ""), tuple(numbers))


def _check_names(names: str, where: str) -> None:
    if not all(name.strip() for name in names.split(";")):
        raise FormatError(
            f"file is {names!r}, which contains an empty name",
            where=where,
            expected="the name of one file, or of mono files separated by `;` as in "
            "one.wav;two.wav",
        )


def _number(text: dict[str, str], name: str, where: str) -> float:
    try:
        value = float(text[name])
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise FormatError(f"{name} is {text[name]!r}", where=where, expected="a finite number")
    return value


def _direction(angles: Sequence[float], where: str) -> NDArray[np.float64]:
    azimuth, elevation = angles
    if abs(azimuth) > 360 or abs(elevation) > 90:
        raise FormatError(
            f"azimuth {azimuth:g}, elevation {elevation:g}",
            where=where,
            expected="degrees: azimuth from -360 to 360, elevation from -90 to 90",
        )
    return unit_vector(math.radians(azimuth), math.radians(elevation))


def _join(rows: list[_Row], path: Path) -> RecordingGroundTruth:
    """Arrange the rows of one recording on a grid of times and sources."""
    times = sorted({row.time for row in rows if row.time is not None})
    sources = list(dict.fromkeys(row.source for row in rows))
    xyz = np.full((max(len(times), 1), len(sources), 3), np.nan)
    for row in rows:
        _check_time(row, bool(times), path)
        cell = (times.index(row.time) if row.time is not None else 0, sources.index(row.source))
        if np.isfinite(xyz[cell]).any():
            raise FormatError(
                f"a second row for {row.file} with the same time and source",
                where=f"{path}: line {row.line}",
                expected="one row per recording, time and source",
                hint="distinguish simultaneous sources by a column `source`",
            )
        xyz[cell] = row.xyz
    return RecordingGroundTruth(
        files=tuple(name.strip() for name in rows[0].file.split(";")),
        where=f"{path}: line {rows[0].line}",
        times=np.array(times) if times else None,
        xyz=xyz,
    )


def _check_time(row: _Row, timed: bool, path: Path) -> None:
    if timed and row.time is None:
        raise FormatError(
            f"time_s is empty, although other rows of {row.file} have a time",
            where=f"{path}: line {row.line}",
            expected="a value of time_s in all rows of a recording or in none",
        )
