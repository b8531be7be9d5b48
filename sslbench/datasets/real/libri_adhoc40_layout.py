"""Files of Libri-adhoc40 and the positions of its microphones and its loudspeaker.

Two folder layouts of the same files are supported: that of the repository's README,
``adhoc40-test/pos 1/1089/134686/1089-134686-0000-ch-7.wav``, and one with ``pos1`` and one folder
per utterance, ``.../134686/1089-134686-0000/1089-134686-0000-ch-7.wav``. The recordings from the
anechoic chamber (``...-anechoic.wav``) are recognized by their names and not used.

The coordinate frame is that of the tables in the README, in metres, with x and y along the walls
and z up. Other code, e.g. the public code of sydra, mirrors it (y' = 10.3 - y): distances are the
same, but positions must not be mixed. An earlier version of the README had microphones 4, 12, ...,
36 of the dev and test sets at y = 4.6, which is off the grid of all others; now it is 3.6.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sslbench.datasets.locate import missing
from sslbench.errors import FormatError, MissingDataError

__all__ = [
    "CHANNELS",
    "LOUDSPEAKERS",
    "NAME",
    "Utterance",
    "find_utterances",
    "loudspeaker",
    "microphone_positions",
]

NAME = "libri-adhoc40"
CHANNELS = 40
HEIGHT = 0.95
"""Height of the loudspeaker in metres; that of the microphones is 0.9."""

FOLDERS = {"train": "adhoc40-train", "validation": "adhoc40-dev", "test": "adhoc40-test"}

LOUDSPEAKERS: dict[str, dict[str, tuple[float, float]]] = {
    "train": {
        "1": (2.7, 4.4),
        "2": (2.7, 2.8),
        "3": (2.7, 1.2),
        "4": (4.3, 1.2),
        "5": (5.9, 1.2),
        "6": (8.3, 2.0),
        "7": (8.3, 3.6),
        "8": (8.3, 5.2),
        "9u": (5.1, 3.6),
        "9d": (5.1, 3.6),
    },
    "validation": {"5": (2.7, 5.2), "6": (4.3, 5.2), "7": (5.9, 5.2), "8": (7.5, 5.2)},
    "test": {"1": (2.7, 1.2), "2": (4.3, 1.2), "3": (5.9, 1.2), "4": (7.5, 1.2)},
}
"""x and y of the loudspeaker in metres, by split and name of the position. At position 9 it faced
two directions, up and down on the plan."""

DIRECTORY = re.compile(r"pos ?(\w+)/(\d+)/(\d+)(?:/(\d+-\d+-\d+))?")
FILE = re.compile(r"(\d+-\d+-\d+)-(?:ch-([1-9]\d?)|anechoic)\.wav")


@dataclass(frozen=True)
class Utterance:
    """One utterance of LibriSpeech, played back from one position.

    Args:
        name: speaker, chapter and number, e.g. ``1089-134686-0000``.
        position: position of the loudspeaker, a key of `LOUDSPEAKERS`.
        folder: folder with its files.
    """

    name: str
    position: str
    folder: Path

    @property
    def speaker(self) -> str:
        """Speaker number in LibriSpeech."""
        return self.name.split("-")[0]

    def path(self, channel: int) -> Path:
        """Return the file of a channel, counted from 1."""
        return self.folder / f"{self.name}-ch-{channel}.wav"


def microphone_positions(split: str) -> NDArray[np.float64]:
    """Return the positions of all channels in metres, shape (40, 3); those of `train` differ.

    The positions are those of the tables in the repository's README, on a grid of 0.8 m.
    """
    column, row = np.divmod(np.arange(CHANNELS), 8)
    if split == "train":
        x = 9.1 - 1.6 * column - 0.8 * (row % 2)
        y = 5.2 - 1.6 * (row // 2) + 0.8 * (row % 2)
    else:
        x, y = 8.3 - 1.6 * column, 6.0 - 0.8 * row
    return np.stack([x, y, np.full(CHANNELS, 0.9)], axis=1).round(3)


def loudspeaker(split: str, position: str) -> tuple[float, float, float]:
    """Return the position of the loudspeaker in metres."""
    return (*LOUDSPEAKERS[split][position], HEIGHT)


def find_utterances(root: Path | None, split: str) -> list[Utterance]:
    """Return the utterances of a split, sorted by name, after checking that they are complete.

    Raises:
        MissingDataError: if the folder or the split does not exist, or an utterance lacks channels.
        FormatError: if the name of a file or folder is invalid, or an utterance exists twice.
    """
    layout = f"a folder {FOLDERS[split]} with files like "
    layout += "'pos 1/1089/134686/1089-134686-0000-ch-1.wav'"
    if root is None:
        raise missing(NAME, layout)
    channels: dict[Utterance, set[int]] = {}
    for directory, _, names in os.walk(root / FOLDERS[split]):
        if wavs := [name for name in names if name.lower().endswith(".wav")]:
            channels |= _in_directory(Path(directory), wavs, root / FOLDERS[split], split)
    if not channels:
        raise missing(NAME, layout, root)
    _check_complete(channels)
    found = sorted(channels, key=lambda each: each.name)
    _check_unique(found)
    return found


def _in_directory(
    where: Path, wavs: Sequence[str], top: Path, split: str
) -> dict[Utterance, set[int]]:
    """Return the channels of each utterance in one directory of the folder `top` of a split."""
    folders = DIRECTORY.fullmatch(where.relative_to(top).as_posix())
    found: dict[str, set[int]] = defaultdict(set)
    for wav in wavs:
        file = FILE.fullmatch(wav)
        channel = int(file[2] or 0) if file else 0
        if not (folders and file and channel <= CHANNELS and _agree(folders, file[1])):
            raise _invalid_name(where / wav)
        # An anechoic file counts as an utterance, whose channels may all be missing.
        found[file[1]] |= {channel} - {0}
    position = folders[1] if folders else ""
    if position not in LOUDSPEAKERS[split]:
        raise FormatError(
            f"the {split} split has no loudspeaker position {position!r}",
            where=str(where),
            expected="one of " + ", ".join(f"pos {each}" for each in LOUDSPEAKERS[split]),
        )
    return {Utterance(name, position, where): channels for name, channels in found.items()}


def _agree(folders: re.Match[str], name: str) -> bool:
    in_chapter = name.startswith(f"{folders[2]}-{folders[3]}-")
    return in_chapter and folders[4] in (None, name)


def _invalid_name(path: Path) -> FormatError:
    return FormatError(
        "the file name does not give utterance and channel",
        where=str(path),
        expected="SPEAKER-CHAPTER-NUMBER-ch-N.wav, N from 1 to 40, or ...-anechoic.wav, in "
        "pos #/SPEAKER/CHAPTER",
        hint="unpack the archive again, or remove files that do not belong to it",
    )


def _check_complete(found: dict[Utterance, set[int]]) -> None:
    expected = set(range(1, CHANNELS + 1))
    incomplete = [utterance for utterance, channels in found.items() if channels != expected]
    if not incomplete:
        return
    first = min(incomplete, key=lambda each: each.name)
    absent = ", ".join(map(str, sorted(expected - found[first])))
    others = f" (and {len(incomplete) - 1} more utterances lack some)" if incomplete[1:] else ""
    raise MissingDataError(
        f"{first.name} lacks channel {absent}{others}",
        where=str(first.folder),
        expected="40 files per utterance, ch-1 to ch-40",
        hint="unpack or download the archive again, or remove the other files of the utterance",
    )


def _check_unique(utterances: Sequence[Utterance]) -> None:
    for one, other in pairwise(utterances):
        if one.name == other.name:
            raise FormatError(
                f"{one.name} exists twice",
                where=f"{one.folder} and {other.folder}",
                expected="each utterance in one folder, because it was played back once",
                hint="keep only one of the two folder layouts",
            )
