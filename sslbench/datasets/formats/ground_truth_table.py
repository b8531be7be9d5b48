"""The ground truth table of a folder of recordings: a CSV file with the position of each source.

Columns: `file`; optionally `time_s` (empty if the source does not move), `source` (a name that
identifies a source over time), `split` and `group` (of the recording); and either `x`, `y`, `z` in
metres or `azimuth_deg`, `elevation_deg`.
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
OPTIONAL = ("time_s", "source", "split", "group")

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True, eq=False)
class RecordingGroundTruth:
    """Positions or directions of the sources of one recording.

    Args:
        files: names of its audio files as given in the table.
        where: table and first line, for error messages.
        times: seconds, shape (frames,); None if the sources do not move.
        xyz: shape (frames, sources, 3), with one frame if `times` is None; NaN where a source has
            no row.
        split: `train`, `validation` or `test`, which is the split of all without one.
        group: recordings that have something in common, such as a talker or a room; may be empty.
    """

    files: tuple[str, ...]
    where: str
    times: NDArray[np.float64] | None
    xyz: NDArray[np.float64]
    split: str = "test"
    group: str = ""

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
    split: str
    group: str
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
    by_file: dict[str, list[_Row]] = {}
    for row in rows:
        by_file.setdefault(row.file, []).append(row)
    found = [_join(same, path) for same in by_file.values()]
    _check_groups(found)
    return kind, found


def _check_groups(recordings: Iterable[RecordingGroundTruth]) -> None:
    """Check that recordings of a group are in one split, so that no talker is in two."""
    split: dict[str, str] = {}
    for each in recordings:
        if each.group and split.setdefault(each.group, each.split) != each.split:
            raise FormatError(
                f"group {each.group!r} is in the splits {split[each.group]} and {each.split}",
                where=each.where,
                expected="all recordings of a group in one split",
            )


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
    split = text.get("split") or "test"
    if split not in SPLITS:
        raise FormatError(f"split is {split!r}", where=where, expected=", ".join(SPLITS))
    group = text.get("group", "")
    return _Row(line, text["file"], time, text.get("source", ""), split, group, tuple(numbers))


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
        _check_same(row, rows[0], path)
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
        split=rows[0].split,
        group=rows[0].group,
    )


def _check_same(row: _Row, first: _Row, path: Path) -> None:
    for name in ("split", "group"):
        here, there = getattr(row, name), getattr(first, name)
        if here != there:
            raise FormatError(
                f"{name} is {here!r}, but {there!r} in line {first.line} for the same recording",
                where=f"{path}: line {row.line}",
                expected=f"one {name} for all rows of a recording",
            )


def _check_time(row: _Row, timed: bool, path: Path) -> None:
    if timed and row.time is None:
        raise FormatError(
            f"time_s is empty, although other rows of {row.file} have a time",
            where=f"{path}: line {row.line}",
            expected="a value of time_s in all rows of a recording or in none",
        )
