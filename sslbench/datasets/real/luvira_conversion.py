"""Conversion of one recording of LuViRA to a fast local form: 16 kHz, one npy file.

A converted recording is a folder with ``audio.npy`` (float32, one row per microphone and then one
for the source's own microphone), ``trajectory.npy`` (rows of time, x, y, z) and ``about.json``. It
appears under its name only when it is complete. Tracks are read and resampled in blocks, so the
length of a recording does not matter.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from sslbench.acoustics.resampling import resample_blocks
from sslbench.array_types import Floats
from sslbench.datasets.formats.audio_files import open_audio
from sslbench.datasets.real.luvira_files import Member, RecordingFiles
from sslbench.datasets.real.luvira_ground_truth import (
    GroundTruthOptions,
    RecordingGroundTruth,
    ground_truth_files,
    read_ground_truth,
)
from sslbench.errors import FormatError, MissingDataError, ParameterError, StoreError
from sslbench.files import publishing, remove_leftovers, store_errors

__all__ = ["RATE", "ConversionOptions", "Converted", "convert", "identity"]

RATE = 16000
AUDIO = "audio.npy"
PUBLISHED_RATE = 96000
FORM = 1
"""Raised whenever the same files and options give another converted recording."""

BLOCK = 1 << 20
"""Samples that are read at once."""

START = 0.001
"""Seconds at the start of the synchronization track whose median is the level before the edge."""

HINT = "free some space on the disk, or name another cache folder by SSLBENCH_CACHE"


@dataclass(frozen=True)
class ConversionOptions:
    """What public documents leave open about the files.

    Args:
        tracks: number of the track of each microphone, by number of the microphone.
        source_track: number of the track of the source's own microphone; 0 for none.
        sync: `edge`, `start` or seconds, see `start_of_capture`.
        ground_truth: how positions are read.
    """

    tracks: dict[int, int]
    source_track: int
    sync: str
    ground_truth: GroundTruthOptions

    @property
    def rows(self) -> list[int]:
        """Numbers of the tracks in the order of the rows of the audio."""
        return [*self.tracks.values(), *([self.source_track] if self.source_track else [])]


@dataclass(frozen=True, eq=False)
class Converted:
    """A recording in its local form.

    Args:
        file: audio, shape (rows, samples) at 16 kHz.
        microphones: positions in metres, shape (microphones, 3).
        trajectory: rows of seconds from the start of the audio and the source's x, y and z in
            metres, NaN where it was not captured, shape (rows, 4).
        found: what was found in the files, for reports.
    """

    file: Path
    microphones: Floats
    trajectory: Floats
    found: tuple[str, ...]

    @property
    def audio(self) -> NDArray[np.float32]:
        """The audio, on disk until it is used.

        The file is mapped anew at each call. Otherwise all that was ever read from it would count
        as memory of this process.
        """
        mapped: NDArray[np.float32] = np.load(self.file, mmap_mode="r", allow_pickle=False)
        return mapped


def identity(files: RecordingFiles, options: ConversionOptions) -> dict[str, Any]:
    """Return what determines a recording: sizes of the tracks, contents of the ground truth.

    Raises:
        MissingDataError: if a needed file does not exist.
    """
    used = [_track(files, number) for number in options.rows]
    sync = [] if options.sync != "edge" else [_sync(files)]
    return {
        "name": files.name,
        "sizes": [member.size for member in (*used, *sync)],
        "ground_truth": [each.sha256() for each in ground_truth_files(files, options.ground_truth)],
        "options": asdict(options),
    }


def convert(files: RecordingFiles, options: ConversionOptions, cache: Path) -> Converted:
    """Return a recording in its local form, which is made if it is not in the cache.

    Several processes may call this: one of them converts, and the others wait.

    Raises:
        MissingDataError: if a file does not exist.
        FormatError: if a file is damaged, or files do not belong together.
        ParameterError: if the time of the start of the capture is invalid.
        StoreError: if the cache cannot be written.
    """
    from filelock import FileLock

    facts = identity(files, options) | {"form": FORM, "modified": _modified(files, options)}
    key = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
    folder = cache / "luvira" / f"{files.name}-{key[:16]}"
    if (ready := _load(folder)) is not None:
        return ready
    with store_errors(folder, hint=HINT):
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder.with_suffix(".lock"))
        lock.acquire()
    try:
        if _load(folder) is None:
            remove_leftovers(folder)
            with publishing(folder, hint=HINT) as temporary:
                _convert(files, options, temporary)
    finally:
        lock.release()
    found = _load(folder)
    if found is None:
        raise StoreError(
            "a recording that was just converted cannot be read back", where=str(folder), hint=HINT
        )
    return found


def _load(folder: Path) -> Converted | None:
    try:
        about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
        audio = np.load(folder / AUDIO, mmap_mode="r", allow_pickle=False)
        trajectory = np.load(folder / "trajectory.npy", allow_pickle=False)
        microphones = np.array(about["microphones"], dtype=float)
        complete = about["shapes"] == [list(audio.shape), list(trajectory.shape)]
        found = tuple(about["found"])
    except (OSError, ValueError, KeyError, TypeError, EOFError):
        return None
    return Converted(folder / AUDIO, microphones, trajectory, found) if complete else None


def _convert(files: RecordingFiles, options: ConversionOptions, folder: Path) -> None:
    # Positions come first: they are read within a second, and fail more often than the tracks.
    truth = read_ground_truth(files, options.ground_truth, tuple(options.tracks), folder)
    with (folder / AUDIO).open("wb") as file:
        shape, found, seconds = _write_tracks(file, files, options, folder)
    start = start_of_capture(files, options.sync, folder)
    if not 0 <= start < seconds:
        raise FormatError(
            f"the motion capture starts at {start:g} s",
            where=files.name,
            expected=f"a time in the {seconds:.3f} s of its tracks",
        )
    trajectory = _trajectory(truth, start)
    np.save(folder / "trajectory.npy", trajectory, allow_pickle=False)
    about = {
        "microphones": truth.microphones.tolist(),
        "shapes": [list(shape), list(trajectory.shape)],
        "found": [found, *truth.found, f"the motion capture starts at {start:.4f} s of the audio"],
    }
    (folder / "about.json").write_text(json.dumps(about), encoding="utf-8")


def _trajectory(truth: RecordingGroundTruth, start: float) -> Floats:
    return np.concatenate([truth.times[:, None] + start, truth.source], axis=1)


def _write_tracks(
    file: BinaryIO, files: RecordingFiles, options: ConversionOptions, scratch: Path
) -> tuple[tuple[int, int], str, float]:
    """Write all tracks as an npy file.

    Returns:
        Shape of the array, what was found in words, and the length in seconds.
    """
    expected: tuple[int, int] | None = None
    shape = (len(options.rows), 0)
    found = ""
    for number in options.rows:
        member = _track(files, number)
        with member.unpacked(scratch) as path, _opened(path, member) as audio:
            own = (audio.frames, audio.samplerate)
            if expected is None:
                expected = own
                shape = (len(options.rows), round(own[0] * RATE / own[1]))
                found = _describe(audio)
                np.lib.format.write_array_header_1_0(
                    file, {"descr": "<f4", "fortran_order": False, "shape": shape}
                )
            elif own != expected:
                raise _differs(member, own, expected, _track(files, options.rows[0]))
            _write_row(file, audio, member, shape[1])
    frames, rate = expected or (0, RATE)
    return shape, found, frames / rate


def _describe(audio: Any) -> str:
    unusual = "" if audio.samplerate == PUBLISHED_RATE else f" ({PUBLISHED_RATE} Hz are published)"
    seconds = audio.frames / audio.samplerate
    return f"tracks of {seconds:.2f} s at {audio.samplerate} Hz{unusual}, {audio.subtype}"


@contextmanager
def _opened(path: Path, member: Member) -> Iterator[Any]:
    try:
        with open_audio(path) as audio:
            if audio.channels != 1 or not audio.frames or audio.samplerate < RATE:
                raise FormatError(
                    f"{audio.frames} samples of {audio.channels} channels, {audio.samplerate} Hz",
                    where=str(member),
                    expected=f"a mono track at {PUBLISHED_RATE} Hz, {RATE} Hz at least",
                )
            yield audio
    except FormatError as error:
        if not member.inside or error.where == str(member):
            raise
        # The path of a file from a zip file is temporary.
        raise FormatError(
            error.what, where=str(member), expected=error.expected, hint=error.hint
        ) from error


def _write_row(file: BinaryIO, audio: Any, member: Member, samples: int) -> None:
    loudest, left = 0.0, samples
    for block in resample_blocks(_blocks(audio, member), audio.samplerate, RATE):
        part = block[:left].astype("<f4", copy=False)
        loudest = max(loudest, float(np.abs(part).max(initial=0.0)))
        file.write(part.tobytes())
        left -= len(part)
    file.write(bytes(4 * left))
    if not loudest:
        raise FormatError(
            "is silent: all samples are zero",
            where=str(member),
            expected="a recording",
            hint="leave the microphone out with `without=NUMBER`",
        )


def _blocks(audio: Any, member: Member) -> Iterator[NDArray[np.float32]]:
    count = 0
    for block in audio.blocks(BLOCK, dtype="float32"):
        if not np.isfinite(block).all():
            raise FormatError("has NaN or infinite samples", where=str(member))
        count += len(block)
        yield block
    if count < audio.frames:
        raise FormatError(
            f"has {audio.frames - count} samples fewer than its header announces",
            where=str(member),
            hint="download or unpack it again",
        )


def _differs(
    member: Member, own: Sequence[int], expected: Sequence[int], first: Member
) -> FormatError:
    return FormatError(
        f"{own[0]} samples at {own[1]} Hz",
        where=str(member),
        expected=f"{expected[0]} samples at {expected[1]} Hz as in {first.name}, because all "
        "tracks were recorded together",
        hint="download or unpack the recording again",
    )


def start_of_capture(files: RecordingFiles, sync: str, scratch: Path) -> float:
    """Return the time of the first frame of the motion capture, in seconds of the audio.

    Args:
        files: of the recording.
        sync: `edge` for the first time at which the synchronization track is more than halfway
            from its initial level to the value that is farthest from it; `start` for the start of
            the audio; or seconds.
        scratch: folder for temporary files.

    Raises:
        MissingDataError: if there is no synchronization track.
        FormatError: if it is constant.
        ParameterError: if `sync` is none of these.
    """
    if sync == "start":
        return 0.0
    if sync == "edge":
        member = _sync(files)
        with member.unpacked(scratch) as path, _opened(path, member) as audio:
            return _first_edge(audio, member) / float(audio.samplerate)
    try:
        return float(sync)
    except ValueError:
        raise ParameterError(
            f"parameter sync={sync} is not allowed", expected="edge, start, or a number of seconds"
        ) from None


def _first_edge(audio: Any, member: Member) -> int:
    start = audio.read(max(1, round(START * audio.samplerate)), dtype="float32")
    level = float(np.median(start))
    audio.seek(0)
    height = max(float(np.abs(block - level).max()) for block in _blocks(audio, member))
    if not height:
        raise FormatError(
            "has no edge: all samples are equal",
            where=str(member),
            expected="the start signal of the motion capture",
            hint="give the start in seconds of the audio as `sync=SECONDS`",
        )
    audio.seek(0)
    passed = 0
    for block in _blocks(audio, member):
        above = np.abs(block - level) > height / 2
        if above.any():
            return passed + int(above.argmax())
        passed += len(block)
    return passed


def _track(files: RecordingFiles, number: int) -> Member:
    if number not in files.tracks:
        present = ", ".join(map(str, sorted(files.tracks)))
        raise MissingDataError(
            f"{files.name} has no track {number}",
            where=str(next(iter(files.tracks.values()))).rpartition("/")[0],
            expected=f"'Track {number}.wav'; there are the tracks {present}",
            hint="unpack or download Audio_only.zip again, leave microphones out with "
            "`without=NUMBER`, or use `source_track=0` if the source had none",
        )
    return files.tracks[number]


def _sync(files: RecordingFiles) -> Member:
    if files.sync is None:
        raise MissingDataError(
            f"{files.name} has no Sync.wav",
            where=str(next(iter(files.tracks.values()))).rpartition("/")[0],
            expected="the start signal of the motion capture",
            hint="if the tracks start together with the ground truth, use `sync=start`; otherwise "
            "give the start in seconds of the audio as `sync=SECONDS`",
        )
    return files.sync


def _modified(files: RecordingFiles, options: ConversionOptions) -> list[int]:
    """Return when the files were changed: a repaired track can have the size of a damaged one."""
    used = [_track(files, number) for number in options.rows]
    sync = [files.sync] if files.sync else []
    return [member.file.stat().st_mtime_ns for member in (*used, *sync)]
