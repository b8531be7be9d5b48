"""The masked autoencoder of wav2pos (Berg et al. 2024, section II).

Each of M microphones, and the source (index 0), has a coordinate token and an audio token. The
encoder is given the tokens that are not masked, the decoder all of them, with learned tokens in
place of masked ones. Nothing depends on the order of the microphones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from sslbench.geometry import microphone_pairs

__all__ = ["HEADS", "Autoencoder", "Output", "Shape"]

HEADS = 4
"""Heads of the attention, of which the width is a multiple."""

INITIAL_DEVIATION = 0.02
"""Of all weights and tokens (section III)."""


@dataclass(frozen=True)
class Shape:
    """The size of the network and its optional modules.

    Args:
        width: units per token.
        depth: blocks of the encoder, and of the decoder.
        samples: of an audio token.
        lags: of the time-delay features of a pair; 0 for none.
        pairwise: whether tokens of one microphone are connected before the decoder.
        max_pool: whether the maximum over the encoder's tokens goes to the outputs.
    """

    width: int
    depth: int
    samples: int
    lags: int
    pairwise: bool = True
    max_pool: bool = True


class Output(NamedTuple):
    """What the network estimates.

    Args:
        source: coordinates of the source, shape (batch, 3).
        microphones: coordinates of all microphones, shape (batch, microphones, 3).
        audio: of source and microphones, shape (batch, 1 + microphones, samples).
    """

    source: Tensor
    microphones: Tensor
    audio: Tensor


class Autoencoder(nn.Module):
    """The network.

    Args:
        shape: its size and modules.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        width = shape.width
        self.shape = shape
        self.embed_audio = nn.Linear(shape.samples, width)
        self.embed_coordinates = nn.Sequential(
            nn.Linear(3, 64), nn.BatchNorm1d(64), nn.GELU(), nn.Linear(64, width),
            nn.BatchNorm1d(width),
        )  # fmt: skip
        self.encoder = _Transformer(width, shape.depth)
        self.decoder = _Transformer(width, shape.depth)
        self.between = nn.Linear(width, width)
        names = ("in_coordinates", "in_audio", "out_coordinates", "out_audio")
        masked = ("no_source", "no_coordinates", "no_audio")
        self.tokens = nn.ParameterDict(
            {name: nn.Parameter(torch.zeros(width)) for name in names + masked}
        )
        if shape.pairwise:
            self.to_audio, self.to_coordinates = _message(width), _message(width)
        if shape.max_pool:
            self.pool = nn.Linear(width, width)
        if shape.lags:
            self.delays = _DelayFeature(width, shape.lags)
        known = width * (1 + shape.max_pool + bool(shape.lags))
        self.source, self.microphones = _head(known, width), _head(known, width)
        self.audio = nn.Linear(width, shape.samples)
        self.apply(_initialize)
        for token in self.tokens.values():
            nn.init.normal_(token, std=INITIAL_DEVIATION)

    def forward(self, batch: Mapping[str, Tensor]) -> Output:
        """Return the estimates for a batch.

        Args:
            batch: `audio`, shape (batch, 1 + microphones, samples), and `audio_kept`, which of it
                is not masked; `coordinates` of the microphones, shape (batch, microphones, 3), and
                `coordinates_kept`; with time-delay features, `pairs`, shape (batch, 1 or 2, pairs,
                lags), see `_DelayFeature`.
        """
        kept = torch.cat(
            [
                torch.zeros_like(batch["audio_kept"][:, :1]),  # the source is always sought
                batch["coordinates_kept"],
                batch["audio_kept"],
            ],
            dim=1,
        )
        encoded = self.encoder(self._embedded(batch, kept), kept)
        decoded = self.decoder(self._filled(self.between(encoded), kept), None)
        places, sounds = decoded.chunk(2, dim=1)
        known = self._known(places, encoded, kept, batch)
        found = self.microphones(known[:, 1:].flatten(0, 1)).unflatten(0, known[:, 1:].shape[:2])
        return Output(self.source(known[:, 0]), found, self.audio(sounds))

    def _embedded(self, batch: Mapping[str, Tensor], kept: Tensor) -> Tensor:
        """Return tokens, shape (batch, tokens, width): coordinates, then audio."""
        dtype = self.audio.weight.dtype
        sounds = self.embed_audio(batch["audio"].to(dtype))
        places = sounds.new_zeros(sounds.shape)
        # Only known coordinates enter the statistics of batch normalization.
        chosen = kept[:, : places.shape[1]]
        known = batch["coordinates"][batch["coordinates_kept"]]
        places[chosen] = self.embed_coordinates(known.to(dtype)).to(places.dtype)
        return torch.cat(
            [places + self.tokens["in_coordinates"], sounds + self.tokens["in_audio"]], dim=1
        )

    def _filled(self, tokens: Tensor, kept: Tensor) -> Tensor:
        """Return the input of the decoder: all tokens, connected within each microphone."""
        learned, count = self.tokens, tokens.shape[1] // 2
        masked = torch.cat(
            [
                learned["no_source"][None],
                learned["no_coordinates"].expand(count - 1, -1),
                learned["no_audio"].expand(count, -1),
            ]
        )
        filled = torch.where(kept[..., None], tokens, masked.to(tokens.dtype))
        places, sounds = filled.chunk(2, dim=1)
        own_places, own_sounds = places + learned["out_coordinates"], sounds + learned["out_audio"]
        if self.shape.pairwise:
            own_places = own_places + self.to_coordinates(sounds)
            own_sounds = own_sounds + self.to_audio(places)
        return torch.cat([own_places, own_sounds], dim=1)

    def _known(
        self, places: Tensor, encoded: Tensor, kept: Tensor, batch: Mapping[str, Tensor]
    ) -> Tensor:
        """Return what the heads of all coordinates are given: own token and global features."""
        parts = [places]
        if self.shape.lags:
            feature = self.delays(places, batch["pairs"], batch["audio_kept"])
            parts.append(feature[:, None].expand_as(places))
        if self.shape.max_pool:
            pooled = self.pool(encoded).masked_fill(~kept[..., None], -torch.inf).amax(dim=1)
            parts.append(pooled[:, None].expand_as(places))
        return torch.cat(parts, dim=-1)


class _DelayFeature(nn.Module):
    """The maximum over all ordered pairs of what coordinates and delay of a pair say (eq. 6).

    Pairs of audio that is masked are left out.

    Args:
        width: units per token.
        lags: of the features of a pair; odd, with lag 0 in the middle.
    """

    def __init__(self, width: int, lags: int) -> None:
        super().__init__()
        self.width, self.lags = width, lags
        self.first = nn.Linear(2 * width + lags, 2 * width)
        self.norm = nn.BatchNorm1d(2 * width)
        self.second = nn.Linear(2 * width, 2 * width)
        self.last = nn.Linear(2 * width, width)

    def forward(self, places: Tensor, pairs: Tensor, kept: Tensor) -> Tensor:
        """Return the feature, shape (batch, width).

        Args:
            places: tokens of coordinates, shape (batch, 1 + microphones, width).
            pairs: shape (batch, orders, pairs, lags), of the pairs (i, j), i < j, and with two
                orders also of (j, i); otherwise these are mirrored. With or without those of the
                source, as their number tells.
            kept: which audio is not masked, shape (batch, 1 + microphones).
        """
        tokens, count = places.shape[1], pairs.shape[2]
        first = int(count < tokens * (tokens - 1) // 2)  # 1 without those of the source
        places, kept = places[:, first:], kept[:, first:]
        i, j = (
            torch.from_numpy(each).to(places.device) for each in microphone_pairs(tokens - first)
        )
        example, pair = (kept[:, i] & kept[:, j]).nonzero(as_tuple=True)
        one, two = torch.cat([i[pair], j[pair]]), torch.cat([j[pair], i[pair]])
        twice = torch.cat([example, example])
        # The first layer is linear: tokens are multiplied once each, not once per pair.
        own, other, delay = torch.split(self.first.weight, [self.width, self.width, self.lags], 1)
        hidden = (places @ own.T)[twice, one] + (places @ other.T)[twice, two] + self.first.bias
        hidden = hidden + _both_orders(pairs[example, :, pair].to(delay.dtype), delay)
        said = self.second(nn.functional.gelu(self.norm(hidden)))
        every = said.new_full((len(places), 2 * count, said.shape[-1]), -torch.inf)
        every[twice, torch.cat([pair, pair + count])] = said
        feature: Tensor = self.last(every.amax(dim=1))
        return feature


def _both_orders(pairs: Tensor, weight: Tensor) -> Tensor:
    """Return a linear map of the delays of pairs (i, j), then of (j, i), shape (2 n, outputs).

    Args:
        pairs: shape (n, orders, lags), see `_DelayFeature`.
        weight: shape (outputs, lags).
    """
    if pairs.shape[1] == 2:
        return torch.cat([pairs[:, 0], pairs[:, 1]]) @ weight.T
    # To mirror the weights instead of the delays saves a copy of all of these.
    mapped = pairs[:, 0] @ torch.cat([weight, weight.flip(1)]).T
    return torch.cat(mapped.chunk(2, dim=1))


class _Transformer(nn.Module):
    """Blocks of a vision transformer, and a layer normalization."""

    def __init__(self, width: int, depth: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([_Block(width) for _ in range(depth)])
        self.norm = nn.LayerNorm(width)

    def forward(self, tokens: Tensor, kept: Tensor | None) -> Tensor:
        """Return tokens, shape (batch, tokens, width); masked ones are not attended to."""
        mask = None if kept is None else kept[:, None, None]
        for block in self.blocks:
            tokens = block(tokens, mask)
        result: Tensor = self.norm(tokens)
        return result


class _Block(nn.Module):
    """Attention and two layers, each after a layer normalization."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.attention = nn.Linear(width, 3 * width)
        self.project = nn.Linear(width, width)
        self.mlp = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(self, tokens: Tensor, mask: Tensor | None) -> Tensor:
        parts = self.attention(self.norm(tokens)).unflatten(-1, (3, HEADS, -1))
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        found = nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        tokens = tokens + self.project(found.transpose(1, 2).flatten(2))
        result: Tensor = tokens + self.mlp(tokens)
        return result


def _message(width: int) -> nn.Module:
    """Return what one token of a microphone tells the other (eq. 3)."""
    return nn.Sequential(
        nn.Linear(width, width), nn.LayerNorm(width), nn.GELU(), nn.Linear(width, width),
        nn.LayerNorm(width),
    )  # fmt: skip


def _head(known: int, width: int) -> nn.Module:
    """Return the layers from all that is known of a coordinate to x, y and z."""
    return nn.Sequential(
        nn.Linear(known, 2 * width), nn.BatchNorm1d(2 * width), nn.GELU(),
        nn.Linear(2 * width, width), nn.BatchNorm1d(width), nn.GELU(), nn.Linear(width, 3),
    )  # fmt: skip


def _initialize(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=INITIAL_DEVIATION)
        nn.init.zeros_(module.bias)
