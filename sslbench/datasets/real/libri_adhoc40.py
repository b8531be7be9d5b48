"""Libri-adhoc40: LibriSpeech replayed in an office, heard by 40 microphones spread over it.

`libri_adhoc40_layout` says which files are read, and in which frame positions are. That the walls
stand at x = 0, y = 0, x = 9.8 and y = 10.3 is an assumption, which only the search region rests on.

Two sources (`sources=2`) are the sum of two utterances as they were recorded, as in the set r2 of
Feng, Zhang and Li 2025; the set-up has one loudspeaker only.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sslbench.contracts import Dataset, DatasetRequest
from sslbench.datasets.catalogue import entry
from sslbench.datasets.formats.audio_files import open_audio
from sslbench.datasets.real.libri_adhoc40_layout import (
    CHANNELS,
    FOLDERS,
    HEIGHT,
    NAME,
    Utterance,
    find_utterances,
    loudspeaker,
    microphone_positions,
)
from sslbench.errors import FormatError, ParameterError, UnknownNameError
from sslbench.geometry import Box
from sslbench.scene import MicArray, Prediction, Recording, Scene, Tracks
from sslbench.simulation.seeding import stream
from sslbench.specs import Parameter

__all__ = [
    "PARAMETERS",
    "REGION",
    "LibriAdhoc40",
    "segment_start",
]

SAMPLE_RATE = 16000
REGION = Box((0.0, 0.0, HEIGHT), (9.8, 10.3, HEIGHT))
"""The floor of the room at the loudspeaker's height."""

T60 = 0.9
"""About what the room has, in seconds, as its authors say."""

QUIET_DB = -10.0
"""A segment whose power is this far below the mean of its utterance counts as a pause."""

GRID_SECONDS = 0.01
WHOLE = slice(None)

PARAMETERS = (
    Parameter(
        "microphones", 30, "how many of the 40, drawn for each recording", minimum=2, maximum=40
    ),
    Parameter("sources", 1, "1, or 2 for sums of two utterances", minimum=1, maximum=2),
    Parameter("seconds", 2.0, "length in s; shorter utterances are left out", minimum=0.1),
)


class LibriAdhoc40(Dataset):
    """One split; of each utterance, or pair of utterances, a segment in which somebody speaks.

    Everything that is drawn follows from the names of the utterances: the segment, the
    microphones (fewer of them are the first of more) and the second source. A smaller scale takes
    the first utterances of a larger one, in turn from each position of the loudspeaker.

    Attributes:
        skipped: number of utterances that were passed over because they are too short.

    Raises:
        MissingDataError: if the folder is not there, has nothing of the split, or an utterance
            lacks channels.
        FormatError: if names of files or folders cannot be understood, or no second source can
            be found.
        ParameterError: if no utterance is long enough.
    """

    def __init__(self, request: DatasetRequest) -> None:
        super().__init__(request)
        if request.split not in FOLDERS:
            raise UnknownNameError(
                f"{NAME} has no split {request.split!r}", expected="one of " + ", ".join(FOLDERS)
            )
        values = {each.name: each.default for each in PARAMETERS} | dict(request.params)
        self._params = {name: values[name] for name in ("microphones", "sources", "seconds")}
        self._samples = round(float(values["seconds"]) * SAMPLE_RATE)
        self._positions = microphone_positions(request.split)
        self.skipped = 0
        self._utterances = self._long_enough(_spread(find_utterances(request.root, request.split)))
        self._items = self._utterance_groups()

    def __len__(self) -> int:
        return len(self._items)

    def scene(self, index: int) -> Scene:
        """Return one recording and where its sources are.

        Raises:
            FormatError: if a file is damaged, or differs from its channel 1 in length.
        """
        item = self._items[index]
        channels = self._channels(_id(item))
        audio = sum(self._segment(utterance, channels) for utterance in item)
        recording = Recording(
            id=_id(item),
            audio=np.asarray(audio),
            sample_rate=SAMPLE_RATE,
            array=MicArray(self._positions[channels - 1]),
            times=self._times(),
            max_sources=len(item),
            region=REGION,
            conditions={"t60_s": T60},
        )
        return Scene(recording, self.truth(index)[1])

    def truth(self, index: int) -> tuple[str, Prediction]:
        """Return the id of a recording and its truth; no audio is read."""
        item = self._items[index]
        tracks = Tracks.of(self._times(), [[*map(self._place, item)]], "position")
        return _id(item), Prediction(tracks)

    def fingerprint(self) -> str:
        """Return a SHA-256 over the names and sizes of the files, and the parameters.

        The contents do not count: a test split holds 23 GB. Both layouts give the same.
        """
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        facts = {
            "name": NAME,
            "split": self.request.split,
            "microphones": self._positions.tolist(),
            "params": self._params,
        }
        total = hashlib.sha256(json.dumps(facts, sort_keys=True).encode() + b"\n")
        for each in self._utterances:
            sizes = [each.path(channel).stat().st_size for channel in range(1, CHANNELS + 1)]
            total.update(f"{each.position}/{each.name} {sizes}\n".encode())
        return total.hexdigest()

    def _times(self) -> NDArray[np.float64]:
        return np.array([self._samples / SAMPLE_RATE / 2])

    def _place(self, utterance: Utterance) -> tuple[float, float, float]:
        return loudspeaker(self.request.split, utterance.position)

    def _channels(self, recording: str) -> NDArray[np.intp]:
        """Draw the channels of a recording, from 1, in ascending order."""
        order = stream(NAME, "microphones", recording).permutation(CHANNELS) + 1
        return np.sort(order[: int(self._params["microphones"])])

    def _long_enough(self, utterances: Iterable[Utterance]) -> list[Utterance]:
        limit = entry(NAME).limit(self.request.scale)
        kept: list[Utterance] = []
        longest = 0
        for utterance in utterances:
            if len(kept) == limit:
                break
            frames = _frames(utterance)
            longest = max(longest, frames)
            kept += [utterance] * (frames >= self._samples)
            self.skipped += frames < self._samples
        if not kept:
            raise ParameterError(
                f"none of {self.skipped} utterances is {self._params['seconds']:g} s long",
                where=f"{NAME}: seconds",
                expected=f"at most {longest / SAMPLE_RATE:g} s",
            )
        return kept

    def _utterance_groups(self) -> list[tuple[Utterance, ...]]:
        """Give each utterance a second one, of another speaker at another place, if wanted."""
        if self._params["sources"] == 1:
            return [(utterance,) for utterance in self._utterances]
        places = np.array([self._place(each) for each in self._utterances])
        speakers = np.array([each.speaker for each in self._utterances])
        groups: list[tuple[Utterance, ...]] = []
        for index, first in enumerate(self._utterances):
            fit = (places != places[index]).any(axis=1) & (speakers != speakers[index])
            if not fit.any():
                raise FormatError(
                    f"{first.name} finds no second source",
                    where=str(first.folder),
                    expected="an utterance of another speaker, replayed from another position",
                    hint="unpack all positions of the split, or take sources=1",
                )
            drawn = stream(NAME, "second source", first.name).choice(np.flatnonzero(fit))
            groups.append((first, self._utterances[drawn]))
        return groups

    def _segment(self, utterance: Utterance, channels: NDArray[np.intp]) -> NDArray[np.float32]:
        """Read a segment of some channels, shape (channels, samples)."""
        # Channel 1 decides, whichever are drawn, so that all hear the same seconds.
        whole = _read(utterance, 1)
        start = segment_start(whole, self._samples, stream(NAME, "segment", utterance.name))
        part = slice(start, start + self._samples)
        return np.stack([_read(utterance, int(n), part, len(whole)) for n in channels])


def segment_start(signal: NDArray[np.float32], samples: int, rng: np.random.Generator) -> int:
    """Draw the first sample of a segment in which something sounds.

    Starts are drawn evenly from those, 10 ms apart, whose segment has a power of at least
    `QUIET_DB` below the signal's mean; the loudest is taken where there is none.

    Args:
        signal: shape (at least `samples`,).
        samples: length of the segment.
        rng: decides which.
    """
    energy = np.concatenate([[0.0], np.cumsum(np.square(signal, dtype=float))])
    starts = np.arange(0, len(signal) - samples + 1, round(GRID_SECONDS * SAMPLE_RATE))
    power = (energy[starts + samples] - energy[starts]) / samples
    loud = starts[power >= 10 ** (QUIET_DB / 10) * energy[-1] / len(signal)]
    return int(rng.choice(loud) if len(loud) else starts[power.argmax()])


def _id(item: Sequence[Utterance]) -> str:
    return "+".join(utterance.name for utterance in item)


def _frames(utterance: Utterance) -> int:
    with _opened(utterance, 1) as file:
        return int(file.frames)


@contextmanager
def _opened(utterance: Utterance, channel: int) -> Iterator[Any]:
    path = utterance.path(channel)
    with open_audio(path) as file:
        if not file.frames:
            raise _damaged(path, "holds no samples")
        if file.samplerate != SAMPLE_RATE or file.channels != 1:
            channels = "mono" if file.channels == 1 else f"{file.channels} channels"
            raise _damaged(path, f"{channels} at {file.samplerate} Hz")
        yield file


def _read(
    utterance: Utterance, channel: int, part: slice = WHOLE, frames: int | None = None
) -> NDArray[np.float32]:
    """Read a part of one channel, shape (samples,), after comparing its length with `frames`."""
    path = utterance.path(channel)
    with _opened(utterance, channel) as file:
        if frames is not None and file.frames != frames:
            raise _damaged(path, f"{file.frames} samples where channel 1 has {frames}")
        start, stop, _ = part.indices(file.frames)
        file.seek(start)
        audio: NDArray[np.float32] = file.read(stop - start, dtype="float32")
    if len(audio) < stop - start:
        raise _damaged(path, f"ends {stop - start - len(audio)} samples before its header says")
    if not np.isfinite(audio).all():
        raise _damaged(path, "holds samples that are no numbers")
    if not audio.any():
        raise _damaged(path, "is silent: every sample is zero")
    return audio


def _damaged(path: Path, what: str) -> FormatError:
    utterance, channel = path.stem.rsplit("-ch-", 1)
    return FormatError(
        f"channel {channel} of {utterance}: {what}",
        where=str(path),
        expected=f"a mono wav at {SAMPLE_RATE} Hz, as long as the other channels",
        hint="unpack or download the archive again",
    )


def _spread(utterances: Iterable[Utterance]) -> list[Utterance]:
    """Put utterances in a fixed order in which positions alternate and speakers are mixed."""
    positions: dict[str, list[Utterance]] = defaultdict(list)
    for each in sorted(utterances, key=lambda each: hashlib.sha256(each.name.encode()).digest()):
        positions[each.position].append(each)
    rounds = zip_longest(*(positions[name] for name in sorted(positions)))
    return [each for turn in rounds for each in turn if each is not None]
