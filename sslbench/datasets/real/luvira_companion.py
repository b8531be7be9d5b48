"""Simulated frames that Berg et al. 2024 train with beside the real ones: as many, in a like room.

Each real training frame has one. A source at a random position plays the recording of the source's
own microphone, shifted by up to 50 ms, in the room of `luvira-sim`, to the microphones of the real
recording. The paper gives the T60 (uniform from 0 to 0.4 s) and says that noise is added, not how
much: here white noise at a signal-to-noise ratio drawn uniformly from 10 to 30 dB.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sslbench.array_types import Floats
from sslbench.cores import usable_cores
from sslbench.datasets.real.luvira_conversion import RATE
from sslbench.datasets.real.luvira_frames import FRAME
from sslbench.datasets.simulated.cache import RenderCache, Rendered, RenderedScene
from sslbench.datasets.simulated.luvira_sim import MIN_MICROPHONE_DISTANCE, REGION, ROOM
from sslbench.geometry import Box
from sslbench.scene import MicArray, Prediction, Recording, Scene, Tracks
from sslbench.simulation.filters import convolve
from sslbench.simulation.noise import add_noise, white_noise
from sslbench.simulation.reverberant import ShoeBox, shoebox_rirs
from sslbench.simulation.seeding import stream
from sslbench.simulation.t60 import walls_for

__all__ = ["Companion", "Played"]

SHIFT = 0.05
"""Largest shift of the signal in seconds."""

FAINT = 0.1
"""Share of the power of a frame below which a shift is not applied: it leads into a pause."""

T60 = (0.0, 0.4)
SNR_DB = (10.0, 30.0)

CHUNK = 20

VERSION = 1
"""Raised when the simulation changes."""


@dataclass(frozen=True, eq=False)
class Played:
    """What is played, and to which microphones.

    Args:
        id: of the real recording.
        signal: of the source's own microphone, shape (samples,).
        starts: first samples of the real frames, shape (frames,).
        microphones: positions in metres, shape (microphones, 3).
    """

    id: str
    signal: NDArray[np.float32]
    starts: NDArray[np.int64]
    microphones: Floats


class Companion:
    """Scenes of one simulated frame each.

    Args:
        played: the real training recordings.
        region: in which sources are sought.
        reference: whether a recording has the signal that is played.
        cache: folder for the rendered audio.
    """

    def __init__(
        self, played: Sequence[Played], region: Box, *, reference: bool, cache: Path
    ) -> None:
        self.played = played
        self.region = region
        self.reference = reference
        self._frames = [
            (recording, row)
            for recording, each in enumerate(played)
            for row in range(len(each.starts))
        ]
        key = _digest(played)
        folder = cache / f"companion-{key[:16]}"
        self._cache = RenderCache(folder, key, len(self), CHUNK, _Renderer(played, self._frames))

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self._frames)

    def scene(self, index: int) -> Scene:
        """Return one frame, after rendering its chunk if that is not in the cache."""
        played = self.played[self._frames[index][0]]
        rendered = self._cache.row(index)
        name, truth = self.truth(index)
        shown = Recording(
            id=name,
            audio=rendered.audio[:-1],
            sample_rate=RATE,
            array=MicArray(played.microphones),
            times=truth.tracks.times,
            frame=FRAME / RATE,
            region=self.region,
            reference=rendered.audio[-1] if self.reference else None,
            conditions=rendered.conditions,
        )
        return Scene(shown, truth, {"trajectory": played.id})

    def truth(self, index: int) -> tuple[str, Prediction]:
        """Return id and position of a frame."""
        recording, row = self._frames[index]
        played = self.played[recording]
        times = np.array([FRAME / 2 / RATE])
        xyz = _position(played, row)[None, None]
        name = f"{played.id}-simulated-{row:05d}"
        return name, Prediction(Tracks.of(times, xyz, "position"))

    def prepare(self) -> None:
        """Render all frames that are not in the cache."""
        self._cache.fill("simulating the companion of luvira", usable_cores())


class _Renderer:
    """Renders frames; it can be sent to another process."""

    def __init__(self, played: Sequence[Played], frames: Sequence[tuple[int, int]]) -> None:
        self.played = played
        self.frames = frames

    def __call__(self, indices: range) -> Rendered:
        return Rendered.of([self._render(*self.frames[index]) for index in indices])

    def _render(self, recording: int, row: int) -> RenderedScene:
        played = self.played[recording]
        rng = stream("luvira", played.id, "simulated frame", row)
        t60, snr_db = rng.uniform(*T60), rng.uniform(*SNR_DB)
        room = ShoeBox((7.0, 8.0, 2.0), walls_for(t60, ROOM.size))
        source, mics = _position(played, row) - ROOM.low, played.microphones - ROOM.low
        rirs = shoebox_rirs(room, source, mics, RATE)
        lead = rirs.shape[1]
        signal = _shifted(played, row, lead, round(float(rng.uniform(-SHIFT, SHIFT)) * RATE))
        clean = convolve(signal, rirs, lead, FRAME)
        audio = add_noise(clean, white_noise(clean.shape, rng), snr_db)
        about = {"t60_wanted_s": round(t60, 4), "snr_db": round(snr_db, 2)}
        return RenderedScene(np.concatenate([audio, signal[None, lead:]]), about)


def _digest(played: Sequence[Played]) -> str:
    """Return a SHA-256 of all that the audio depends on."""
    total = hashlib.sha256(f"{VERSION}".encode())
    for each in played:
        total.update(each.id.encode())
        for array in (each.signal, each.starts, each.microphones):
            total.update(np.ascontiguousarray(array).tobytes())
    return total.hexdigest()


def _position(played: Played, row: int) -> Floats:
    """Return a random position that is not too near to a microphone, shape (3,)."""
    rng = stream("luvira", played.id, "simulated position", row)
    while True:
        position: Floats = rng.uniform(REGION.low, REGION.high)
        if np.linalg.norm(played.microphones - position, axis=1).min() >= MIN_MICROPHONE_DISTANCE:
            return position


def _shifted(played: Played, row: int, lead: int, shift: int) -> NDArray[np.float32]:
    """Return a shifted frame with `lead` samples before it; zeros where there is no signal."""
    start = int(played.starts[row])
    still, moved = (_excerpt(played.signal, at, lead) for at in (start, start + shift))
    audible = np.square(moved[lead:]).mean() >= FAINT * np.square(still[lead:]).mean()
    return moved if audible else still


def _excerpt(signal: NDArray[np.float32], start: int, lead: int) -> NDArray[np.float32]:
    first, last = start - lead, start + FRAME
    found = signal[max(0, first) : max(0, last)]
    return np.pad(found, (max(0, -first), max(0, last - max(len(signal), first))))
