"""Parameters of LuViRA: what publications leave open about its files, and how frames are chosen."""

from __future__ import annotations

import re
from collections.abc import Mapping

from sslbench.datasets.real.luvira_conversion import ConversionOptions
from sslbench.datasets.real.luvira_files import GROUND_TRUTH, NAME
from sslbench.datasets.real.luvira_frames import FRAME
from sslbench.datasets.real.luvira_ground_truth import METRES, GroundTruthOptions
from sslbench.datasets.simulated.luvira_sim import MICROPHONES
from sslbench.errors import ParameterError
from sslbench.specs import Parameter, Value

__all__ = ["PARAMETERS", "conversion_options"]

FEWEST = 4
"""Microphones that are needed to find a position."""

PARAMETERS = (
    Parameter("root", "", "folder with the files; empty for the default location", identity=False),
    Parameter("held_out", 3, "number of the music and speech to test on", minimum=1, maximum=4),
    Parameter("hop", FRAME, "samples at 16 kHz from one frame to the next", minimum=1),
    Parameter("reference", False, "provide the signal of the source's own microphone"),
    Parameter(
        "companion", False, "train also with as many simulated frames as there are real ones"
    ),
    Parameter(
        "silence_db", -20.0, "power of a silent frame in dB, relative to the source's mean power",
        minimum=-200.0, maximum=0.0,
    ),
    Parameter(
        "sync", "edge", "start of the motion capture in the audio: edge (of Sync.wav), start, or s"
    ),
    Parameter(
        "ground_truth", "3d", "file with the source: 3d (NAME.tsv), 6d (NAME_6D.tsv), csv",
        choices=tuple(GROUND_TRUTH),
    ),
    Parameter("source", "speaker*", "name pattern of the source's markers or body; * is any text"),
    Parameter(
        "microphones", "markers", "positions of the microphones: from markers, or as published",
        choices=("markers", "published"),
    ),
    Parameter("markers", "mic#*", "name pattern of a microphone's two markers; # is its number"),
    Parameter("tracks", "1-11", "tracks of microphones 1, 2, ..., such as 1-6+8-12"),
    Parameter("without", "", "numbers of microphones to leave out, such as 4+7"),
    Parameter("source_track", 12, "track of the source's own microphone; 0 for none", minimum=0),
    Parameter("unit", "mm", "unit of the coordinates in the files", choices=tuple(METRES)),
    Parameter(
        "room_margin", 0.0, "metres by which the hall of luvira-sim is extended on all sides",
        minimum=0.0, maximum=5.0,
    ),
)  # fmt: skip


def conversion_options(params: Mapping[str, Value]) -> ConversionOptions:
    """Return how the files are read.

    Raises:
        ParameterError: if a parameter is invalid, or parameters do not fit each other.
    """
    tracks = dict(enumerate(_numbers("tracks", str(params["tracks"])), start=1))
    without = _numbers("without", str(params["without"]))
    kept = {number: track for number, track in tracks.items() if number not in without}
    source_track = int(params["source_track"])
    if not set(without) <= set(tracks):
        raise _not_allowed(params, "without", f"numbers from 1 to {len(tracks)}")
    if len(kept) < FEWEST:
        raise ParameterError(
            f"{len(kept)} microphones are left", where=NAME, expected=f"at least {FEWEST}"
        )
    if len(tracks) > len(MICROPHONES) and params["microphones"] == "published":
        raise _not_allowed(params, "tracks", f"at most {len(MICROPHONES)} with published positions")
    if len({*tracks.values(), source_track}) <= len(tracks):
        raise _not_allowed(params, "tracks", f"each track once, and not {source_track}")
    for name in ("reference", "companion"):
        if params[name] and not source_track:
            raise ParameterError(
                "the source has no track",
                where=f"{NAME}: {name}=true",
                expected="the number of a track in `source_track`",
            )
    _check_sync(params)
    return ConversionOptions(
        kept,
        source_track,
        str(params["sync"]),
        GroundTruthOptions(
            *(str(params[name]) for name in ("ground_truth", "source")),
            *(str(params[name]) for name in ("microphones", "markers", "unit")),
        ),
    )


def _check_sync(params: Mapping[str, Value]) -> None:
    if not re.fullmatch(r"edge|start|\d+(\.\d*)?|\.\d+", str(params["sync"])):
        raise _not_allowed(params, "sync", "edge, start, or a number of seconds")


def _numbers(name: str, text: str) -> list[int]:
    """Return the numbers of a list such as `1-4+7`.

    >>> _numbers("tracks", "1-4+7")
    [1, 2, 3, 4, 7]
    """
    if not text:
        return []
    found: list[int] = []
    for part in text.split("+"):
        ends = re.fullmatch(r"(\d{1,2})(?:-(\d{1,2}))?", part.strip())
        if ends is None or int(ends[2] or ends[1]) < int(ends[1]):
            raise _not_allowed({name: text}, name, "numbers joined by +, such as 1-4+7")
        found += range(int(ends[1]), int(ends[2] or ends[1]) + 1)
    return found


def _not_allowed(params: Mapping[str, Value], name: str, expected: str) -> ParameterError:
    return ParameterError(
        f"parameter {name}={params[name]} is not allowed", where=NAME, expected=expected
    )
