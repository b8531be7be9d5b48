"""The committed records that boards are made of.

::

    results/<data set>/<version>/<method>/<differences>-<split>-<scale>-s<seed>.json

The differences are the parameters that differ from their defaults, protocol and training data
included. Beside each record are its predictions, in a file of the same name that ends in ``.npz``,
from which every number can be computed again. Where two records would have the same name, that of
the second ends in the first characters of the checksum of its predictions.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path, PurePosixPath

from sslbench.errors import FormatError, LeaderboardError, MissingDataError
from sslbench.files import store_errors, write_bytes
from sslbench.results.names import file_stem, method_folder
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
"""Folder of the boards unless another is named."""

MAX_PREDICTIONS_BYTES = 4_000_000
"""Largest predictions file of a committed record: 200 recordings of 600 frames and 2 tracks take
2.7 MB."""

_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9.,=+_-]*")


def add(record_path: Path, boards: Path = BOARDS, *, allow_dirty: bool = False) -> Path:
    """Copy a record and its predictions into the boards folder.

    Args:
        record_path: a record, with its predictions where it says they are.
        boards: folder of the boards.
        allow_dirty: accept a record of a source tree with uncommitted changes.

    Returns:
        Path of the copy. A record that is there already stays as it is.

    Raises:
        LeaderboardError: if the record does not qualify for a board.
        FormatError: if record or predictions are damaged.
        MissingDataError: if there are no predictions.
        StoreError: if the folder cannot be written.
    """
    record = read_record(record_path)
    _check_qualified(record, record_path, allow_dirty)
    predictions = predictions_of(record, record_path)
    _check_size(predictions)
    read_predictions(predictions)
    target = _free_place(record, boards)
    if target.exists():
        return target
    _write(target.with_suffix(".npz"), predictions.read_bytes())
    _write(target, _placed(record, target).to_json().encode())
    return target


def _free_place(record: RunRecord, boards: Path) -> Path:
    """Return where a record belongs: under its name, or with a hash if another run has the name."""
    plain, hashed = _places(record, boards)
    if not plain.exists():
        return plain
    same = read_record(plain).predictions.sha256 == record.predictions.sha256
    return plain if same else hashed


def _placed(record: RunRecord, target: Path) -> RunRecord:
    entry = record.predictions.model_copy(update={"path": target.with_suffix(".npz").name})
    return record.model_copy(update={"predictions": entry})


def replace_record(path: Path, record: RunRecord) -> None:
    """Write a committed record anew.

    Raises:
        StoreError: if the folder cannot be written.
    """
    _write(path, record.to_json().encode())


def load(boards: Path = BOARDS) -> list[RunRecord]:
    """Read all committed records, in the order of their paths.

    Raises:
        FormatError: if a record is damaged, or its file has the name of another run.
    """
    return [load_one(path, boards) for path in record_paths(boards)]


def load_one(path: Path, boards: Path) -> RunRecord:
    """Read one committed record and check the name of its file.

    Raises:
        FormatError: if it is damaged, or its file has the name of another run.
    """
    record = read_record(path)
    places = _places(record, boards)
    if path not in places:
        raise FormatError(
            f"has run {record.run_id}", where=str(path), expected=f"the file name {places[0]}"
        )
    return record


def record_paths(boards: Path) -> list[Path]:
    """Return the paths of all committed records, sorted."""
    return sorted((boards / "results").rglob("*.json"))


def committed_paths(boards: Path) -> list[Path]:
    """Return the paths of all committed records, of which there must be some.

    Raises:
        LeaderboardError: if there are none: a check of nothing must not pass.
    """
    paths = record_paths(boards)
    if not paths:
        raise LeaderboardError(
            "there are no records" if boards.is_dir() else "there is no such folder",
            where=str(boards),
            expected="a boards folder with records in `results`",
            hint="name it with --boards, or add runs with `sslbench leaderboard add RUN`",
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
            expected=f"the predictions that {record_path.name} was made from",
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


def _check_qualified(record: RunRecord, path: Path, allow_dirty: bool) -> None:
    if record.source.dirty and not allow_dirty:
        raise LeaderboardError(
            "the source had uncommitted changes",
            where=str(path),
            expected="a run of committed code, so that others can repeat it",
            hint="commit and run again, or use --allow-dirty",
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


def _places(record: RunRecord, boards: Path) -> tuple[Path, Path]:
    """Return the file of a record, and the one to use if another run has that name."""
    stem = file_stem(record)
    parts = (record.dataset.name, record.dataset.version, method_folder(record), stem)
    for part in parts:
        # A record may come from anyone: its names must not lead out of the folder.
        if not _PART.fullmatch(part):
            raise FormatError(
                f"{part!r} cannot be part of a file name", expected="letters, digits and .,=+_-"
            )
    folder = boards.joinpath("results", *parts[:-1])
    hashed = f"{stem}-{record.predictions.sha256[:6]}"
    return folder / f"{stem}.json", folder / f"{hashed}.json"


def _write(path: Path, data: bytes) -> None:
    with store_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(path, data)
