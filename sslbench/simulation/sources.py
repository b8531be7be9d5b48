"""The source bank: signals of one split, and excerpts of them in which something sounds.

Train, validation and test never share a signal. Built-in signals come from random streams named
by the split; the files of a folder are dealt out to the splits once, and in a LibriSpeech tree
(``<speaker>/<chapter>/<speaker>-<chapter>-<utterance>.flac``) whole speakers are.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sslbench.errors import FormatError, MissingDataError
from sslbench.simulation import synthesis
from sslbench.simulation.seeding import stream

__all__ = ["GENRES", "Genre", "SourceBank", "folder_identity", "split_files"]

Signal = NDArray[np.float32]
Genre = Literal["speech", "music", "both", "swing"]
GENRES: tuple[Genre, ...] = ("speech", "music", "both", "swing")
"""`both` is speech and music by turns; `swing` is music in another style."""

MAKERS = {"speech": synthesis.speech, "music": synthesis.music, "swing": synthesis.swing}

BUILT_IN = {"train": 48, "validation": 12, "test": 24}
"""How many built-in signals (voices, pieces of music) each split has."""

BUILT_IN_SECONDS = 8.0
QUIET_DB = -10.0
"""An excerpt whose power is this far below the mean of its signal counts as a pause."""

GRID_SECONDS = 0.01
FILES = 400
"""Most files of a folder that one split uses, and..."""

FILE_SECONDS = 30.0
"""... most seconds of each: a bank is held in memory."""

SUFFIXES = {".wav", ".flac", ".ogg", ".aiff", ".aif", ".mp3"}
UTTERANCE = re.compile(r"(\d+)-(\d+)-\d+")


class SourceBank:
    """Signals in memory, and excerpts cut from them within microseconds.

    Args:
        signals: each of shape (samples,).
        names: what to call each in an error message.
        sample_rate: in Hz.

    Raises:
        FormatError: if a signal is silent or not finite.
    """

    def __init__(self, signals: Sequence[Signal], names: Sequence[str], sample_rate: int) -> None:
        for signal, name in zip(signals, names, strict=True):
            if not np.isfinite(signal).all() or not signal.any():
                raise FormatError(
                    "nothing can be heard in it", where=name, expected="finite audio, not silence"
                )
        self.signals = tuple(signals)
        self.sample_rate = sample_rate
        # One bank serves excerpts of few lengths; where they may start is worked out once each.
        self._starts: Callable[[int, int], NDArray[np.intp]] = cache(self._find_starts)

    @classmethod
    def built_in(cls, genre: Genre, split: str, sample_rate: int) -> SourceBank:
        """Make the built-in signals of a split; about a second of work."""
        count = BUILT_IN.get(split, BUILT_IN["test"])
        signals, names = [], []
        for index in range(count):
            sort = genre if genre != "both" else ("speech", "music")[index % 2]
            rng = stream("built-in source", sort, split, index)
            signals.append(MAKERS[sort](rng, BUILT_IN_SECONDS, sample_rate))
            names.append(f"built-in {sort} {split} {index}")
        return cls(signals, names, sample_rate)

    @classmethod
    def from_folder(cls, folder: Path, split: str, sample_rate: int) -> SourceBank:
        """Read the files of a folder that belong to a split, resampled with soxr.

        Raises:
            MissingDataError: if the folder is missing or has too few files for three splits.
            FormatError: if a file is no audio, or silent.
        """
        files = split_files(folder, split)
        signals = [_read(file, sample_rate) for file in files]
        return cls(signals, [str(file) for file in files], sample_rate)

    @classmethod
    def open(cls, folder: str, genre: Genre, split: str, sample_rate: int) -> SourceBank:
        """Open a folder if one is named (`genre` is then as it comes), else the built-in bank."""
        if folder:
            return cls.from_folder(Path(folder).expanduser(), split, sample_rate)
        return cls.built_in(genre, split, sample_rate)

    def excerpt(self, rng: np.random.Generator, samples: int, lead: int = 0) -> Signal:
        """Cut an excerpt in which something sounds, shape (lead + samples,).

        Starts are drawn evenly from all those, 10 ms apart, after which `samples` of the signal
        have a power of at least `QUIET_DB` below the signal's mean. Signals that are too short
        are followed by silence.

        Args:
            rng: decides which.
            samples: how many, after the lead.
            lead: samples before them, whatever they are: what still rings when they begin.
        """
        starts = self._starts(samples, lead)
        which, start = starts[rng.integers(len(starts))]
        piece = self.signals[which][start : start + lead + samples]
        return np.pad(piece, (0, lead + samples - len(piece)))

    def _find_starts(self, samples: int, lead: int) -> NDArray[np.intp]:
        hop = round(GRID_SECONDS * self.sample_rate)
        found = []
        for which, signal in enumerate(self.signals):
            energy = np.concatenate([[0.0], np.cumsum(signal.astype(float) ** 2)])
            starts = np.arange(0, max(len(signal) - lead - samples, 0) + 1, hop)
            begin = np.minimum(starts + lead, len(signal))
            end = np.minimum(begin + samples, len(signal))
            power = (energy[end] - energy[begin]) / samples
            loud = starts[power >= 10 ** (QUIET_DB / 10) * energy[-1] / len(signal)]
            kept = loud if len(loud) else starts[[power.argmax()]]
            found.append(np.stack([np.full(len(kept), which), kept], axis=1))
        return np.concatenate(found)


def split_files(folder: Path, split: str) -> list[Path]:
    """Return the files of a folder that belong to a split, at most `FILES`, in a fixed order.

    Of all groups (speakers of a LibriSpeech tree, else single files) a fifth goes to `test`, a
    tenth to `validation`, at least one to each, and the rest to `train`.

    Raises:
        MissingDataError: if the folder is missing or has fewer than three groups.
    """
    groups = _groups(folder)
    names = sorted(groups)
    order = stream("source folder", *names).permutation(len(names))
    test, validation = max(1, len(names) // 5), max(1, len(names) // 10)
    parts = {
        "test": order[:test],
        "validation": order[test : test + validation],
        "train": order[test + validation :],
    }
    mine = [groups[names[k]] for k in parts.get(split, parts["test"])]
    # Turn by turn, so that a cap on the files does not cap the speakers.
    longest = max(len(group) for group in mine)
    turns = [group[k] for k in range(longest) for group in mine if k < len(group)]
    return turns[:FILES]


def _groups(folder: Path) -> dict[str, list[Path]]:
    if not folder.is_dir():
        raise MissingDataError(
            "the folder of source signals is not there",
            where=str(folder),
            expected="a folder of audio files (wav, flac, ogg, ...), e.g. a LibriSpeech tree",
            hint="correct `sources=`, or leave it out to use the built-in signals",
        )
    groups: dict[str, list[Path]] = {}
    for file in sorted(folder.rglob("*")):
        if file.suffix.lower() in SUFFIXES and file.is_file():
            groups.setdefault(_group(file, folder), []).append(file)
    if len(groups) < 3:
        raise MissingDataError(
            f"{len(groups)} independent source signals",
            where=str(folder),
            expected="at least three files, or three speakers of a LibriSpeech tree: train, "
            "validation and test never share one",
            hint="add files, or leave `sources=` out to use the built-in signals",
        )
    return groups


def _group(file: Path, folder: Path) -> str:
    match = UTTERANCE.fullmatch(file.stem)
    chapter = file.parent
    if match and (chapter.parent.name, chapter.name) == match.groups():
        return f"speaker {match[1]}"
    return file.relative_to(folder).as_posix()


def folder_identity(folder: Path, split: str) -> str:
    """Return a SHA-256 over names and contents of the files that a split uses.

    Raises:
        MissingDataError: as `split_files`.
    """
    digest = hashlib.sha256()
    for file in split_files(folder, split):
        digest.update(file.relative_to(folder).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def _read(file: Path, sample_rate: int) -> Signal:
    import soundfile
    import soxr

    try:
        with soundfile.SoundFile(file) as opened:
            rate = opened.samplerate
            audio = opened.read(int(FILE_SECONDS * rate), dtype="float32", always_2d=True)
    except (OSError, soundfile.SoundFileError) as error:
        raise FormatError(
            f"cannot be read: {error}",
            where=str(file),
            expected="an audio file that libsndfile can read",
            hint="take it out of the folder",
        ) from error
    mono = soxr.resample(np.ascontiguousarray(audio[:, 0]), rate, sample_rate)
    power = float(np.mean(np.square(mono, dtype=float))) if len(mono) else 0.0
    # Silence stays silent here; the bank names the file.
    gain = synthesis.LEVEL / np.sqrt(power) if power > 0 else 1.0
    return np.asarray(mono * gain, dtype=np.float32)
