"""Positions in one recording of LuViRA: those of its microphones, and the path of its source.

Every microphone carries two markers, and is halfway between them (LuViRA, documentation of the
audio). Microphones do not move within a recording, so their position is the median over time. Names
of the markers are not documented: they are options.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sslbench.array_types import Floats
from sslbench.datasets.formats.motion_capture import (
    BODY,
    MotionCapture,
    matching_names,
    read_motion_capture,
)
from sslbench.datasets.real.luvira_files import GROUND_TRUTH, Member, RecordingFiles
from sslbench.datasets.simulated.luvira_sim import MICROPHONES
from sslbench.errors import FormatError, MissingDataError

__all__ = [
    "GroundTruthOptions",
    "RecordingGroundTruth",
    "ground_truth_files",
    "read_ground_truth",
]

MARKERS = 2
"""Markers per microphone."""

METRES = {"mm": 0.001, "m": 1.0}


@dataclass(frozen=True)
class GroundTruthOptions:
    """What public documents leave open about the ground truth.

    Args:
        kind: the file with the path of the source: `3d`, `6d` or `csv`.
        source: name pattern of the markers or the body of the source.
        microphones: `markers`, or `published` for the positions that LuViRA documents.
        markers: name pattern of the markers of a microphone, with `#` for its number.
        unit: of the coordinates, `mm` or `m`.
    """

    kind: str
    source: str
    microphones: str
    markers: str
    unit: str


@dataclass(frozen=True, eq=False)
class RecordingGroundTruth:
    """Positions in a recording.

    Args:
        times: seconds from the start of the capture, shape (frames,).
        source: metres, NaN where it was not captured, shape (frames, 3).
        microphones: metres, shape (microphones, 3).
        found: what was found in the files, for reports.
    """

    times: Floats
    source: Floats
    microphones: Floats
    found: tuple[str, ...]


def ground_truth_files(files: RecordingFiles, options: GroundTruthOptions) -> list[Member]:
    """Return the files that are read: that of the source, and that of the microphones.

    Raises:
        MissingDataError: if one of them does not exist.
    """
    kinds = [options.kind] + ["3d"] * (options.microphones == "markers" and options.kind != "3d")
    for kind in kinds:
        if kind not in files.motion:
            raise _missing(files, kind, kind == options.kind)
    return [files.motion[kind] for kind in kinds]


def read_ground_truth(
    files: RecordingFiles, options: GroundTruthOptions, numbers: Sequence[int], scratch: Path
) -> RecordingGroundTruth:
    """Read the positions in a recording.

    Args:
        files: of the recording.
        options: how to read them.
        numbers: of the microphones, from 1.
        scratch: folder for temporary files.

    Raises:
        MissingDataError: if a file does not exist.
        FormatError: if a file is damaged, lacks markers, or never shows the source.
    """
    members = ground_truth_files(files, options)
    captures = [_read(member, options, scratch) for member in members]
    source = _source(captures[0], options.source, members[0])
    if options.microphones == "published":
        microphones = MICROPHONES[np.array(numbers) - 1]
    else:
        places = [_microphone(captures[-1], options.markers, n, members[-1]) for n in numbers]
        microphones = np.array(places)
    return RecordingGroundTruth(
        captures[0].times, source, microphones, _found(captures[0], members[0], source)
    )


def _read(member: Member, options: GroundTruthOptions, scratch: Path) -> MotionCapture:
    with member.unpacked(scratch) as path:
        try:
            return read_motion_capture(path, METRES[options.unit])
        except FormatError as error:
            where = error.where.replace(str(path), str(member))
            raise FormatError(
                error.what, where=where, expected=error.expected, hint=error.hint
            ) from error


def _source(capture: MotionCapture, pattern: str, member: Member) -> Floats:
    """Return the mean of the markers of the source, NaN where one is missing, shape (frames, 3)."""
    names = [BODY] if BODY in capture.points else matching_names(capture.points, pattern)
    if not names:
        raise _no_marker(capture, member, "the source", "source", pattern)
    path = np.mean([capture.points[name] for name in names], axis=0)
    if not np.isfinite(path).all(axis=1).any():
        raise FormatError(
            "has no ground truth: the source is missing in every row",
            where=str(member),
            expected=f"rows with coordinates of {', '.join(names)}",
            hint="select other markers with `source=PATTERN`, or download the file again",
        )
    return np.asarray(path)


def _microphone(capture: MotionCapture, pattern: str, number: int, member: Member) -> Floats:
    """Return the position of a microphone in metres, shape (3,)."""
    names = matching_names(capture.points, pattern, number)
    if not names:
        raise _no_marker(capture, member, f"microphone {number}", "markers", pattern)
    if len(names) != MARKERS:
        raise FormatError(
            f"microphone {number} has the markers {', '.join(names)}",
            where=str(member),
            expected=f"{MARKERS} per microphone",
            hint="select them with `markers=PATTERN`",
        )
    middle = np.mean([capture.points[name] for name in names], axis=0)
    captured = np.isfinite(middle).all(axis=1)
    if not captured.any():
        raise FormatError(
            f"the markers {' and '.join(names)} are never captured together",
            where=str(member),
            expected=f"a position of microphone {number}",
            hint=f"leave it out with `without={number}`, or use `microphones=published`",
        )
    return np.asarray(np.median(middle[captured], axis=0))


def _found(capture: MotionCapture, member: Member, source: Floats) -> tuple[str, ...]:
    share = 100 * float(np.isfinite(source).all(axis=1).mean())
    return (
        f"{member.name}: {capture.kind}, {len(source)} rows at {capture.rate:g} Hz, "
        f"{share:.1f} % of them with the source",
    )


def _no_marker(
    capture: MotionCapture, member: Member, what: str, parameter: str, pattern: str
) -> FormatError:
    return FormatError(
        f"no marker of {what}: no name is like {pattern}",
        where=str(member),
        expected=f"one of the names in the file, {', '.join(capture.points)}",
        hint=f"give a pattern with `{parameter}=PATTERN`, where * stands for any text"
        + (" and # for the number of the microphone" if parameter == "markers" else ""),
    )


def _missing(files: RecordingFiles, kind: str, of_source: bool) -> MissingDataError:
    name = GROUND_TRUTH[kind].format(files.long_name)
    others = [f"ground_truth={other}" for other in GROUND_TRUTH if other in files.motion]
    if not of_source:
        hint = "without it, use the documented positions with `microphones=published`"
    elif others:
        hint = f"unpack or download it, or use `{others[0]}`"
    else:
        hint = "unpack or download Ground_truth_raw.zip, too"
    return MissingDataError(
        f"{files.name} has no ground truth" if of_source else f"{files.name} has no markers",
        where=str(next(iter(files.tracks.values()))).rpartition("/")[0],
        expected=f"a file {name}",
        hint=hint,
    )
