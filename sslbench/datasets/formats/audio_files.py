"""Reading recordings from audio files, and refusing what cannot be trusted.

libsndfile quietly shortens a wav whose header promises more samples than the file holds, so the
header is read here as well.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sslbench.acoustics.resampling import resample
from sslbench.errors import FormatError, MissingDataError

__all__ = ["audio_duration", "open_audio", "read_audio", "read_excerpt"]

UNKNOWN_SIZE = (0, 0xFFFFFFFF)
"""What programs that write to a pipe put where the size of the samples belongs."""


def read_audio(
    paths: Path | Sequence[Path],
    *,
    channels: int | None = None,
    sample_rate: int | None = None,
    convert: bool = False,
) -> tuple[NDArray[np.float32], int]:
    """Read one recording from one file, or from several whose channels follow each other.

    Args:
        paths: wav, flac or whatever else libsndfile reads.
        channels: how many the array has; None to take what there is.
        sample_rate: in Hz; None to take what there is.
        convert: whether to resample to `sample_rate` instead of refusing another one.

    Returns:
        Audio, shape (channels, samples), full scale 1, and its sample rate in Hz.

    Raises:
        MissingDataError: if a file is not there.
        FormatError: if a file is no audio, truncated, empty, silent, not finite, of another
            sample rate or number of channels, or if files that belong together differ.
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
            hint="name the right array, or leave out the channels that are no microphones",
        )
    _check_samples(audio, rate, where)
    if sample_rate is None or sample_rate == rate:
        return audio, rate
    if not convert:
        raise FormatError(
            f"sample rate {rate} Hz", where=where, expected=f"{sample_rate} Hz", hint="resample it"
        )
    return resample(audio, rate, sample_rate), sample_rate


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
    """Open an audio file, to read all of it or a part, after a look at its size.

    Args:
        path: wav, flac or whatever else libsndfile reads.

    Returns:
        A `soundfile.SoundFile`, for a `with` block; what it cannot read in there is refused too.

    Raises:
        MissingDataError: if the file is not there.
        FormatError: if it is no audio, empty or truncated.
    """
    import soundfile

    if not path.exists():
        raise MissingDataError("there is no such audio file", where=str(path))
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
        promised, rate = file.frames, file.samplerate
        samples = file.read(dtype="float32", always_2d=True)
    if len(samples) < promised:
        raise _truncated(path, f"{promised} samples a channel", f"{len(samples)}")
    if not len(samples):
        raise FormatError("holds no samples", where=str(path), expected="a recording")
    return np.ascontiguousarray(samples.T), int(rate)


def _check_size(path: Path) -> None:
    """Compare the size of a RIFF wav's samples with what its header promises."""
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


def _truncated(path: Path, promised: str, found: str) -> FormatError:
    return FormatError(
        f"is truncated: it promises {promised} and holds {found}",
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
                expected=f"{first.shape[1]} at {rate} Hz, as {path.name} has, since they are one "
                "recording",
            )


def _check_samples(audio: NDArray[np.float32], rate: int, where: str) -> None:
    bad = ~np.isfinite(audio)
    if bad.any():
        channel, sample = (int(axis[0]) for axis in np.nonzero(bad))
        raise FormatError(
            f"{int(bad.sum())} samples are not finite, first in channel {channel} at "
            f"{sample / rate:.3f} s",
            where=where,
            expected="numbers",
        )
    if not audio.any():
        raise FormatError("is silent: every sample is zero", where=where, expected="a recording")
