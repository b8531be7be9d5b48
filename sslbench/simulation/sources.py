"""The source bank: the source signals of one split, and excerpts from them that are not silent.

Train, validation and test never share a signal. Built-in signals come from random streams named
after the split. The files of a folder are divided among the splits; in a LibriSpeech tree
(``<speaker>/<chapter>/<speaker>-<chapter>-<utterance>.flac``) all files of a speaker go to the same
split.
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

from sslbench.acoustics.resampling import resample
from sslbench.array_types import Floats, Integers
from sslbench.errors import FormatError, MissingDataError
from sslbench.simulation import synthesis
from sslbench.simulation.seeding import stream

__all__ = ["GENRES", "Genre", "SourceBank", "folder_identity", "loud_starts", "split_files"]

Signal = NDArray[np.float32]
Genre = Literal["speech", "music", "both", "swing"]
GENRES: tuple[Genre, ...] = ("speech", "music", "both", "swing")
"""`both` alternates between speech and music; `swing` is music in a different style."""

MAKERS = {"speech": synthesis.speech, "music": synthesis.music, "swing": synthesis.swing}

BUILT_IN = {"train": 48, "validation": 12, "test": 24}
"""Number of built-in signals (voices or pieces of music) per split."""

BUILT_IN_SECONDS = 8.0
QUIET_DB = -10.0
"""An excerpt counts as a pause if its power is this many dB below the mean of its signal."""

GRID_SECONDS = 0.01
"""Spacing of the possible starts of an excerpt."""

FILES = 400
"""Maximum number of files of a folder that one split uses, since a bank is held in memory."""

FILE_SECONDS = 30.0
"""Maximum number of seconds that are read from each file."""

SUFFIXES = {".wav", ".flac", ".ogg", ".aiff", ".aif", ".mp3"}
UTTERANCE = re.compile(r"(\d+)-(\d+)-\d+")


class SourceBank:
    """Source signals in memory, from which excerpts are cut within microseconds.

    Args:
        signals: arrays of shape (samples,).
        names: names of the signals for error messages.
        sample_rate: in Hz.
        talkers: who speaks or plays in each signal; by default, its name.

    Raises:
        FormatError: if a signal is silent or not finite.
    """

    def __init__(
        self,
        signals: Sequence[Signal],
        names: Sequence[str],
        sample_rate: int,
        talkers: Sequence[str] = (),
    ) -> None:
        for signal, name in zip(signals, names, strict=True):
            if not np.isfinite(signal).all() or not signal.any():
                raise FormatError(
                    "the source signal is silent or not finite",
                    where=name,
                    expected="audio with finite samples that are not all zero",
                )
        self.signals = tuple(signals)
        self.talkers = tuple(talkers or names)
        self.sample_rate = sample_rate
        # A bank serves excerpts of few different lengths: the starts are computed once per length.
        self._starts: Callable[[int, int], Integers] = cache(self._find_starts)

    @classmethod
    def built_in(cls, genre: Genre, split: str, sample_rate: int) -> SourceBank:
        """Generate the built-in signals of a split, which takes about a second."""
        count = BUILT_IN.get(split, BUILT_IN["test"])
        signals, names = [], []
        for index in range(count):
            kind = genre if genre != "both" else ("speech", "music")[index % 2]
            rng = stream("built-in source", kind, split, index)
            signals.append(MAKERS[kind](rng, BUILT_IN_SECONDS, sample_rate))
            names.append(f"built-in {kind} {split} {index}")
        return cls(signals, names, sample_rate)

    @classmethod
    def from_folder(cls, folder: Path, split: str, sample_rate: int) -> SourceBank:
        """Read the files of a folder that belong to a split, and resample them.

        Raises:
            MissingDataError: if the folder is missing or has too few files for three splits.
            FormatError: if a file is not audio, or is silent.
        """
        files = split_files(folder, split)
        signals = [_read(file, sample_rate) for file in files]
        names = [str(file) for file in files]
        return cls(signals, names, sample_rate, [_group(file, folder) for file in files])

    @classmethod
    def open(cls, folder: str, genre: Genre, split: str, sample_rate: int) -> SourceBank:
        """Return the bank of a folder (`genre` is then ignored), or the built-in bank if empty."""
        if folder:
            return cls.from_folder(Path(folder).expanduser(), split, sample_rate)
        return cls.built_in(genre, split, sample_rate)

    def excerpt(self, rng: np.random.Generator, samples: int, lead: int = 0) -> Signal:
        """Cut a random excerpt that is not silent, shape (lead + samples,).

        The start is drawn uniformly from all `loud_starts` of all signals. Signals that are too
        short are padded with zeros.

        Args:
            rng: random generator for the choice of the excerpt.
            samples: length without the lead.
            lead: number of samples in front, of any level, whose reverberation is still present
                when the excerpt begins.
        """
        starts = self._starts(samples, lead)
        return self._cut(starts[rng.integers(len(starts))], samples, lead)

    def excerpts(
        self, rng: np.random.Generator, count: int, samples: int, lead: int = 0
    ) -> tuple[str, Signal]:
        """Cut several excerpts of one signal, as `excerpt` cuts one.

        Returns:
            The talker, and the excerpts, shape (count, lead + samples).
        """
        starts = self._starts(samples, lead)
        which = starts[rng.integers(len(starts))][0]
        own = starts[starts[:, 0] == which]
        chosen = own[rng.integers(len(own), size=count)]
        return self.talkers[which], np.stack([self._cut(each, samples, lead) for each in chosen])

    def _cut(self, place: Integers, samples: int, lead: int) -> Signal:
        which, start = place
        piece = self.signals[which][start : start + lead + samples]
        return np.pad(piece, (0, lead + samples - len(piece)))

    def _find_starts(self, samples: int, lead: int) -> Integers:
        """Return index of the signal and start of all possible excerpts, shape (starts, 2)."""
        found = []
        for index, signal in enumerate(self.signals):
            starts = loud_starts(signal, samples, self.sample_rate, lead)
            found.append(np.stack([np.full(len(starts), index), starts], axis=1))
        return np.concatenate(found)


def loud_starts(signal: Signal, samples: int, sample_rate: int, lead: int = 0) -> Integers:
    """Return the starts, in samples, of the sections of a signal that are not pauses.

    Starts are multiples of 10 ms. A section is not a pause if its power is at least `QUIET_DB`
    relative to the mean power of the signal; if all are, the loudest section is returned.

    Args:
        signal: shape (at least one sample,).
        samples: length of a section; it is shorter only if the whole signal is.
        sample_rate: in Hz.
        lead: number of samples between a start and its section.
    """
    energy: Floats = np.concatenate([[0.0], np.cumsum(np.square(signal, dtype=float))])
    hop = round(GRID_SECONDS * sample_rate)
    starts = np.arange(0, max(len(signal) - lead - samples, 0) + 1, hop)
    begin = np.minimum(starts + lead, len(signal))
    end = np.minimum(begin + samples, len(signal))
    power = (energy[end] - energy[begin]) / samples
    loud = starts[power >= 10 ** (QUIET_DB / 10) * energy[-1] / len(signal)]
    return loud if len(loud) else starts[[power.argmax()]]


def split_files(folder: Path, split: str) -> list[Path]:
    """Return the files of a folder that belong to a split, at most `FILES`, in a fixed order.

    A group is a speaker of a LibriSpeech tree, or a single file elsewhere. A fifth of the groups
    goes to `test`, a tenth to `validation` (at least one to each), and the rest to `train`.

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
    # One file of each group in turn, so that the limit on files keeps all speakers.
    longest = max(len(group) for group in mine)
    turns = [group[k] for k in range(longest) for group in mine if k < len(group)]
    return turns[:FILES]


def _groups(folder: Path) -> dict[str, list[Path]]:
    if not folder.is_dir():
        raise MissingDataError(
            "the folder of source signals does not exist",
            where=str(folder),
            expected="a folder of audio files (wav, flac, ogg, ...), e.g. a LibriSpeech tree",
            hint="correct `sources=` or leave it out to use the built-in signals",
        )
    groups: dict[str, list[Path]] = {}
    for file in sorted(folder.rglob("*")):
        if file.suffix.lower() in SUFFIXES and file.is_file():
            groups.setdefault(_group(file, folder), []).append(file)
    if len(groups) < 3:
        raise MissingDataError(
            f"{len(groups)} independent source signals are too few",
            where=str(folder),
            expected="at least three files, or three speakers of a LibriSpeech tree, since train, "
            "validation and test share none",
            hint="add files or leave out `sources=` to use the built-in signals",
        )
    return groups


def _group(file: Path, folder: Path) -> str:
    match = UTTERANCE.fullmatch(file.stem)
    chapter = file.parent
    if match and (chapter.parent.name, chapter.name) == match.groups():
        return f"speaker {match[1]}"
    return file.relative_to(folder).as_posix()


def folder_identity(folder: Path, split: str) -> str:
    """Return a SHA-256 of the names and contents of the files that a split uses.

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

    try:
        with soundfile.SoundFile(file) as opened:
            rate = opened.samplerate
            audio = opened.read(int(FILE_SECONDS * rate), dtype="float32", always_2d=True)
    except (OSError, soundfile.SoundFileError) as error:
        raise FormatError(
            f"cannot be read: {error}",
            where=str(file),
            expected="an audio file that libsndfile can read",
            hint="remove it from the folder",
        ) from error
    mono = resample(audio[:, :1].T, rate, sample_rate)[0]
    power = float(np.mean(np.square(mono, dtype=float))) if len(mono) else 0.0
    # A silent file is left as it is: the bank then reports it by name.
    gain = synthesis.LEVEL / np.sqrt(power) if power > 0 else 1.0
    return np.asarray(mono * gain, dtype=np.float32)
