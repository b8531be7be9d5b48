"""The encoder-decoder network of Le Moing et al. (2019) for fixed arrays, for any map size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn

from sslbench.errors import ParameterError
from sslbench_grid2d.decoders import DeconvolutionDecoder
from sslbench_grid2d.encoders import ArrayEncoder, PairFeatures
from sslbench_grid2d.frontend import Features, SpectralFrontend

__all__ = ["GridNetwork", "NetworkConfig"]

Encoder = Literal["single", "array", "combined"]


@dataclass(frozen=True)
class NetworkConfig:
    """Architecture of a network.

    Args:
        encoder: `single` encodes all microphones together, `array` each array separately with
            shared weights, `combined` each array separately and in pairs of microphones.
        arrays: number of arrays; the microphones are ordered by array.
        mics_per_array: number of microphones of each array.
        channels: number of channels of the map.
        size: number of cells (or nodes) along each side of the map.
        width: number of filters per layer of the encoder, a multiple of 8; 128 in the paper.
        decoder_width: `width` of the decoder; None for the width of the encoder.
        early_stride: False for the network of the paper. True reduces the number of frequencies
            in the first layers, which is several times faster.
        features: the published spectra, divided by the level of the clip (`raw`), or phase
            differences between microphones only (`phase`).
        lattice: position of the first point of the map and distance to the next point, as
            fractions of a side; None for the centres of cells that tile the room. Only
            `AdhocNetwork` uses it.

    Raises:
        ParameterError: if the width is not a positive multiple of 8.
    """

    encoder: Encoder = "array"
    arrays: int = 2
    mics_per_array: int = 4
    channels: int = 1
    size: int = 81
    width: int = 128
    decoder_width: int | None = None
    early_stride: bool = False
    features: Features = "raw"
    lattice: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if self.width < 8 or self.width % 8:
            raise ParameterError(
                f"a width of {self.width} is not allowed", expected="a positive multiple of 8"
            )


class GridNetwork(nn.Module):
    """Map clips of fixed arrays to raw outputs on a grid.

    Args:
        config: the architecture.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        groups = 1 if config.encoder == "single" else config.arrays
        inputs = 2 * config.mics_per_array * (config.arrays // groups)
        self.frontend = SpectralFrontend(groups, config.features)
        self.pairs, early = None, config.early_stride
        if config.encoder == "combined":
            self.pairs = PairFeatures(config.mics_per_array, early)
            self.encoder = ArrayEncoder(self.pairs.outputs, config.width, early, self.pairs.bins)
        else:
            self.encoder = ArrayEncoder(inputs, config.width, early)
        codes = groups * self.encoder.outputs
        width = config.decoder_width or config.width
        self.decoder = DeconvolutionDecoder(codes, config.channels, config.size, width)

    def forward(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Return raw outputs, shape (batch, channels, size, size).

        Args:
            batch: `audio` in float32, shape (batch, mics, samples), at 16 kHz. Microphones and room
                are not used: the network learns those of its training data.
        """
        audio = batch["audio"]
        features = self.frontend(audio)
        by_array = features.flatten(0, 1)
        if self.pairs is not None:
            by_array = self.pairs(by_array)
        codes: Tensor = self.encoder(by_array)
        maps: Tensor = self.decoder(codes.reshape(len(audio), -1))
        return maps
