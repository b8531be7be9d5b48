"""The predictions file: the predictions for every recording of a run in one npz, without pickle.

Arrays of the file (U recordings, F frames in all, K tracks at most, M channels at most):

=============  ================  ======================================================
`kind`         ()                `position` or `direction`
`ids`          (U,)              recording ids, UTF-8
`frames`       (U,) int32        frames of each recording; the arrays below are stacked
`times`        (F,) float32      seconds
`xyz`          (F, K, 3) float32 metres or unit vectors, NaN where there is nothing
`active`       (F, K) bool       whether a source is estimated to be active
`track_ids`    (U, K) int32      identities; -1 pads recordings with fewer tracks
`confidence`   (F, K) float32    confidence of each estimate; absent if no method gave one
`microphones`  (U, M, 3) float32 estimated positions, NaN for none; absent if there are none
`channels`     (U,) int32        rows of `microphones` that belong to each recording; -1 if it
                                 has no estimate; absent where `microphones` is
=============  ================  ======================================================
"""

from __future__ import annotations

import io
import math
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from sslbench.array_types import Floats, Integers
from sslbench.errors import FormatError
from sslbench.scene import Kind, Prediction, Tracks

__all__ = ["dump_and_reload", "dump_predictions", "load_predictions", "read_predictions"]

NO_ESTIMATE = -1

DAMAGED = (
    *(OSError, ValueError, KeyError, IndexError, TypeError, EOFError, NotImplementedError),
    *(zipfile.BadZipFile, zlib.error, FormatError),
)
"""What is raised for bytes that are no predictions file."""

MAX_EXPANDED_BYTES = 512_000_000
"""Largest size of all arrays of a file. A file that expands to more is refused before it is read:
it may come from anyone."""


def dump_predictions(predictions: Mapping[str, Prediction]) -> bytes:
    """Return the bytes of a predictions file; the same predictions give the same bytes."""
    tracks = [prediction.tracks for prediction in predictions.values()]
    width = max((t.xyz.shape[1] for t in tracks), default=0)
    arrays: dict[str, NDArray[np.generic]] = {
        "kind": np.array(tracks[0].kind if tracks else "position"),
        "ids": np.array(list(predictions)),
        "frames": np.array([len(t.times) for t in tracks], dtype=np.int32),
        "times": _stack([t.times for t in tracks], np.float32),
        "xyz": _stack([_widen(t.xyz, width, np.nan) for t in tracks], np.float32),
        "active": _stack([_widen(t.active, width, fill=False) for t in tracks], np.bool_),
        "track_ids": np.array([_pad(t.ids, width) for t in tracks], dtype=np.int32),
    }
    if any(t.confidence is not None for t in tracks):
        confidence = [_widen(_confidence(t), width, np.nan) for t in tracks]
        arrays["confidence"] = _stack(confidence, np.float32)
    estimates = [prediction.microphones for prediction in predictions.values()]
    if any(estimate is not None for estimate in estimates):
        arrays |= _microphones(estimates)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return _without_dates(buffer)


def dump_and_reload(
    predictions: Mapping[str, Prediction],
) -> tuple[bytes, dict[str, Prediction]]:
    """Return the content of a file, and the predictions as they will be read from it.

    They are scored as they are read, in single precision, so that a score can be repeated exactly.
    """
    data = dump_predictions(predictions)
    return data, load_predictions(io.BytesIO(data))


def _stack(parts: list[NDArray[np.generic]], dtype: type[np.generic]) -> NDArray[np.generic]:
    return np.concatenate(parts).astype(dtype) if parts else np.zeros(0, dtype)


def _widen(array: NDArray[np.generic], width: int, fill: float) -> NDArray[np.generic]:
    missing = [(0, 0), (0, width - array.shape[1])] + [(0, 0)] * (array.ndim - 2)
    return np.pad(array, missing, constant_values=fill)


def _pad(ids: Integers, width: int) -> Integers:
    return np.pad(ids, (0, width - len(ids)), constant_values=-1)


def _confidence(tracks: Tracks) -> Floats:
    known = tracks.confidence
    return np.full(tracks.active.shape, np.nan) if known is None else known


def _microphones(estimates: list[Floats | None]) -> dict[str, NDArray[np.generic]]:
    channels = [NO_ESTIMATE if each is None else len(each) for each in estimates]
    stacked = np.full((len(estimates), max(channels), 3), np.nan, np.float32)
    for row, estimate in zip(stacked, estimates, strict=True):
        if estimate is not None:
            row[: len(estimate)] = estimate
    return {"microphones": stacked, "channels": np.array(channels, dtype=np.int32)}


def _without_dates(buffer: io.BytesIO) -> bytes:
    # numpy stamps each member with the time of day; a checksum must not depend on it.
    out = io.BytesIO()
    with zipfile.ZipFile(buffer) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            new.writestr(zipfile.ZipInfo(info.filename), old.read(info), zipfile.ZIP_DEFLATED)
    return out.getvalue()


def read_predictions(path: Path) -> dict[str, Prediction]:
    """Read a predictions file.

    Raises:
        FormatError: if the file is damaged or not of this format.
    """
    try:
        # numpy leaves a damaged file open when it is given the path.
        with path.open("rb") as stream:
            return load_predictions(stream)
    except DAMAGED as error:
        raise FormatError(
            f"{type(error).__name__}: {error}",
            where=str(path),
            expected="a predictions file (see sslbench.results.predictions)",
            hint="run the cell again to write it anew",
        ) from error


def load_predictions(stream: IO[bytes]) -> dict[str, Prediction]:
    """Read the bytes of a predictions file.

    Raises:
        ValueError, KeyError, EOFError, BadZipFile, FormatError: if they are not of this format.
    """
    with zipfile.ZipFile(stream) as file:
        size = sum(member.file_size for member in file.infolist())
        if size > MAX_EXPANDED_BYTES:
            raise ValueError(
                f"it expands to {size / 1e6:,.0f} MB, more than {MAX_EXPANDED_BYTES / 1e6:.0f} MB"
            )
        # A member is never expanded beyond the size that is written in the file.
        return _split(
            {member.removesuffix(".npy"): _array(file.read(member)) for member in file.namelist()}
        )


def _array(data: bytes) -> NDArray[np.generic]:
    """Return the array of a npy file, whose header must not declare more than there is."""
    stream = io.BytesIO(data)
    version = np.lib.format.read_magic(stream)
    if version == (1, 0):
        shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
    else:
        shape, _, dtype = np.lib.format.read_array_header_2_0(stream)
    declared, there = math.prod(shape) * dtype.itemsize, len(data) - stream.tell()
    if declared != there:
        raise ValueError(f"an array of {declared:,} bytes is declared, there are {there:,}")
    stream.seek(0)
    found: NDArray[np.generic] = np.lib.format.read_array(stream, allow_pickle=False)
    return found


def _split(arrays: Mapping[str, NDArray[np.generic]]) -> dict[str, Prediction]:
    frames = arrays["frames"].astype(int)
    ends = np.cumsum(frames)
    if (frames < 0).any() or frames.sum() != len(arrays["times"]):
        raise ValueError("the numbers of frames and of times are different")
    kind: Kind = "direction" if str(arrays["kind"]) == "direction" else "position"
    found: dict[str, Prediction] = {}
    for row, (name, end) in enumerate(zip(arrays["ids"], ends, strict=True)):
        part = slice(int(end - frames[row]), int(end))
        ids = arrays["track_ids"][row]
        used = np.flatnonzero(ids >= 0)
        confidence = arrays["confidence"][part][:, used] if "confidence" in arrays else None
        known = confidence is not None and np.isfinite(confidence).any()
        tracks = Tracks.of(
            arrays["times"][part],
            arrays["xyz"][part][:, used],
            kind,
            arrays["active"][part][:, used],
            ids[used],
            confidence=confidence if known else None,
        )
        found[str(name)] = Prediction(tracks, _estimate(arrays, row))
    return found


def _estimate(arrays: Mapping[str, NDArray[np.generic]], row: int) -> Floats | None:
    if "microphones" not in arrays or arrays["channels"][row] == NO_ESTIMATE:
        return None
    channels = int(arrays["channels"][row])
    rows: Floats = arrays["microphones"][row, :channels].astype(float)
    if rows.shape != (channels, 3):
        raise ValueError(f"{len(rows)} of {channels} microphones")
    return rows
