"""The encoder-decoder of Le Moing et al. (2019) for fixed arrays, with a map of any size."""

from __future__ import annotations

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
    """What a network looks like.

    Args:
        encoder: `single` hears all microphones at once, `array` one array at a time with shared
            weights, `combined` one array at a time in pairs of microphones.
        arrays: how many arrays there are; microphones are ordered by array.
        mics_per_array: microphones of each array.
        channels: of the map.
        size: cells (or nodes) a side of the map.
        width: filters of a layer of the encoder, a multiple of 8; 128 in the paper.
        decoder_width: filters that the decoder's are reckoned from; None for `width`.
        early_stride: False for the paper's network; True thins out frequencies early, several
            times cheaper, for small budgets.
        features: the published spectra, scaled by the level of the clip (`raw`), or phase
            differences between microphones alone (`phase`).
        lattice: place of the first point of the map and step to the next, as shares of a side;
            None for the centres of cells that tile the room. Only nodes anywhere need it.

    Raises:
        ParameterError: if the width is no multiple of 8.
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
            raise ParameterError(f"a width of {self.width}", expected="a multiple of 8")


class GridNetwork(nn.Module):
    """Map clips of fixed arrays to raw outputs over a grid.

    Args:
        config: its shape.
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

    def forward(self, audio: Tensor, microphones: Tensor, room: Tensor) -> Tensor:  # noqa: ARG002
        """Return raw outputs, shape (batch, channels, size, size).

        Args:
            audio: float32, shape (batch, mics, samples), at 16 kHz.
            microphones: not used: the network knows its arrays by training alone.
            room: not used, likewise.
        """
        features = self.frontend(audio)
        each_array = features.flatten(0, 1)
        if self.pairs is not None:
            each_array = self.pairs(each_array)
        codes: Tensor = self.encoder(each_array)
        maps: Tensor = self.decoder(codes.reshape(len(audio), -1))
        return maps
