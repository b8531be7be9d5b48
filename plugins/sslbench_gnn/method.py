"""The method `gnn`: how the network is trained and what it is given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sslbench.acoustics.gcc import PHAT, ROBUST, gcc_phat, largest_lag
from sslbench.contracts import Dataset
from sslbench.scene import Recording
from sslbench.specs import Scale
from sslbench.training.examples import Arrays, Batch
from sslbench.training.loop import Settings, Step
from sslbench.training.normalization import Statistics
from sslbench.training.regression import PositionRegression
from sslbench.training.schedules import Cosine, epochs_for
from sslbench_gnn.network import RelationNetwork

__all__ = ["FEWEST", "Gnn", "drawn_microphones"]

WIDTHS: Mapping[Scale, int] = {"smoke": 128, "quick": 256, "paper": 625}

WHITENINGS = {"phat": PHAT, "robust": ROBUST}

PUBLISHED_LAG = 512
"""Largest lag in samples of the published features, which are 1,024 values."""

FEWEST = 5
"""Microphones that an example has in training at least: a position needs four delays."""

SMALLEST = 1e-3
"""Peak of a correlation below which it is not amplified, as that of a silent channel."""


class Gnn(PositionRegression):
    """Position of one source from the correlations of all pairs of any number of microphones.

    In training a random number of microphones, 5 to all of them, is used of each example and
    epoch. The features are the GCC-PHAT, divided by its largest value.

    Args:
        width: units per layer; 0 for that of the scale.
        whitening: `phat`, as published, or `robust`, see `sslbench.acoustics.gcc.ROBUST`.
        symmetrize: whether the two orders of a pair are averaged.
    """

    name = "gnn"
    cache_inputs = True
    feature_parameters = ("whitening",)

    def __init__(self, *, width: int, whitening: str, symmetrize: bool) -> None:
        super().__init__(width=width, whitening=whitening, symmetrize=symmetrize)

    def configure(self, train: Dataset, scale: Scale) -> dict[str, Any]:
        """Return also the width and the largest lag: the published one at paper scale.

        Below paper scale lags are those that the geometry allows, but not more than published.
        """
        config = super().configure(train, scale)
        lag = PUBLISHED_LAG if scale == "paper" else min(PUBLISHED_LAG, self._geometric_lag(train))
        return config | {"width": int(self.params["width"]) or WIDTHS[scale], "max_lag": lag}

    def _geometric_lag(self, train: Dataset) -> int:
        """Return the largest lag of a fixed array; of the room and all in it if arrays differ."""
        first, last = (train.scene(index).recording for index in (0, len(train) - 1))
        points = first.array.known
        if not np.array_equal(points, last.array.known):
            regions = [each for each in (first.region, last.region) if each is not None]
            corners = [corner for region in regions for corner in (region.low, region.high)]
            points = np.concatenate([points, last.array.known, corners])
            points = np.stack([points.min(axis=0), points.max(axis=0)])
        return largest_lag(points, self.sample_rate, first.speed_of_sound)

    def settings(self, scale: Scale) -> Settings:
        """Return the settings: at paper scale the published rate, and Berg's epochs and batch.

        Below paper scale the number of steps is fixed, the same as that of `wav2pos`.
        """
        if scale == "paper":
            return Settings(500, 256, 1e-3, Cosine(), weight_decay=0.01)
        steps, batch = {"smoke": (450, 16), "quick": (4500, 64)}[scale]
        epochs = epochs_for(steps, int(self.config["examples"]), batch)
        return Settings(epochs, batch, 1e-3, Cosine(), weight_decay=0.01)

    def inputs(self, recording: Recording) -> Arrays:
        """Return the correlation of all pairs in half precision, microphones and room."""
        whitening = WHITENINGS[str(self.params["whitening"])]
        max_lag = int(self.config["max_lag"])
        gcc = gcc_phat(torch.tensor(recording.audio), max_lag, whitening=whitening)
        gcc = gcc / gcc.amax(dim=-1, keepdim=True).clamp_min(SMALLEST)
        return {"gcc": gcc.numpy().astype(np.float16), **self.geometry(recording)}

    def build(self, config: Mapping[str, Any], statistics: Statistics) -> nn.Module:
        """Return the network with initial weights."""
        del statistics
        symmetrize = bool(self.params["symmetrize"])
        return RelationNetwork(int(config["max_lag"]), int(config["width"]), symmetrize=symmetrize)

    def forward(self, network: nn.Module, batch: Batch) -> Tensor:
        """Return standardized positions, shape (batch, 3)."""
        position: Tensor = network(
            batch["gcc"].float(), batch["microphones"], batch["room"], batch.get("kept")
        )
        return position

    def training_output(self, network: nn.Module, batch: Batch, step: Step) -> Tensor:
        """Return positions from a random part of the microphones of each example."""
        microphones = batch["microphones"]
        kept = drawn_microphones(len(microphones), microphones.shape[1], step.rng)
        return self.forward(network, batch | {"kept": kept.to(microphones.device)})


def drawn_microphones(examples: int, microphones: int, rng: torch.Generator) -> Tensor:
    """Return which microphones to keep, at random 5 to all of them, (examples, microphones)."""
    fewest = min(FEWEST, microphones)
    counts = torch.randint(fewest, microphones + 1, (examples, 1), generator=rng)
    # The ranks of random numbers are a random permutation.
    ranks = torch.rand(examples, microphones, generator=rng).argsort(dim=1).argsort(dim=1)
    return ranks < counts
