"""Reading recordings from audio files, with checks for damaged or unsuitable files.

libsndfile silently shortens a wav file whose header announces more samples than the file contains,
so the header is checked here as well.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sslbench.errors import FormatError, MissingDataError

__all__ = ["audio_duration", "open_audio", "read_audio", "read_excerpt"]

UNKNOWN_SIZE = (0, 0xFFFFFFFF)
"""Values that programs writing to a pipe use for the size of the samples in a header."""


def read_audio(
    paths: Path | Sequence[Path],
    *,
    channels: int | None = None,
    sample_rate: int | None = None,
) -> tuple[NDArray[np.float32], int]:
    """Read one recording from one file, or from several files whose channels are concatenated.

    Args:
        paths: files in wav, flac or any other format that libsndfile reads.
        channels: expected number of channels; None for any.
        sample_rate: expected sample rate in Hz; None for any.

    Returns:
        Audio, shape (channels, samples), full scale 1, and its sample rate in Hz.

    Raises:
        MissingDataError: if a file does not exist.
        FormatError: if a file is not audio, or is truncated, empty, silent, not finite, or of
            another sample rate or number of channels; or if the files of one recording differ
            in sample rate or length.
    """
    files = [paths] if isinstance(paths, Path) else list(paths)
    parts = [_read_one(path) for path in files]
    where = ", ".join(map(str, files))
    _check_alike(parts, files)
    audio, rate = np.concatenate([part for part, _ in parts]), parts[0][1]
    if channels is not None and len(audio) != channels:
        raise FormatError(
            f"{len(audio)} channels",
            where=where,
            expected=f"{channels}, one for each microphone of the array, in its order",
            hint="use the matching array file, or remove the channels that are not microphones",
        )
    _check_samples(audio, rate, where)
    if sample_rate not in (None, rate):
        raise FormatError(
            f"sample rate {rate} Hz",
            where=where,
            expected=f"{sample_rate} Hz",
            hint="resample the file",
        )
    return audio, rate


def audio_duration(paths: Sequence[Path]) -> float:
    """Return the length in seconds that the header of the first of some files gives.

    Raises:
        MissingDataError: if the file is not there.
        FormatError: if it is no audio, empty or truncated.
    """
    with open_audio(paths[0]) as file:
        return float(file.frames / file.samplerate)


def read_excerpt(
    paths: Sequence[Path], start: float, end: float
) -> tuple[NDArray[np.float32], int, int]:
    """Read a part of one recording, as far as the recording extends.

    Args:
        paths: files whose channels follow each other.
        start: in seconds; the first sample that is read has an even index, see
            `Recording.window`.
        end: in seconds.

    Returns:
        Audio, shape (channels, samples), its sample rate in Hz, and the index of its first sample.

    Raises:
        MissingDataError: if a file is not there.
        FormatError: if a file is no audio or truncated, or files that belong together differ.
    """
    parts = []
    for path in paths:
        with open_audio(path) as file:
            rate = int(file.samplerate)
            first = max(0, int(np.floor(start * rate)) - 1) // 2 * 2
            last = min(file.frames, int(np.ceil(end * rate)) + 1)
            file.seek(first)
            samples = file.read(last - first, dtype="float32", always_2d=True)
        parts.append((np.ascontiguousarray(samples.T), rate))
    _check_alike(parts, paths)
    return np.concatenate([part for part, _ in parts]), parts[0][1], first


@contextmanager
def open_audio(path: Path) -> Iterator[Any]:
    """Open an audio file for reading, after checking its size.

    Args:
        path: file in wav, flac or any other format that libsndfile reads.

    Yields:
        A `soundfile.SoundFile`; its read errors within the `with` block become `FormatError`.

    Raises:
        MissingDataError: if the file does not exist.
        FormatError: if it is not audio, or is empty or truncated.
    """
    import soundfile

    if not path.exists():
        raise MissingDataError("file not found", where=str(path), expected="an audio file")
    try:
        _check_size(path)
        with soundfile.SoundFile(path) as file:
            yield file
    except (OSError, soundfile.SoundFileError) as error:
        raise FormatError(
            f"cannot be read as audio ({str(error).removesuffix('.')})",
            where=str(path),
            expected="a wav or flac file",
        ) from error


def _read_one(path: Path) -> tuple[NDArray[np.float32], int]:
    with open_audio(path) as file:
        announced, rate = file.frames, file.samplerate
        samples = file.read(dtype="float32", always_2d=True)
    if len(samples) < announced:
        raise _truncated(path, f"{announced} samples per channel", f"{len(samples)}")
    if not len(samples):
        raise FormatError("contains no samples", where=str(path), expected="a recording")
    return np.ascontiguousarray(samples.T), int(rate)


def _check_size(path: Path) -> None:
    """Check that a RIFF wav file contains all samples that its header announces."""
    size = path.stat().st_size
    if size == 0:
        raise FormatError("is an empty file", where=str(path), expected="a wav or flac file")
    with path.open("rb") as file:
        if file.read(4) != b"RIFF" or file.read(8)[4:] != b"WAVE":
            return
        while len(header := file.read(8)) == 8:
            chunk, length = struct.unpack("<4sI", header)
            left = size - file.tell()
            if chunk == b"data":
                if length > left and length not in UNKNOWN_SIZE:
                    raise _truncated(path, f"{length} bytes of samples", f"{left}")
                return
            file.seek(length + length % 2, 1)


def _truncated(path: Path, announced: str, found: str) -> FormatError:
    return FormatError(
        f"is truncated: its header announces {announced}, but it contains {found}",
        where=str(path),
        expected="a complete file",
        hint="copy or download it again",
    )


def _check_alike(parts: Sequence[tuple[NDArray[np.float32], int]], files: Sequence[Path]) -> None:
    (first, rate), path = parts[0], files[0]
    for (part, other), name in zip(parts[1:], files[1:], strict=True):
        if other != rate or part.shape[1] != first.shape[1]:
            raise FormatError(
                f"{part.shape[1]} samples at {other} Hz",
                where=str(name),
                expected=f"{first.shape[1]} samples at {rate} Hz as in {path.name}, because both "
                "belong to one recording",
            )


def _check_samples(audio: NDArray[np.float32], rate: int, where: str) -> None:
    bad = ~np.isfinite(audio)
    if bad.any():
        channel, sample = (int(axis[0]) for axis in np.nonzero(bad))
        raise FormatError(
            f"{int(bad.sum())} samples are not finite, first in channel {channel} at "
            f"{sample / rate:.3f} s",
            where=where,
            expected="no NaN or infinite samples",
        )
    if not audio.any():
        raise FormatError("is silent: all samples are zero", where=where, expected="a recording")
