"""The method `di-nn`: how the network is trained and what it is given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from sslbench.contracts import Dataset
from sslbench.errors import FormatError
from sslbench.scene import Recording
from sslbench.specs import Scale
from sslbench.training.examples import Arrays, Batch
from sslbench.training.loop import Settings
from sslbench.training.normalization import Statistics
from sslbench.training.regression import PositionRegression
from sslbench.training.schedules import Cosine, epochs_for
from sslbench_dinn.network import DualInputNetwork

__all__ = ["DiNn"]

WIDTHS: Mapping[Scale, int] = {"smoke": 8, "quick": 16, "paper": 64}

SMALL_STRIDE = 4
"""Stride of the first convolution along frequency below paper scale."""


class DiNn(PositionRegression):
    """Position of one source from the spectra of a fixed number of microphones in fixed order.

    Args:
        width: filters of the first block; 0 for that of the scale.
    """

    name = "di-nn"

    def __init__(self, *, width: int) -> None:
        super().__init__(width=width)

    def configure(self, train: Dataset, scale: Scale) -> dict[str, Any]:
        """Return also the number of microphones, and width and stride of the network."""
        return super().configure(train, scale) | {
            "microphones": train.scene(0).recording.array.channels,
            "width": int(self.params["width"]) or WIDTHS[scale],
            "stride": 1 if scale == "paper" else SMALL_STRIDE,
        }

    def settings(self, scale: Scale) -> Settings:
        """Return the settings: at paper scale the published rate, and Berg's epochs and batch.

        Below paper scale the number of steps is that of `wav2pos`, and the rate ten times as large.
        """
        if scale == "paper":
            return Settings(500, 256, 1e-4, Cosine())
        steps, batch = {"smoke": (450, 16), "quick": (4500, 64)}[scale]
        epochs = epochs_for(steps, int(self.config["examples"]), batch)
        return Settings(epochs, batch, 1e-3, Cosine(), weight_decay=0.01)

    def inputs(self, recording: Recording) -> Arrays:
        """Return audio, microphones and room."""
        return {"audio": recording.audio, **self.geometry(recording)}

    def build(self, config: Mapping[str, Any], statistics: Statistics) -> nn.Module:
        """Return the network with initial weights."""
        del statistics
        return DualInputNetwork(*(int(config[name]) for name in ("microphones", "width", "stride")))

    def forward(self, network: nn.Module, batch: Batch) -> Tensor:
        """Return standardized positions, shape (batch, 3)."""
        position: Tensor = network(batch["audio"], batch["microphones"], batch["room"])
        return position

    def check(self, recording: Recording) -> None:
        """Check also the number of microphones.

        Raises:
            FormatError: if it is not that of the training, or a position is unknown.
        """
        super().check(recording)
        count, trained = recording.array.channels, self.config["microphones"]
        if count != trained:
            raise FormatError(
                f"{count} microphones",
                where=recording.id,
                expected=f"{trained}, the number that {self.name} was trained with",
                hint=f"train it with {count} microphones, for example on this data set",
            )
