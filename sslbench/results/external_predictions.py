"""Predictions of other software, in any language: a CSV, or a predictions file.

A row of the CSV is the estimate of one source at one time of one recording; see
docs/external-predictions.md. Columns, in any order, separated by commas, UTF-8:

=====================  ======================================================================
`recording`            its name in the data set
`time`                 seconds; within 1 ms of one of the times that are requested
`id`                   any number or text that stays with a source throughout a recording
`x`, `y`, `z`          metres for positions; for directions a vector of length 1, within 1 %
`azimuth, elevation`   degrees, in place of `x`, `y`, `z`; directions only
=====================  ======================================================================

At a time without rows no source is detected. Integers from 0 to 999,999,999 are kept as ids; where
one is anything else, ids are numbered in the order in which they appear.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path

import numpy as np

from sslbench.array_types import Floats, Integers
from sslbench.datasets.formats.yaml_file import require_file
from sslbench.errors import FormatError
from sslbench.geometry import unit_vector
from sslbench.metrics.corpus import TIME_TOLERANCE, check_comparable
from sslbench.results.predictions import read_predictions
from sslbench.scene import Kind, Prediction, Tracks

__all__ = ["read_external_predictions"]


KEYS = ("recording", "time", "id")
VECTOR = ("x", "y", "z")
ANGLES = ("azimuth", "elevation")

LENGTH_TOLERANCE = 0.01
"""By how much the length of a direction may differ from 1: few digits, but no position."""

MOST_IDS = 1000
"""Ids of one recording. More are row numbers, and would need (frames, rows) of memory."""

LIST = "`sslbench datasets times NAME` prints recordings and times"
DOCUMENT = "docs/external-predictions.md describes the format"


def read_external_predictions(path: Path, truths: Mapping[str, Tracks]) -> dict[str, Prediction]:
    """Read predictions for the recordings of a data set.

    Args:
        path: a predictions file if its name ends in .npz (`sslbench.results.predictions`), else a
            CSV as this module describes.
        truths: ground truth of every recording, by name. Only times and kind are read.

    Returns:
        One prediction for each of the recordings, at exactly their times, without tracks where
        nothing is detected.

    Raises:
        MissingDataError: if there is no such file.
        FormatError: if it is of another format, or has recordings or times that were not
            requested; it names the line.
    """
    require_file(path)
    read = _read_npz if path.suffix.lower() == ".npz" else _read_csv
    return read(path, truths)


def _read_npz(path: Path, truths: Mapping[str, Tracks]) -> dict[str, Prediction]:
    try:
        found = read_predictions(path)
    except (FormatError, IndexError, TypeError) as error:
        what = error.what if isinstance(error, FormatError) else str(error)
        expected = "arrays as sslbench.results.predictions lists them"
        raise FormatError(what, where=str(path), expected=expected, hint=DOCUMENT) from error
    names = list(found)
    unknown = next((name for name in names if name not in truths), None)
    if unknown is not None or not names:
        raise _unknown(str(path), names, unknown or "", truths)
    return {name: _in_time(path, name, found.get(name), truth) for name, truth in truths.items()}


def _in_time(path: Path, name: str, found: Prediction | None, truth: Tracks) -> Prediction:
    if found is None:
        return Prediction(_no_detection(truth))
    tracks = found.tracks
    check_comparable(tracks, truth, f"{path}: recording {name}")
    # The file's times are in single precision.
    return Prediction(replace(tracks, times=truth.times), found.microphones)


def _no_detection(truth: Tracks) -> Tracks:
    return Tracks.of(truth.times, np.zeros((len(truth.times), 0, 3)), truth.kind)


@dataclass(frozen=True, eq=False)
class _Table:
    """The cells of a CSV.

    Args:
        path: of the file.
        lines: on which each row ends, shape (rows,).
        cells: texts of each column, by its name.
    """

    path: Path
    lines: Sequence[int]
    cells: Mapping[str, Sequence[str]]

    def wrong(self, row: int, what: str, expected: str, hint: str = "") -> FormatError:
        """Return the error for a row."""
        where = f"{self.path}: line {self.lines[row]}"
        return FormatError(what, where=where, expected=expected, hint=hint or DOCUMENT)


def _read_csv(path: Path, truths: Mapping[str, Tracks]) -> dict[str, Prediction]:
    kind: Kind = next((truth.kind for truth in truths.values()), "position")
    table = _table(path, kind)
    numbers = {
        name: _numbers(table, name) for name in table.cells if name not in {"recording", "id"}
    }
    ids, xyz = _identities(table), _places(table, numbers, kind)
    recording = _recordings(table, truths)
    order = np.argsort(recording, kind="stable")
    borders = np.searchsorted(recording[order], np.arange(len(truths) + 1))
    predictions = {}
    for index, (name, truth) in enumerate(truths.items()):
        rows = order[borders[index] : borders[index + 1]]
        frame = _frames(table, rows, numbers["time"][rows], truth)
        _check_ids(table, rows, frame, ids[rows])
        predictions[name] = Prediction(_tracks(truth, frame, ids[rows], xyz[rows]))
    return predictions


def _table(path: Path, kind: Kind) -> _Table:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, skipinitialspace=True)
            header = [name.strip() for name in next(reader, [])]
            rows = [(reader.line_num, row) for row in reader if any(row)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        expected = "a CSV in UTF-8, or a name that ends in .npz"
        raise FormatError(str(error), where=str(path), expected=expected, hint=DOCUMENT) from error
    _check_header(path, header, kind)
    lines, cells = [line for line, _ in rows], [row for _, row in rows]
    table = _Table(path, lines, dict.fromkeys(header, ()))
    for row, found in enumerate(cells):
        if len(found) != len(header):
            raise table.wrong(
                row,
                f"{len(found)} cells",
                f"{len(header)}, one for each column",
                "write 1.5, not 1,5",
            )
    if not rows:
        raise FormatError(
            "no rows", where=str(path), expected="one row per source and time", hint=DOCUMENT
        )
    return _Table(path, lines, dict(zip(header, zip(*cells, strict=True), strict=True)))


def _check_header(path: Path, header: Sequence[str], kind: Kind) -> None:
    names = sorted(header)
    allowed = [(*KEYS, *VECTOR), (*KEYS, *ANGLES)][: 1 + (kind == "direction")]
    if any(names == sorted(columns) for columns in allowed):
        return
    what = f"columns {', '.join(header)}" if any(header) else "no columns"
    if names == sorted((*KEYS, *ANGLES)):
        what = "directions, where positions are requested"
    raise FormatError(
        what,
        where=f"{path}: line 1",
        expected=", or else ".join(", ".join(columns) for columns in allowed),
        hint=DOCUMENT,
    )


def _numbers(table: _Table, name: str) -> Floats:
    texts = table.cells[name]
    try:
        values = np.array(texts, dtype=float)
    except ValueError:
        values = np.array([_number(text) for text in texts])
    if np.isfinite(values).all():
        return values
    row = int(np.argmin(np.isfinite(values)))
    if texts[row].strip() == name:
        raise table.wrong(row, "a second header", "one header, on line 1")
    hint = "a source without an estimate has no row"
    raise table.wrong(row, f"{name} is {texts[row]!r}", "a finite number", hint)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return np.nan


def _identities(table: _Table) -> Integers:
    texts = [text.strip() for text in table.cells["id"]]
    different = dict.fromkeys(texts)
    if "" in different:
        raise table.wrong(texts.index(""), "no id", "any number or text that stays with a source")
    if all(text.isdecimal() and len(text) <= 9 for text in different):
        return np.array(texts, dtype=np.int64)
    number = {text: index for index, text in enumerate(different)}
    return np.array([number[text] for text in texts], dtype=np.int64)


def _places(table: _Table, numbers: Mapping[str, Floats], kind: Kind) -> Floats:
    """Return positions in metres or unit vectors, shape (rows, 3)."""
    if "azimuth" in numbers:
        return _directions(table, numbers["azimuth"], numbers["elevation"])
    xyz = np.stack([numbers[name] for name in VECTOR], axis=1)
    if kind == "position":
        return xyz
    length = np.linalg.norm(xyz, axis=1, keepdims=True)
    wrong = np.abs(length[:, 0] - 1) > LENGTH_TOLERANCE
    if wrong.any():
        row = int(np.argmax(wrong))
        what = f"a direction of length {length[row, 0]:g}"
        raise table.wrong(row, what, "unit vectors that point from the array to the source")
    return np.asarray(xyz / length)


def _directions(table: _Table, azimuth: Floats, elevation: Floats) -> Floats:
    wrong = (np.abs(azimuth) > 360) | (np.abs(elevation) > 90)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise table.wrong(
            row,
            f"azimuth {azimuth[row]:g}, elevation {elevation[row]:g}",
            "degrees: azimuth within -360 and 360, elevation within -90 and 90",
        )
    return unit_vector(np.radians(azimuth), np.radians(elevation))


def _recordings(table: _Table, truths: Mapping[str, Tracks]) -> Integers:
    """Return the index of each row's recording, shape (rows,)."""
    index = {name: number for number, name in enumerate(truths)}
    names = [name.strip() for name in table.cells["recording"]]
    found = np.array([index.get(name, -1) for name in names], dtype=np.int64)
    if (found < 0).any():
        row = int(np.argmax(found < 0))
        where = f"{table.path}: line {table.lines[row]}"
        raise _unknown(where, names, names[row], truths)
    return found


def _unknown(
    where: str, names: Sequence[str], unknown: str, truths: Mapping[str, Tracks]
) -> FormatError:
    if not set(names) & set(truths):
        return FormatError(
            f"none of its {len(set(names))} recordings is among the {len(truths)} of the data set",
            where=where,
            expected=f"names as {next(iter(truths), '')!r}",
            hint=f"is it for another data set, split or scale? {LIST}",
        )
    close = get_close_matches(unknown, list(truths), n=3)
    return FormatError(
        f"there is no recording {unknown!r}",
        where=where,
        expected="perhaps " + " or ".join(close) if close else f"names as {next(iter(truths))!r}",
        hint=LIST,
    )


def _frames(table: _Table, rows: Integers, wanted: Floats, truth: Tracks) -> Integers:
    """Return the frame that each row of a recording belongs to, shape (rows,)."""
    times = truth.times if len(truth.times) else np.array([np.inf])
    order = np.argsort(times, kind="stable")
    middles = (times[order][1:] + times[order][:-1]) / 2
    nearest = order[np.searchsorted(middles, wanted)]
    # A nanosecond more, so that 0.101 is within 0.001 of 0.1.
    strange = np.abs(times[nearest] - wanted) > TIME_TOLERANCE + 1e-9
    if strange.any():
        first = int(np.argmax(strange))
        name = table.cells["recording"][rows[first]].strip()
        raise table.wrong(
            rows[first],
            f"{wanted[first]:.12g} s is not a requested time of {name}",
            f"a time within 1 ms; the nearest is {times[nearest[first]]:.12g} s",
            LIST,
        )
    return np.asarray(nearest)


def _check_ids(table: _Table, rows: Integers, frame: Integers, ids: Integers) -> None:
    """Check that the rows of a recording have few ids, each with one position at a time."""
    order = np.lexsort((ids, frame))
    again = order[1:][(np.diff(frame[order]) == 0) & (np.diff(ids[order]) == 0)]
    if len(again):
        row = rows[again.min()]
        recording, time, identity = (table.cells[name][row].strip() for name in KEYS)
        what = f"a second position for id {identity} of {recording} at {time} s"
        raise table.wrong(row, what, "one row for each recording, time and id")
    different = len(np.unique(ids))
    if different > MOST_IDS:
        raise table.wrong(
            rows[-1],
            f"{different} ids in one recording",
            f"at most {MOST_IDS}: an id stays with a source",
            "where sources have no identity, number them 0, 1, ... anew at each time",
        )


def _tracks(truth: Tracks, frame: Integers, ids: Integers, places: Floats) -> Tracks:
    names, column = np.unique(ids, return_inverse=True)
    xyz = np.full((len(truth.times), len(names), 3), np.nan)
    xyz[frame, column] = places
    return Tracks.of(truth.times, xyz, truth.kind, ids=names)
