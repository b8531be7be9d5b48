"""Which records a board is made of: ``results/<data set>/<version>/<method>/<run id>.json``.

Beside each record lie its predictions, ``<run id>.npz``, from which every number can be computed
again.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path, PurePosixPath

from sslbench.errors import FormatError, LeaderboardError, MissingDataError
from sslbench.files import store_errors, write_bytes
from sslbench.results.predictions import read_predictions
from sslbench.results.record import RunRecord, read_record

__all__ = [
    "BOARDS",
    "MAX_PREDICTIONS_BYTES",
    "add",
    "committed_paths",
    "load",
    "load_one",
    "predictions_of",
    "record_paths",
    "replace_record",
]

BOARDS = Path("leaderboards")
"""Where boards lie unless another folder is named."""

MAX_PREDICTIONS_BYTES = 1_000_000
"""Largest predictions file that is taken into a repository."""

_FOLDER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")


def add(record_path: Path, boards: Path = BOARDS, *, allow_dirty: bool = False) -> Path:
    """Copy a record and its predictions under the boards folder.

    Args:
        record_path: a record, with its predictions where it says they are.
        boards: folder of the boards.
        allow_dirty: take a record of a source tree with uncommitted changes.

    Returns:
        Path of the copy. A record that is there already stays as it is.

    Raises:
        LeaderboardError: if the record may not stand on a board, or another of its id does.
        FormatError: if record or predictions are damaged.
        MissingDataError: if there are no predictions.
        StoreError: if the folder cannot be written.
    """
    record = read_record(record_path)
    _check_worthy(record, record_path, allow_dirty)
    predictions = predictions_of(record, record_path)
    _check_size(predictions)
    read_predictions(predictions)
    target = _place(record, boards)
    entry = record.predictions.model_copy(update={"path": f"{record.run_id}.npz"})
    text = record.model_copy(update={"predictions": entry}).to_json()
    if target.exists():
        return _same_or_refused(target, text)
    _write(target.with_suffix(".npz"), predictions.read_bytes())
    _write(target, text.encode())
    return target


def replace_record(path: Path, record: RunRecord) -> None:
    """Write a committed record anew.

    Raises:
        StoreError: if the folder cannot be written.
    """
    _write(path, record.to_json().encode())


def load(boards: Path = BOARDS) -> list[RunRecord]:
    """Read all committed records, in the order of their paths.

    Raises:
        FormatError: if a record is damaged or lies in another run's place.
    """
    return [load_one(path, boards) for path in record_paths(boards)]


def load_one(path: Path, boards: Path) -> RunRecord:
    """Read one committed record and check that it lies in its place.

    Raises:
        FormatError: if it is damaged or lies in another run's place.
    """
    record = read_record(path)
    place = _place(record, boards)
    if path != place:
        raise FormatError(
            f"holds run {record.run_id}", where=str(path), expected=f"to lie at {place}"
        )
    return record


def record_paths(boards: Path) -> list[Path]:
    """Return the paths of all committed records, sorted."""
    return sorted((boards / "results").rglob("*.json"))


def committed_paths(boards: Path) -> list[Path]:
    """Return the paths of all committed records, of which there must be some.

    Raises:
        LeaderboardError: if there are none: what holds for none of them says nothing.
    """
    paths = record_paths(boards)
    if not paths:
        raise LeaderboardError(
            "there are no records" if boards.is_dir() else "there is no such folder",
            where=str(boards),
            expected="a boards folder with records in `results`",
            hint="name it with --boards, or add runs by `sslbench leaderboard add RUN`",
        )
    return paths


def predictions_of(record: RunRecord, record_path: Path) -> Path:
    """Return the predictions file of a record after checking its checksum.

    Raises:
        MissingDataError: if it is not there.
        FormatError: if it is not the file that was scored, or not below the record's folder.
    """
    relative = PurePosixPath(record.predictions.path)
    if relative.is_absolute() or ".." in relative.parts:
        raise FormatError(
            f"predictions.path: {relative}",
            where=str(record_path),
            expected="a path below the record's folder",
        )
    path = record_path.parent / relative
    if not path.is_file():
        raise MissingDataError(
            "the predictions are missing",
            where=str(path),
            expected=f"the answers that {record_path.name} was scored from",
            hint=f"run it again: {record.command}",
        )
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != record.predictions.sha256:
        raise FormatError(
            f"checksum {found[:12]}...",
            where=str(path),
            expected=f"{record.predictions.sha256[:12]}..., as the record says",
            hint=f"restore the file, or run it again: {record.command}",
        )
    return path


def _check_worthy(record: RunRecord, path: Path, allow_dirty: bool) -> None:
    if record.status != "ok":
        raise LeaderboardError(
            f"the run {record.status}: {record.reason}", where=str(path), expected="a finished run"
        )
    if record.source.dirty and not allow_dirty:
        raise LeaderboardError(
            "the source had changes that are in no commit",
            where=str(path),
            expected="a run of committed code, so that others can repeat it",
            hint="commit and run again, or allow a dirty source",
        )
    if record.metric(record.dataset.primary_metric) is None:
        raise LeaderboardError(
            f"there is no {record.dataset.primary_metric}",
            where=str(path),
            expected="a value of the metric that the board ranks by",
            hint="score the run again with that metric installed",
        )


def _check_size(predictions: Path) -> None:
    size = predictions.stat().st_size
    if size > MAX_PREDICTIONS_BYTES:
        raise LeaderboardError(
            f"{size / 1e6:.2f} MB of predictions",
            where=str(predictions),
            expected=f"at most {MAX_PREDICTIONS_BYTES / 1e6:g} MB",
            hint="run a smaller split or scale",
        )


def _place(record: RunRecord, boards: Path) -> Path:
    parts = (record.dataset.name, record.dataset.version, record.method.name, record.run_id)
    for part in parts:
        # A record may come from anyone: its names must not lead out of the folder.
        if not _FOLDER.fullmatch(part):
            raise FormatError(f"{part!r} cannot name a file", expected="letters, digits and .-_+")
    return boards.joinpath("results", *parts[:-1], f"{parts[-1]}.json")


def _same_or_refused(target: Path, text: str) -> Path:
    if target.read_text(encoding="utf-8") != text:
        raise LeaderboardError(
            "another record of this run is there",
            where=str(target),
            hint="delete it and its .npz first if the new one is to replace it",
        )
    return target


def _write(path: Path, data: bytes) -> None:
    with store_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(path, data)
