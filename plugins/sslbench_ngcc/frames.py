"""Frames with known delays: what the network learns from, and is evaluated on."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sslbench.acoustics.gcc import largest_lag
from sslbench.array_types import Floats
from sslbench.contracts import Dataset
from sslbench.scene import MicArray, Scene
from sslbench.training.clips import cut_clips, resampled
from sslbench.training.examples import Arrays, ExampleSet

__all__ = [
    "RATE",
    "SAMPLES",
    "Frame",
    "RandomMicrophones",
    "known_frame",
    "network_input",
    "normalized",
]

RATE = 16000
"""Sample rate of the network in Hz."""

SAMPLES = 2048
"""Length of a frame."""

FADE = 256
"""Samples of the fade at each end of a frame."""

ROUNDING = 1e-6
"""Standard deviation, relative to the largest sample, up to which a frame is constant."""


@dataclass(frozen=True, eq=False)
class Frame:
    """A frame of one source and the microphones of known position.

    Args:
        audio: float32, shape (microphones, SAMPLES), at RATE.
        arrivals: travel time of the sound to each microphone in samples, shape (microphones,);
            NaN where the source is not active.
        max_lag: largest delay that the array allows in samples.
        samples_per_metre: sample rate over speed of sound.
    """

    audio: NDArray[np.float32]
    arrivals: Floats
    max_lag: int
    samples_per_metre: float


def known_frame(scene: Scene) -> Frame:
    """Return the frame of a scene with one requested time."""
    recording = scene.recording
    positions = recording.array.positions
    assert positions is not None, "checked before training"
    known = np.flatnonzero(np.isfinite(positions).all(axis=1))
    chosen = replace(recording, audio=recording.audio[known], array=MicArray(positions[known]))
    (clip,) = cut_clips(resampled(chosen, RATE), SAMPLES)
    mics, rate = positions[known], RATE / recording.speed_of_sound
    tracks = scene.truth.tracks
    source = tracks.xyz[0, 0] if tracks.active[0, :1].any() else np.full(3, np.nan)
    distance: Floats = np.linalg.norm(mics - source, axis=1)
    max_lag = largest_lag(mics, RATE, recording.speed_of_sound)
    return Frame(clip.audio, distance * rate, max_lag, rate)


def network_input(frames: Tensor) -> Tensor:
    """Return frames of zero mean and unit standard deviation, faded in and out; silent ones are 0.

    The published network has no fade. Without it the ends of a frame are steps at the same time in
    all microphones, and the GCC-PHAT has a peak at lag 0 whatever the delay is: of 1.2 standard
    deviations on frames of `luvira-sim`, and 0.25 with the fade.

    Args:
        frames: shape (..., SAMPLES).
    """
    fade = torch.hann_window(2 * FADE, periodic=False, device=frames.device)
    middle = torch.ones(SAMPLES - 2 * FADE, device=frames.device)
    return normalized(frames) * torch.cat([fade[:FADE], middle, fade[FADE:]])


def normalized(frames: Tensor) -> Tensor:
    """Return frames of zero mean and unit standard deviation; silent ones are zero.

    Args:
        frames: shape (..., samples).
    """
    centred = frames - frames.mean(dim=-1, keepdim=True)
    deviation = centred.square().mean(dim=-1, keepdim=True).sqrt()
    # The rounding errors of a constant frame are no signal.
    audible = deviation > ROUNDING * frames.abs().amax(dim=-1, keepdim=True)
    return centred / torch.where(audible, deviation, torch.inf)


class RandomMicrophones(ExampleSet):
    """Frames of random microphones in random order, chosen anew in every epoch.

    Args:
        scenes: with one requested time each.
        size: number of examples of an epoch; scenes are repeated if there are fewer.
        microphones: of an example. Those that a scene lacks are silent, without arrival.
    """

    def __init__(self, scenes: Dataset, size: int, microphones: int) -> None:
        self.scenes = scenes
        self.size = size
        self.microphones = microphones
        self._epoch = (0, 0)

    def __len__(self) -> int:
        """Return the number of examples of an epoch."""
        return self.size

    def begin_epoch(self, seed: int, epoch: int) -> None:
        """Set the seed and the epoch of the random choices."""
        self._epoch = (seed, epoch)

    def arrays(self, index: int) -> Arrays:
        """Return `audio`, shape (microphones, SAMPLES), and `arrivals`, shape (microphones,)."""
        order = np.random.default_rng([*self._epoch, 3]).permutation(len(self.scenes))
        scene = int(order[index % len(order)])
        frame = known_frame(self.scenes.scene(scene))
        rng = np.random.default_rng([*self._epoch, index, 2])
        chosen = rng.permutation(len(frame.audio))[: self.microphones]
        missing = self.microphones - len(chosen)
        return {
            "audio": np.pad(frame.audio[chosen], ((0, missing), (0, 0))),
            "arrivals": np.pad(frame.arrivals[chosen], (0, missing), constant_values=np.nan),
        }
