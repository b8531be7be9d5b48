"""NGCC-PHAT as a part of methods: training, and log-probabilities of delays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sslbench.contracts import Dataset, Incompatible, TrainingContext, Windowing
from sslbench.datasets.windows import Windows
from sslbench.errors import FormatError, GeometryError
from sslbench.geometry import microphone_pairs
from sslbench.scene import Recording
from sslbench.specs import Scale
from sslbench.training.examples import Batch, ExampleSet
from sslbench.training.loop import Settings, Step
from sslbench.training.normalization import Statistics
from sslbench.training.schedules import Cosine
from sslbench.training.trained_network import Config, TrainedNetwork
from sslbench_ngcc.evaluation import delay_report
from sslbench_ngcc.frames import (
    RATE,
    SAMPLES,
    Frame,
    RandomMicrophones,
    known_frame,
    network_input,
)
from sslbench_ngcc.networks import NgccNetwork
from sslbench_ngcc.other_room import other_room

__all__ = ["NgccPhat"]

WINDOWING = Windowing(rows=1, context=SAMPLES / RATE)
"""Every requested time is a training frame, with the audio around it."""

MICROPHONES = 4
"""Largest number of microphones of a training frame, all pairs of which are learned from."""

FRAMES = 6
"""Training frames per step."""

INSPECTED = 100
"""Training frames, evenly spread, that the range of lags is found from."""


@dataclass(frozen=True)
class _Size:
    """The size of a training.

    Args:
        channels: width of the network.
        epochs: number of epochs.
        frames: training frames per epoch.
        learning_rate: the largest.
        validated: frames that choose the epoch, evenly spread over the validation split.
        reported: frames of the report, likewise, and of the other room.
    """

    channels: int
    epochs: int
    frames: int
    learning_rate: float
    validated: int
    reported: int


SIZES: dict[Scale, _Size] = {
    "smoke": _Size(8, 3, 200, learning_rate=4e-3, validated=10, reported=20),
    "quick": _Size(16, 12, 1680, learning_rate=4e-3, validated=40, reported=150),
    "paper": _Size(128, 30, 4000, learning_rate=1e-3, validated=100, reported=500),
}
"""By scale. With 6 pairs per frame, `quick` learns from 121,000 pairs and `paper` from 720,000."""


class NgccPhat(TrainedNetwork):
    """Estimates the delays between microphones (Berg et al., Interspeech 2022).

    It learns from the frames of recordings of one source with known microphones: cross entropy
    between the lags of a pair and its delay, rounded to a whole sample.

    Args:
        channels: width of the network; 0 for 128 at paper scale (as published), 16 at quick and
            8 at smoke.

    Attributes:
        sample_rate: of the frames that it is given, in Hz.
        samples: length of these frames.
    """

    name = "ngcc-phat"
    sample_rate = RATE
    samples = SAMPLES

    def __init__(self, *, channels: int = 0) -> None:
        super().__init__(channels=channels)
        self.channels = channels
        self._scenes: Dataset | None = None
        self._frames: list[Frame] = []

    @property
    def max_lag(self) -> int:
        """Largest delay in samples that the arrays of the training allow."""
        return int(self.config["max_lag"])

    def delays(self, frames: Tensor, max_lag: int) -> Tensor:
        """Return the log-probability of each lag of all pairs of microphones.

        Pairs i < j are ordered as by `sslbench.acoustics.gcc.gcc_phat`; the lag is the arrival at
        i minus that at j. All lags are equally likely for a pair with a silent microphone.

        Args:
            frames: audio at 16 kHz, shape (batch, microphones, 2048), of any level.
            max_lag: largest lag in samples. Whole samples up to `acoustics.gcc.largest_lag` are
                what the geometry of an array allows; it may be larger than in training.

        Returns:
            Natural logarithms, shape (batch, pairs, 2 * max_lag + 1), on the network's device.

        Raises:
            CellError: if there was neither `fit` nor `load`.
            FormatError: if frames have another length.
            GeometryError: if there are fewer than two microphones, or `max_lag` is out of range.
        """
        return self._log_probabilities(frames, max_lag, symmetric=False)

    def symmetric_delays(self, frames: Tensor, max_lag: int) -> Tensor:
        """Return `delays` of both orders of a pair combined.

        The logits of the pair (i, j) and the mirrored ones of (j, i) are averaged before they are
        normalized. Exchanging two microphones thus mirrors the result exactly, which the network
        alone does not guarantee.

        Args:
            frames: see `delays`.
            max_lag: see `delays`.

        Raises:
            CellError, FormatError, GeometryError: as `delays`.
        """
        return self._log_probabilities(frames, max_lag, symmetric=True)

    def evidence(self, frames: Tensor, max_lag: int) -> Tensor:
        """Return how much more likely each lag is than on average in training.

        It is the log-probability of a lag minus its mean over training frames. Short delays are
        the most frequent ones, and more likely than others in a frame that tells nothing. A sum
        over many pairs, as in a search of positions, would add up this preference, and find
        positions in the middle of the array.

        Args:
            frames: see `delays`.
            max_lag: see `delays`. Lags beyond those of the training have the mean of the longest.

        Returns:
            Differences of natural logarithms, of the shape of `delays`; 0 for a pair with a silent
            microphone.

        Raises:
            CellError, FormatError, GeometryError: as `delays`.
        """
        logits, silent = self._logits(frames, max_lag, symmetric=False)
        background = self.background(max_lag).to(logits.device)
        result: Tensor = (logits.log_softmax(dim=-1) - background).masked_fill(silent, 0)
        return result

    def background(self, max_lag: int) -> Tensor:
        """Return the mean log-probability of each lag in training, shape (2 * max_lag + 1,)."""
        network = self.network
        assert isinstance(network, NgccNetwork)
        mean = network.background.cpu()
        beyond = max(0, max_lag - self.max_lag)
        extended = torch.cat([mean[:1].expand(beyond), mean, mean[-1:].expand(beyond)])
        middle = len(extended) // 2
        return extended[middle - max_lag : middle + max_lag + 1]

    def configure(self, train: Dataset, scale: Scale) -> Config:
        """Return width and range of lags.

        Raises:
            Incompatible: if the recordings have no delays of one source that are known.
        """
        windows = Windows(train, WINDOWING)
        if not len(windows):
            raise Incompatible(f"{self.name}: there are no training frames")
        _check_recording(windows.scene(0).recording)
        train.prepare()
        frames = list(_spread(windows, INSPECTED))
        return {
            "sample_rate": RATE,
            "samples": SAMPLES,
            "scale": scale,
            "channels": self.channels or SIZES[scale].channels,
            "microphones": min(MICROPHONES, max(len(frame.audio) for frame in frames)),
            "max_lag": max(frame.max_lag for frame in frames),
        }

    def settings(self, scale: Scale) -> Settings:
        """Return AdamW with a cosine schedule, and 36 pairs per step (32 in the paper)."""
        size = SIZES[scale]
        return Settings(size.epochs, FRAMES, size.learning_rate, schedule=Cosine())

    def build(self, config: Config, statistics: Statistics) -> nn.Module:
        """Return the network; statistics are not used."""
        del statistics
        return NgccNetwork(*(config[name] for name in ("channels", "sample_rate", "max_lag")))

    def training_examples(self, train: Dataset, context: TrainingContext) -> ExampleSet:
        """Return frames of random microphones."""
        windows = Windows(train, WINDOWING)
        return RandomMicrophones(windows, self._size(context).frames, self.config["microphones"])

    def begin_validation(self, validation: Dataset, context: TrainingContext) -> None:
        """Read the frames that choose the epoch."""
        self._scenes = Windows(validation, WINDOWING)
        self._frames = list(_spread(self._scenes, self._size(context).validated))

    def loss(self, network: nn.Module, batch: Batch, step: Step) -> Tensor:
        """Return the mean cross entropy of all pairs of microphones of a batch."""
        del step
        max_lag: int = self.config["max_lag"]
        pairs = _pairs(batch["audio"])
        logits = network(network_input(batch["audio"]), pairs, max_lag)
        assert isinstance(network, NgccNetwork)
        network.update_background(logits)
        return _cross_entropy(logits, _labels(batch["arrivals"], pairs, max_lag))

    def validate(self, network: nn.Module, device: torch.device) -> float:
        """Return the mean cross entropy of all pairs of microphones of validation frames."""
        losses = []
        for frame in self._frames:
            audio = torch.tensor(frame.audio, device=device)[None]
            pairs = _pairs(audio)
            labels = _labels(torch.tensor(frame.arrivals)[None].to(device), pairs, self.max_lag)
            logits = network(network_input(audio), pairs, self.max_lag)
            losses.append(float(_cross_entropy(logits, labels)))
        return float(np.mean(losses))

    def final_report(self, network: nn.Module, device: torch.device) -> dict[str, float]:
        """Return shares of pairs whose delay is right, see `evaluation.delay_report`."""
        del network, device  # `delays` uses the same
        assert self._scenes is not None, "set by `begin_validation`"
        size = SIZES[self.config["scale"]].reported
        here = delay_report(self.delays, _spread(self._scenes, size))
        there = delay_report(self.delays, other_room(size))
        return {**here, **{f"{name}_other_room": value for name, value in there.items()}}

    def _size(self, context: TrainingContext) -> _Size:
        return SIZES[context.scale]

    def _log_probabilities(self, frames: Tensor, max_lag: int, *, symmetric: bool) -> Tensor:
        logits, silent = self._logits(frames, max_lag, symmetric=symmetric)
        result: Tensor = logits.masked_fill(silent, 0).log_softmax(dim=-1)
        return result

    def _logits(self, frames: Tensor, max_lag: int, *, symmetric: bool) -> tuple[Tensor, Tensor]:
        """Return logits, shape (batch, pairs, lags), and which pairs are silent, with 1 lag."""
        _check_frames(frames, max_lag)
        network = self.network
        device = next(network.parameters()).device
        with torch.no_grad():
            audio = network_input(frames.to(device, torch.float32))
            pairs = _pairs(audio)
            logits = network(audio, pairs, max_lag, symmetric=symmetric)
        silent = (audio == 0).all(dim=-1)[:, pairs].any(dim=-1)
        return logits, silent[..., None]


def _check_recording(recording: Recording) -> None:
    """Check that delays follow from the ground truth of such recordings.

    Raises:
        Incompatible: if they do not.
    """
    name = NgccPhat.name
    if recording.array.format != "mics" or recording.kind != "position":
        raise Incompatible(f"{name} learns from microphones and the positions of sources")
    known = len(recording.array.known)
    if known < 2:
        raise Incompatible(
            f"{name} learns from pairs of microphones of known position, there are {known} known"
            f" of {recording.array.channels}"
        )
    if recording.max_sources > 1:
        raise Incompatible(f"{name} learns from recordings of one source at a time")


def _check_frames(frames: Tensor, max_lag: int) -> None:
    if frames.ndim != 3 or frames.shape[-1] != SAMPLES:
        raise FormatError(
            f"frames of shape {tuple(frames.shape)}",
            where=NgccPhat.name,
            expected=f"(batch, microphones, {SAMPLES}) at {RATE} Hz",
        )
    if frames.shape[1] < 2:
        raise GeometryError(
            f"{frames.shape[1]} microphone", where=NgccPhat.name, expected="at least two"
        )
    if not 1 <= max_lag <= SAMPLES:
        raise GeometryError(
            f"delays of up to {max_lag} samples",
            where=NgccPhat.name,
            expected=f"1 to {SAMPLES}, the length of a frame",
            hint="use a smaller array",
        )


def _spread(scenes: Dataset, count: int) -> Iterator[Frame]:
    """Return at most `count` frames that are evenly spread over scenes."""
    for index in np.unique(np.linspace(0, len(scenes) - 1, count).round().astype(int)):
        yield known_frame(scenes.scene(int(index)))


def _pairs(audio: Tensor) -> Tensor:
    """Return the pairs of microphones of audio, shape (batch, microphones, samples)."""
    pairs: Any = np.stack(microphone_pairs(audio.shape[1]), axis=1)
    return torch.from_numpy(pairs).to(audio.device)


def _labels(arrivals: Tensor, pairs: Tensor, max_lag: int) -> Tensor:
    """Return the index of the lag of each pair, shape (batch, pairs); -1 where there is none."""
    delays = arrivals[:, pairs[:, 0]] - arrivals[:, pairs[:, 1]]
    known = delays.isfinite() & (delays.abs() <= max_lag)
    return torch.where(known, (delays.nan_to_num(0) + max_lag).round(), -1).long()


def _cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    total = nn.functional.cross_entropy(
        logits.flatten(0, 1).float(), labels.flatten(), ignore_index=-1, reduction="sum"
    )
    return total / (labels >= 0).sum().clamp_min(1)
