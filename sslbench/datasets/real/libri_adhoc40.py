"""Libri-adhoc40: LibriSpeech played back in an office and recorded by 40 distributed microphones.

`libri_adhoc40_layout` describes the files and the coordinate frame. That the walls are at x = 0,
y = 0, x = 9.8 and y = 10.3 is an assumption, on which only the search region depends.

With two sources (`sources=2`), a recording is the sum of the recordings of two utterances, as in
the set r2 of Feng, Zhang and Li 2025, because the set-up has only one loudspeaker.
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
from sslbench.simulation.sources import loud_starts
from sslbench.specs import Parameter

__all__ = ["PARAMETERS", "REGION", "LibriAdhoc40"]

SAMPLE_RATE = 16000
REGION = Box((0.0, 0.0, HEIGHT), (9.8, 10.3, HEIGHT))
"""The floor plan of the room at the height of the loudspeaker."""

T60 = 0.9
"""Approximate T60 of the room in seconds according to its authors."""

WHOLE = slice(None)

PARAMETERS = (
    Parameter(
        "microphones",
        30,
        "number of microphones, drawn from the 40 for each recording",
        minimum=2,
        maximum=40,
    ),
    Parameter(
        "sources", 1, "number of sources; 2 for the sum of two utterances", minimum=1, maximum=2
    ),
    Parameter(
        "seconds", 2.0, "length of a recording in s; shorter utterances are skipped", minimum=0.1
    ),
)


class LibriAdhoc40(Dataset):
    """One split: a segment that is not a pause from each utterance or pair of utterances.

    All random choices depend only on the names of the utterances: the segment, the microphones
    (a smaller number is a subset of a larger one) and the second source. A smaller scale uses the
    first utterances of a larger one, which alternate between the positions of the loudspeaker.

    Attributes:
        skipped: number of utterances that were skipped because they are too short.

    Raises:
        MissingDataError: if the folder or the split does not exist, or an utterance lacks channels.
        FormatError: if the name of a file or folder is invalid, or an utterance has no second
            source.
        ParameterError: if no utterance is long enough.
        UnknownNameError: if there is no such split.
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
        """Return one recording with its ground truth.

        Raises:
            FormatError: if a file is damaged, or its length differs from that of channel 1.
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
        talkers = "+".join(utterance.name.partition("-")[0] for utterance in item)
        return Scene(recording, self.truth(index)[1], {"talker": talkers})

    def truth(self, index: int) -> tuple[str, Prediction]:
        """Return the id and the ground truth of a recording without reading audio."""
        item = self._items[index]
        tracks = Tracks.of(self._times(), [[*map(self._place, item)]], "position")
        return _id(item), Prediction(tracks)

    def report(self) -> Sequence[str]:
        """Return how many utterances were skipped."""
        seconds = f"{float(self._params['seconds']):g} s"
        return [f"{self.skipped} utterances were skipped, because they are shorter than {seconds}"]

    def fingerprint(self) -> str:
        """Return a SHA-256 of the names and sizes of the files and of the parameters.

        The contents are not included, because a test split has 23 GB. Both folder layouts give the
        same fingerprint.
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
        """Return the channels of a recording, counted from 1, in ascending order."""
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
                f"all {self.skipped} utterances are shorter than {self._params['seconds']:g} s",
                where=f"{NAME}: seconds",
                expected=f"at most {longest / SAMPLE_RATE:g} s",
            )
        return kept

    def _utterance_groups(self) -> list[tuple[Utterance, ...]]:
        """Pair each utterance with one of another speaker and position if there are 2 sources."""
        if self._params["sources"] == 1:
            return [(utterance,) for utterance in self._utterances]
        places = np.array([self._place(each) for each in self._utterances])
        speakers = np.array([each.speaker for each in self._utterances])
        groups: list[tuple[Utterance, ...]] = []
        for index, first in enumerate(self._utterances):
            fit = (places != places[index]).any(axis=1) & (speakers != speakers[index])
            if not fit.any():
                raise FormatError(
                    f"there is no second source for {first.name}",
                    where=str(first.folder),
                    expected="an utterance of another speaker, played back from another position",
                    hint="unpack all positions of the split, or use sources=1",
                )
            drawn = stream(NAME, "second source", first.name).choice(np.flatnonzero(fit))
            groups.append((first, self._utterances[drawn]))
        return groups

    def _segment(self, utterance: Utterance, channels: NDArray[np.intp]) -> NDArray[np.float32]:
        """Read a segment of some channels, shape (channels, samples)."""
        # Channel 1 decides in every case, so that the segment does not depend on the channels.
        whole = _read(utterance, 1)
        starts = loud_starts(whole, self._samples, SAMPLE_RATE)
        start = int(stream(NAME, "segment", utterance.name).choice(starts))
        part = slice(start, start + self._samples)
        return np.stack([_read(utterance, int(n), part, len(whole)) for n in channels])


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
            raise _damaged(path, "contains no samples")
        if file.samplerate != SAMPLE_RATE or file.channels != 1:
            channels = "mono" if file.channels == 1 else f"{file.channels} channels"
            raise _damaged(path, f"{channels} at {file.samplerate} Hz")
        yield file


def _read(
    utterance: Utterance, channel: int, part: slice = WHOLE, frames: int | None = None
) -> NDArray[np.float32]:
    """Read a part of one channel, shape (samples,), after checking that it has `frames` samples."""
    path = utterance.path(channel)
    with _opened(utterance, channel) as file:
        if frames is not None and file.frames != frames:
            raise _damaged(path, f"{file.frames} samples, but channel 1 has {frames}")
        start, stop, _ = part.indices(file.frames)
        file.seek(start)
        audio: NDArray[np.float32] = file.read(stop - start, dtype="float32")
    if len(audio) < stop - start:
        lacking = stop - start - len(audio)
        raise _damaged(path, f"has {lacking} samples fewer than its header announces")
    if not np.isfinite(audio).all():
        raise _damaged(path, "has NaN or infinite samples")
    if not audio.any():
        raise _damaged(path, "is silent: all samples are zero")
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
    """Return utterances in a fixed order with alternating positions and mixed speakers."""
    positions: dict[str, list[Utterance]] = defaultdict(list)
    for each in sorted(utterances, key=lambda each: hashlib.sha256(each.name.encode()).digest()):
        positions[each.position].append(each)
    rounds = zip_longest(*(positions[name] for name in sorted(positions)))
    return [each for turn in rounds for each in turn if each is not None]
