"""The grid methods: from audio to a map of the plane, and from the map to positions."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sslbench.array_types import Booleans, Floats
from sslbench.contracts import Dataset, Incompatible
from sslbench.errors import FormatError
from sslbench.geometry import Box
from sslbench.scene import MicArray, Prediction, Recording, Scene, Tracks
from sslbench.specs import Scale, Value
from sslbench.training.examples import Arrays, Batch
from sslbench.training.learned import LearnedMethod
from sslbench.training.loop import Settings, Step
from sslbench.training.normalization import Statistics
from sslbench.training.schedules import Cosine, Plateau
from sslbench_grid2d.adhoc import SAMPLE_RATE, AdhocNetwork, steered_planes
from sslbench_grid2d.checks import TOLERANCE, check_array, check_plane, check_region, corners
from sslbench_grid2d.networks import GridNetwork, NetworkConfig
from sslbench_grid2d.parameters import BY_DISTANCE, BY_F1
from sslbench_grid2d.representations import Options, Representation, make_representation

__all__ = ["Grid2d", "Grid2dAdhoc", "GridMethod"]

COUNTED = ("onehot", "uld")
"""Representations with one map per source: the number of sources must be known."""

FAINT = 1e-6
"""Threshold where all sources are always active: any positive value exceeds it."""

PAPER_WIDTH = 128
SMALL_WIDTH = 32

COARSE = 16
"""Cells along a side up to which a decoder as wide as the paper's costs next to nothing."""

ADHOC_WIDTH = 24

WIDEST = 20.0
"""How many times wider, in variance, the peaks of a heat map are at the start of training.

With few steps the squared error of narrow peaks does not leave the empty map: F1 0 after 20,000
clips of `lemoing2019`. With wide peaks at first it has left it after 3,000.
"""

NARROWED = 0.6
"""Share of training after which the peaks have their final width."""

NODES = 15
"""Nodes that are drawn for each clip in training at paper scale (Feng et al. 2025)."""


class GridMethod(LearnedMethod):
    """What the methods that output a map of the plane have in common.

    Args:
        params: parameters of the method by name; see the plugin.
    """

    version = 2

    def __init__(self, **params: Value) -> None:
        self.decoder = str(params["decoder"])
        self.threshold = float(params["threshold"])
        # A checkpoint serves all decoders and thresholds.
        super().__init__(**{k: v for k, v in params.items() if k not in ("decoder", "threshold")})

    def configure(self, train: Dataset, scale: Scale) -> dict[str, Any]:
        """Return array, region, clip length and number of sources.

        Raises:
            Incompatible: if there is no plane to map, a recording requests several estimates, or
                the representation needs a fixed number of sources and it varies.
        """
        recording = train.scene(0).recording
        self._check_trainable(recording)
        fixed_count = _source_counts(train) == {recording.max_sources}
        if self.params["representation"] in COUNTED and not fixed_count:
            raise Incompatible(
                f"representation={self.params['representation']} needs a fixed number of sources;"
                " in this data set it varies. Use representation=hm, rg or tg"
            )
        return {
            "scenes": len(train),
            "sources": recording.max_sources,
            "fixed_count": fixed_count,
            "widest": 1.0 if scale == "paper" else WIDEST,
            "microphones": _microphones(recording).tolist(),
            "region": corners(_region(recording)).tolist(),
            "sample_rate": SAMPLE_RATE,
            "samples": round(recording.duration * SAMPLE_RATE),
        }

    def _check_trainable(self, recording: Recording) -> None:
        try:
            check_plane(recording)
        except FormatError as error:
            raise Incompatible(
                f"{self.name} maps a plane of known height, from known microphone positions; this"
                f" data set has {error.what}"
            ) from error
        if len(recording.times) != 1:
            raise Incompatible(
                f"{self.name} learns from clips with one estimate each; the recordings of this"
                f" data set request {len(recording.times)}"
            )

    def inputs(self, recording: Recording) -> Arrays:
        """Return audio, microphones and room, with a corner of the room as the origin."""
        corner = np.array([*_region(recording).low[:2], 0.0])
        return {
            "audio": recording.audio,
            "microphones": (_microphones(recording) - corner).astype(np.float32),
            "room": _sides(recording),
        }

    def targets(self, scene: Scene) -> Arrays:
        """Return the positions of the sources from that corner, NaN where there is none.

        Raises:
            FormatError: if there are more sources than the recording says there can be.
        """
        tracks, recording = scene.truth.tracks, scene.recording
        positions = np.full((recording.max_sources, 2), np.nan, np.float32)
        active = np.flatnonzero(tracks.active[0])
        if len(active) > len(positions):
            raise FormatError(
                f"{len(active)} sources",
                where=recording.id,
                expected=f"at most {len(positions)}, as the recording says",
            )
        corner = np.asarray(_region(recording).low)[:2]
        positions[: len(active)] = tracks.xyz[0, active, :2] - corner
        return {"positions": positions}

    def build(self, config: Mapping[str, Any], statistics: Statistics) -> nn.Module:
        """Return the network with initial weights."""
        del statistics
        return self.map_network(config, self._representation())

    @abstractmethod
    def map_network(self, config: Mapping[str, Any], representation: Representation) -> nn.Module:
        """Return the network that outputs the map of a representation."""

    def loss(self, network: nn.Module, batch: Batch, step: Step) -> Tensor:
        """Return the loss of the representation."""
        output = self.forward(network, batch).float()
        representation = self._representation(step.progress)
        return representation.loss(output, batch["positions"], batch["room"])

    def decode(self, output: Tensor, recordings: Sequence[Recording]) -> list[Prediction]:
        """Read positions off the maps."""
        output, representation = output.float(), self._representation()
        room = torch.as_tensor(np.stack([_sides(each) for each in recordings])).to(output.device)
        most = max(recording.max_sources for recording in recordings)
        positions = representation.decode(output, room, most).cpu().numpy()
        maps = representation.likelihood(output).cpu().numpy()
        inside = _inside(representation, room)
        return [
            Prediction(_still(recording, found), likelihood=likelihood[np.ix_(along_y, along_x)])
            for recording, found, likelihood, (along_x, along_y) in zip(
                recordings, positions, maps, inside, strict=True
            )
        ]

    def selection(self) -> str:
        """Return the papers' criterion: F1 (Le Moing) or the distance (Feng).

        F1 is taken within 0.3 m, the finer of the paper's two resolutions: within 1 m it is as
        high after two epochs as after six. The distance is capped at 3 m, and a missed source
        counts as 3 m.
        """
        return BY_DISTANCE if self.config["fixed_count"] else BY_F1

    def check(self, recording: Recording) -> None:
        """Check the plane and the number of sources of a recording.

        Raises:
            FormatError: if it has no plane to map, or more sources than the network has maps.
        """
        check_plane(recording)
        most = self.config["sources"]
        if self.params["representation"] in COUNTED and recording.max_sources > most:
            raise FormatError(
                f"{recording.max_sources} sources are requested",
                where=recording.id,
                expected=f"at most {most}, each of which has a map of its own",
            )

    def _representation(self, progress: float = 1.0) -> Representation:
        config = self.config
        widening = float(config["widest"] ** max(0.0, 1 - progress / NARROWED))
        # Where all sources are always active, the best position counts however low its value.
        faint = config["fixed_count"] and not self.threshold
        options = Options(
            cells=int(self.params["cells"]),
            sources=int(config["sources"]),
            variance=float(self.params["variance"]) * widening,
            decoder=self.decoder,
            threshold=FAINT if faint else self.threshold,
        )
        return make_representation(str(self.params["representation"]), options)


class Grid2d(GridMethod):
    """Encoder-decoder over fixed arrays (Le Moing et al. 2019, table II)."""

    name = "grid2d"

    def configure(self, train: Dataset, scale: Scale) -> dict[str, Any]:
        """Return also the size of the network: the paper's, or a thinner one that strides early.

        Raises:
            Incompatible: if arrays or region differ between scenes, or the microphones are not
                two arrays of equal size.
        """
        config = super().configure(train, scale)
        last = train.scene(len(train) - 1).recording
        microphones = last.array.positions
        same = microphones is not None and np.array_equal(microphones, config["microphones"])
        if microphones is None or not same or len(microphones) % 2:
            raise Incompatible(f"{self.name} learns two arrays, which must stay where they are")
        if last.region is None or not np.array_equal(corners(last.region), config["region"]):
            raise Incompatible(f"{self.name} learns one region, which must be that of every scene")
        paper = scale == "paper"
        return config | {
            "width": int(self.params["width"]) or (PAPER_WIDTH if paper else SMALL_WIDTH),
            "early_stride": not paper,
        }

    def map_network(self, config: Mapping[str, Any], representation: Representation) -> nn.Module:
        """Return the network; see `networks`."""
        width, coarse = config["width"], representation.size <= COARSE
        return GridNetwork(
            NetworkConfig(
                encoder=self.params["encoder"],  # type: ignore[arg-type]  # choices are checked
                arrays=2,
                mics_per_array=len(config["microphones"]) // 2,
                channels=representation.channels,
                size=representation.size,
                width=width,
                decoder_width=max(width, PAPER_WIDTH) if coarse else width,
                early_stride=config["early_stride"],
                features=self.params["features"],  # type: ignore[arg-type]  # likewise
            )
        )

    def settings(self, scale: Scale) -> Settings:
        """Return the papers' settings, or below paper scale a fixed number of steps."""
        if scale == "paper":
            return self._published_settings()
        steps, batch = {"smoke": (186, 32), "quick": (1872, 64)}[scale]
        epochs = max(1, round(steps * batch / int(self.config["scenes"])))
        return Settings(epochs, batch, 2e-3, Cosine(), weight_decay=0.01)

    def _published_settings(self) -> Settings:
        # Feng et al. train every representation alike, on clips of one known number of sources.
        if self.config["fixed_count"]:
            return Settings(50, 128, 1e-3, Plateau(), patience=10, weight_decay=0.01, clip=None)
        return Settings(200, 128, 1e-4, betas=(0.5, 0.999), clip=None)

    def check(self, recording: Recording) -> None:
        """Check also that array and region are those of the training.

        Raises:
            FormatError: if they are not.
        """
        super().check(recording)
        check_array(recording, self.config)
        check_region(recording, self.config)


class Grid2dAdhoc(GridMethod):
    """A map from any number of microphones anywhere (the ad-hoc sets of Feng et al. 2025).

    Below paper scale all nodes are used, and what the front end makes of them is cached. At paper
    scale 15 nodes are drawn for each clip and epoch, as in the paper.
    """

    name = "grid2d-adhoc"
    cache_inputs = True
    feature_parameters = ()

    def configure(self, train: Dataset, scale: Scale) -> dict[str, Any]:
        """Return also how many nodes are drawn for each clip in training; 0 for all."""
        return super().configure(train, scale) | {"drawn": NODES if scale == "paper" else 0}

    def settings(self, scale: Scale) -> Settings:
        """Return the paper's settings, or below paper scale short ones with a cosine."""
        if scale == "paper":
            # The planes of drawn nodes cannot be cached; those of 15 take 0.1 s per clip of 2 s.
            published = Settings(50, 32, 1e-3, Plateau(), patience=10, weight_decay=0.01, clip=None)
            return replace(published, workers=os.cpu_count() or 1)
        epochs = {"smoke": 10, "quick": 8}[scale]
        return Settings(epochs, 32, 2e-3, Cosine(), weight_decay=0.01)

    @property
    def augments(self) -> bool:
        """Whether nodes are drawn."""
        return bool(self.config["drawn"])

    def augment(self, scene: Scene, rng: np.random.Generator) -> Scene:
        """Keep some nodes of a training clip, drawn at random."""
        recording = scene.recording
        nodes, drawn = recording.array.channels, self.config["drawn"]
        if nodes <= drawn:
            return scene
        kept = rng.permutation(nodes)[:drawn]
        array = MicArray(_microphones(recording)[kept])
        return replace(
            scene, recording=replace(recording, audio=recording.audio[kept], array=array)
        )

    def inputs(self, recording: Recording) -> Arrays:
        """Return the steered planes and the room."""
        arrays = super().inputs(recording)
        audio, microphones, room = (
            torch.tensor(np.asarray(arrays[name])) for name in ("audio", "microphones", "room")
        )
        planes = steered_planes(audio, microphones, room, recording.speed_of_sound)
        return {"planes": planes.numpy().astype(np.float16), "room": arrays["room"]}

    def map_network(self, config: Mapping[str, Any], representation: Representation) -> nn.Module:
        """Return the network; see `adhoc`."""
        del config
        lattice = representation.lattice
        return AdhocNetwork(
            NetworkConfig(
                channels=representation.channels,
                size=representation.size,
                width=ADHOC_WIDTH,
                lattice=(lattice.first, lattice.step),
            )
        )

    def forward(self, network: nn.Module, batch: Batch) -> Tensor:
        """Return the raw maps of a batch."""
        maps: Tensor = network(batch["planes"].float(), batch["room"])
        return maps


def _source_counts(scenes: Dataset) -> set[int]:
    """Return the different numbers of sources of the scenes."""
    return {
        int(scenes.truth(index)[1].tracks.active.any(axis=0).sum()) for index in range(len(scenes))
    }


def _microphones(recording: Recording) -> Floats:
    positions = recording.array.positions
    assert positions is not None, "`configure` and `check` refuse encoded formats"
    return positions


def _region(recording: Recording) -> Box:
    assert recording.region is not None, "a recording for positions has a region"
    return recording.region


def _sides(recording: Recording) -> NDArray[np.float32]:
    """Return the sides of the region along x and y in metres, shape (2,)."""
    region = _region(recording)
    return np.subtract(region.high, region.low)[:2].astype(np.float32)


def _still(recording: Recording, found: NDArray[np.float32]) -> Tracks:
    """Return tracks of positions from the corner of the region, shape (sources, 2)."""
    low = np.asarray(_region(recording).low)
    xyz = np.column_stack([found + low[:2], np.full(len(found), low[2])])
    return Tracks.still(recording, xyz[: recording.max_sources])


def _inside(representation: Representation, room: Tensor) -> list[tuple[Booleans, Booleans]]:
    """Return which columns and which rows of each map lie in the room: some have a margin."""
    points = representation.lattice.points(room).cpu().numpy()
    sides = room.cpu().numpy()[:, :, None]
    kept = (points >= -TOLERANCE) & (points <= sides + TOLERANCE)
    return [(along_x, along_y) for along_x, along_y in kept]
