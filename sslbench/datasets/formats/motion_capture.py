"""Motion capture: the TSV files that Qualisys exports, and the processed csv files of LuViRA.

A Qualisys TSV file has a header of lines ``KEY<tab>value``, from ``NO_OF_FRAMES`` on, then perhaps
a line with the names of the columns, and then one row per frame. With ``DATA_INCLUDED 3D`` a row
has x, y and z of each of the ``MARKER_NAMES``; with ``6D``, position, rotation and residual of each
of the ``BODY_NAMES``. The columns ``Frame`` and ``Time`` in front of them are optional.

A processed csv file describes a single body. Its first line names the columns: ``# timestamps, X,
Y, Z, Roll, Pitch, Yaw, Residual, Rot[0], ...``.

In all of them a point is missing where its coordinates are empty, NaN or all zero, or where its
residual is negative.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np

from sslbench.array_types import Floats
from sslbench.datasets.formats.yaml_file import require_file
from sslbench.errors import FormatError

__all__ = ["BODY", "MotionCapture", "matching_names", "read_motion_capture"]

BODY = "body"
"""Name of the only point of a csv file."""

MILLIMETRES = 0.001
NAMES = {"3D": "MARKER_NAMES", "6D": "BODY_NAMES"}
COUNTS = {"3D": "NO_OF_MARKERS", "6D": "NO_OF_BODIES"}
STRIDES = {"3D": 3, "6D": 16}
"""Columns per marker, and per body: x, y, z, three angles, residual, rotation matrix."""

RESIDUAL = {"3D": None, "6D": 6}
"""Position of the residual among the columns of a marker or body."""

PLAUSIBLE_STEP = (0.0001, 1.0)
"""Seconds between two rows of a csv file: anything else is another unit."""


@dataclass(frozen=True, eq=False)
class MotionCapture:
    """What was captured.

    Args:
        times: seconds from the start of the capture, ascending, shape (frames,).
        points: metres by name of the marker or body, shape (frames, 3); NaN where it is missing.
        kind: in words, for reports.
    """

    times: Floats
    points: Mapping[str, Floats]
    kind: str

    @property
    def rate(self) -> float:
        """Frames per second."""
        return float(1 / np.median(np.diff(self.times))) if len(self.times) > 1 else 0.0


@dataclass(frozen=True)
class _Columns:
    """Where the points of a row are.

    Args:
        names: of the points.
        first: column of x of each point; those of y and z follow.
        residual: column of the residual of each point; None for none.
        time: column of the time; None for none.
        width: number of columns.
    """

    names: tuple[str, ...]
    first: tuple[int, ...]
    residual: tuple[int | None, ...]
    time: int | None
    width: int


def matching_names(names: Iterable[str], pattern: str, number: int | None = None) -> list[str]:
    """Return the names that match a pattern, whatever their case.

    Args:
        names: of markers or bodies.
        pattern: a name in which ``*`` stands for any text and ``#`` for the number.
        number: what ``#`` stands for, with or without leading zeros.

    >>> matching_names(["mic1a", "Mic1b", "mic01", "mic11"], "mic#*", 1)
    ['mic1a', 'Mic1b', 'mic01']
    """
    parts = {"*": ".*", "#": rf"(?<!\d)0*{number}(?!\d)"}
    text = "".join(parts.get(letter, re.escape(letter)) for letter in pattern)
    expression = re.compile(text, re.IGNORECASE)
    return [name for name in names if expression.fullmatch(name)]


def read_motion_capture(path: Path, metres: float = MILLIMETRES) -> MotionCapture:
    """Read a TSV or csv file; its first line tells which it is.

    Args:
        path: the file.
        metres: length of the unit of its coordinates, which the files do not name.

    Raises:
        MissingDataError: if there is no such file.
        FormatError: if it is neither, or is truncated or damaged; the message names the line.
    """
    require_file(path)
    try:
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            lines = ((number, line.rstrip("\r\n")) for number, line in enumerate(file, start=1))
            first = next(lines, (0, ""))
            if first[1].startswith("NO_OF_FRAMES\t"):
                return _read_qualisys(path, chain([first], lines), metres)
            if first[1].startswith("#"):
                return _read_csv(path, first[1], lines, metres)
    except OSError as error:
        raise FormatError(f"cannot be read: {error.strerror}", where=str(path)) from error
    raise FormatError(
        f"starts with {first[1][:40]!r}",
        where=str(path),
        expected="NO_OF_FRAMES (a TSV file of Qualisys) or '# timestamps, X, Y, Z, ...' (a csv)",
    )


Lines = Iterator[tuple[int, str]]


def _read_qualisys(path: Path, lines: Lines, metres: float) -> MotionCapture:
    header, titles, first = _header(path, lines)
    kind = _only(header, "DATA_INCLUDED", path)
    if kind not in NAMES:
        raise FormatError(
            f"DATA_INCLUDED is {kind!r}", where=str(path), expected="3D (markers) or 6D (bodies)"
        )
    columns = _columns(kind, _names(header, kind, path), titles, first, path)
    rows = _rows(path, chain([first], lines), "\t", columns.width)
    announced = _number(header, "NO_OF_FRAMES", path)
    if len(rows) != announced:
        raise FormatError(
            f"{len(rows)} rows",
            where=str(path),
            expected=f"{announced:g}, as NO_OF_FRAMES announces",
            hint="export or download it again",
        )
    if columns.time is None:
        times = np.arange(len(rows)) / _number(header, "FREQUENCY", path)
    else:
        times = _ascending(rows[:, columns.time], path)
    return MotionCapture(times, _points(rows, columns, metres), f"{kind} TSV of Qualisys")


def _header(
    path: Path, lines: Lines
) -> tuple[dict[str, list[str]], list[str] | None, tuple[int, str]]:
    """Return the header, the names of the columns if there are any, and the first row."""
    header: dict[str, list[str]] = {}
    titles: list[str] | None = None
    for number, line in lines:
        cells = line.split("\t")
        if not line.strip():
            continue
        if _is_number(cells[0]):
            return header, titles, (number, line)
        if cells[0] == "Frame" or _last_word(cells[0]) == "X":
            titles = "\t".join(cells).rstrip("\t").split("\t")
        else:
            header[cells[0]] = cells[1:]
    raise FormatError("has no rows", where=str(path), expected="one row per frame")


def _is_number(cell: str) -> bool:
    try:
        float(cell or "nan")
    except ValueError:
        return False
    return True


def _last_word(cell: str) -> str:
    return cell.split()[-1] if cell.split() else ""


def _only(header: Mapping[str, Sequence[str]], key: str, path: Path) -> str:
    if not header.get(key):
        raise FormatError(f"has no {key}", where=str(path), expected=f"a line {key}<tab>value")
    return header[key][0].strip()


def _number(header: Mapping[str, Sequence[str]], key: str, path: Path) -> float:
    text = _only(header, key, path)
    value = float(text) if _is_number(text) else math.nan
    if not value > 0:
        raise FormatError(f"{key} is {text!r}", where=str(path), expected="a number above 0")
    return value


def _names(header: Mapping[str, Sequence[str]], kind: str, path: Path) -> tuple[str, ...]:
    _only(header, NAMES[kind], path)
    names = tuple(name.strip() for name in header[NAMES[kind]] if name.strip())
    if COUNTS[kind] in header and _number(header, COUNTS[kind], path) != len(names):
        raise FormatError(
            f"{len(names)} names in {NAMES[kind]}",
            where=str(path),
            expected=f"{header[COUNTS[kind]][0]}, as {COUNTS[kind]} announces",
        )
    if len(set(names)) < len(names):
        raise FormatError(f"{NAMES[kind]} has a name twice", where=str(path))
    return names


def _columns(
    kind: str,
    names: tuple[str, ...],
    titles: Sequence[str] | None,
    first: tuple[int, str],
    path: Path,
) -> _Columns:
    if titles is not None:
        return _titled_columns(names, titles, path)
    stride, residual = STRIDES[kind], RESIDUAL[kind]
    cells = first[1].split("\t")
    width = stride * len(names)
    # Frame and Time are optional, and some programs end each row with a tab.
    spare = len(cells) - width - (not cells[-1] and (len(cells) - width) % 2)
    if spare not in (0, 2):
        raise FormatError(
            f"{len(cells)} cells",
            where=f"{path}: line {first[0]}",
            expected=f"{width}, or {width + 2} with Frame and Time: {len(names)} names",
        )
    starts = tuple(range(spare, spare + width, stride))
    return _Columns(
        names,
        starts,
        tuple(None if residual is None else start + residual for start in starts),
        1 if spare else None,
        width + spare,
    )


def _titled_columns(names: tuple[str, ...], titles: Sequence[str], path: Path) -> _Columns:
    words = [_last_word(title) for title in titles]
    starts = tuple(column for column, word in enumerate(words) if word == "X")
    if len(starts) != len(names) or any(words[at : at + 3] != ["X", "Y", "Z"] for at in starts):
        raise FormatError(
            f"the names of the columns give {len(starts)} points",
            where=str(path),
            expected=f"X, Y and Z of each of the {len(names)} names",
        )
    ends = (*starts[1:], len(words))
    residual = tuple(
        next((at for at in range(start, end) if words[at] == "Residual"), None)
        for start, end in zip(starts, ends, strict=True)
    )
    time = words.index("Time") if "Time" in words[: starts[0]] else None
    return _Columns(names, starts, residual, time, len(titles))


def _read_csv(path: Path, title: str, lines: Lines, metres: float) -> MotionCapture:
    titles = [cell.strip() for cell in title.lstrip("# ").split(",")]
    start = titles.index("X") if "X" in titles else 0
    if "timestamps" not in titles or titles[start : start + 3] != ["X", "Y", "Z"]:
        raise FormatError(
            f"columns {', '.join(titles)}",
            where=f"{path}: line 1",
            expected="# timestamps, X, Y, Z, Roll, Pitch, Yaw, Residual, ...",
        )
    time, residual = titles.index("timestamps"), None
    if "Residual" in titles:
        residual = titles.index("Residual")
    width = 1 + max(time, start + 2, residual or 0)
    columns = _Columns((BODY,), (start,), (residual,), time, width)
    rows = _rows(path, lines, ",", width, more=True)
    if not len(rows):
        raise FormatError("has no rows", where=str(path), expected="one row per frame")
    times = _ascending(rows[:, time], path)
    step = float(np.median(np.diff(times))) if len(times) > 1 else PLAUSIBLE_STEP[0]
    if not PLAUSIBLE_STEP[0] <= step <= PLAUSIBLE_STEP[1]:
        raise FormatError(
            f"rows are {step:g} apart", where=str(path), expected="timestamps in seconds"
        )
    return MotionCapture(times - times[0], _points(rows, columns, metres), "processed csv")


def _rows(path: Path, lines: Lines, separator: str, width: int, *, more: bool = False) -> Floats:
    """Return the numbers of all rows, shape (rows, width); NaN for empty cells.

    Args:
        path: for error messages.
        lines: with their numbers.
        separator: of the cells.
        width: cells per row that are read.
        more: whether a row may have more.
    """
    found = []
    for number, line in lines:
        if not line.strip() or line.startswith("#"):
            continue
        cells = line.split(separator)
        spare = cells[width:]
        if len(cells) < width or (spare not in ([], [""]) and not more):
            raise FormatError(
                f"{len(cells)} cells",
                where=f"{path}: line {number}",
                expected=f"{width} as in the other rows",
                hint="the file may be truncated: export or download it again",
            )
        try:
            found.append(np.array([float(cell.strip() or "nan") for cell in cells[:width]]))
        except ValueError as error:
            raise FormatError(
                str(error), where=f"{path}: line {number}", expected="numbers"
            ) from error
    return np.array(found).reshape(len(found), width)


def _ascending(times: Floats, path: Path) -> Floats:
    if not np.isfinite(times).all() or (np.diff(times) <= 0).any():
        raise FormatError(
            "times are not ascending", where=str(path), expected="seconds, one row after the other"
        )
    return times


def _points(rows: Floats, columns: _Columns, metres: float) -> dict[str, Floats]:
    found = {}
    for name, first, residual in zip(columns.names, columns.first, columns.residual, strict=True):
        xyz = rows[:, first : first + 3] * metres
        missing = ~np.isfinite(xyz).all(axis=1) | (xyz == 0).all(axis=1)
        if residual is not None:
            missing |= rows[:, residual] < 0
        found[name] = np.where(missing[:, None], np.nan, xyz)
    return found
