"""The grid methods: sound in, a map out, positions read off the map."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from sslbench.contracts import Dataset, Incompatible, Scale, Value
from sslbench.errors import FormatError
from sslbench.metrics.aggregation import CorpusMetric
from sslbench.metrics.families.position import error_truncated
from sslbench.metrics.families.resolution import f1
from sslbench.scene import Prediction, Recording, Scene, Tracks
from sslbench.training.examples import Batch, Example
from sslbench.training.learned import LearnedMethod
from sslbench.training.loop import Settings
from sslbench.training.schedules import Cosine, Plateau
from sslbench_grid2d.adhoc import AdhocNetwork, SteeredFrontend
from sslbench_grid2d.checks import (
    TOLERANCE,
    check_array,
    check_clip,
    check_plane,
    check_region,
    corners,
)
from sslbench_grid2d.networks import GridNetwork, NetworkConfig
from sslbench_grid2d.representations import Options, Representation, make_representation

__all__ = ["Grid2d", "Grid2dAdhoc", "GridMethod"]

COUNTED = ("onehot", "uld")
"""Representations with a map a source: how many there are must be known."""

FAINT = 1e-6
"""Threshold where something always sounds: whatever is above nothing."""

PAPER_WIDTH = 128
SMALL_WIDTH = 32

COARSE = 16
"""Cells a side up to which a decoder as wide as the paper's costs next to nothing."""

ADHOC_WIDTH = 24

WIDEST = 20.0
"""How many times wider the bumps of a heat map begin, in variance."""

NARROWED = 0.6
"""Share of training after which they are as narrow as they should be."""

NODES = 15
"""Nodes that are drawn for each clip in training at paper scale (Feng et al. 2025)."""


class GridMethod(LearnedMethod):
    """What methods have in common that answer by a map of the plane.

    Args:
        params: parameters of the method by name; see the plugin.
    """

    version = 2

    def __init__(self, **params: Value) -> None:
        answering = ("decoder", "threshold")
        super().__init__({key: v for key, v in params.items() if key not in answering})
        self.answering = {key: params[key] for key in answering}

    @abstractmethod
    def network(self, facts: Mapping[str, Any], representation: Representation) -> nn.Module:
        """Return the network that gives a representation's map."""

    def facts(self, train_on: Dataset, scale: Scale) -> dict[str, Any]:
        """Return array, region, clip and how many sources there are.

        Raises:
            Incompatible: if there is no plane to map, or the representation needs as many sources
                in every scene and there are not.
        """
        counts = {int(train_on.truth(i)[1].active.any(axis=0).sum()) for i in range(len(train_on))}
        recording = train_on.scene(0).recording
        region, name = recording.region, self.params["representation"]
        if region is None or not region.flat or recording.array.positions is None:
            raise Incompatible(f"{self.name} maps a plane: it needs a region of known height")
        always = counts == {recording.max_sources}
        if name in COUNTED and not always:
            raise Incompatible(
                f"{self.name} with {name} has a map for each source: it needs as many in every"
                " scene (hm, rg and tg do not)"
            )
        return {
            "scale": scale,
            "scenes": len(train_on),
            "sources": recording.max_sources,
            "always": always,
            "microphones": recording.array.positions.tolist(),
            "region": corners(region).tolist(),
            "sample_rate": recording.sample_rate,
            "samples": recording.audio.shape[1],
        }

    def build(self, facts: Mapping[str, Any]) -> nn.Module:
        """Return the network with initial weights."""
        return self.network(facts, self._representation(facts))

    def question(self, recording: Recording) -> Example:
        """Return audio, microphones and room in the frame of the room's corner."""
        region, places = recording.region, recording.array.positions
        assert region is not None
        assert places is not None
        corner = np.array([*region.low[:2], 0.0])
        return {
            "audio": recording.audio,
            "microphones": (places - corner).astype(np.float32),
            "room": (np.asarray(region.high)[:2] - corner[:2]).astype(np.float32),
        }

    def target(self, scene: Scene) -> Example:
        """Return the places of the sources in that frame, NaN where there is none.

        Raises:
            FormatError: if there are more sources than the recording says there can be.
        """
        region, truth = scene.recording.region, scene.truth
        assert region is not None
        places = np.full((scene.recording.max_sources, 2), np.nan, np.float32)
        heard = np.flatnonzero(truth.active[0])
        if len(heard) > len(places):
            raise FormatError(
                f"{len(heard)} sources",
                where=scene.recording.id,
                expected=f"at most {len(places)}, as the recording says",
            )
        places[: len(heard)] = truth.xyz[0, heard, :2] - np.asarray(region.low)[:2]
        return {"positions": places}

    def loss(self, network: nn.Module, batch: Batch, rng: torch.Generator) -> Tensor:
        """Return the representation's loss."""
        output = self.output(network, batch, rng).float()
        representation = self._representation(self._known(), float(batch["progress"]))
        return representation.loss(output, batch["positions"], batch["room"])

    def output(self, network: nn.Module, batch: Batch, rng: torch.Generator | None) -> Tensor:  # noqa: ARG002
        """Return the raw map of a batch; `rng` is there in training only."""
        maps: Tensor = network(batch["audio"], batch["microphones"], batch["room"])
        return maps

    def answer(
        self, network: nn.Module, batch: Batch, recordings: Sequence[Recording]
    ) -> list[Prediction]:
        """Read positions off the maps."""
        output = self.output(network, batch, None).float()
        most = max(recording.max_sources for recording in recordings)
        representation = self._representation(self._known())
        places = representation.decode(output, batch["room"], most).cpu().numpy()
        maps = representation.likelihood(output).cpu().numpy()
        inside = _inside(representation, batch["room"])
        return [
            self._prediction(recording, place, likelihood[np.ix_(*reversed(kept))])
            for recording, place, likelihood, kept in zip(
                recordings, places, maps, inside, strict=True
            )
        ]

    def _prediction(self, recording: Recording, place: Any, likelihood: Any) -> Prediction:
        region = recording.region
        assert region is not None
        low = np.asarray(region.low)
        xyz = np.column_stack([place + low[:2], np.full(len(place), low[2])])
        xyz = xyz[: recording.max_sources]
        return Prediction(Tracks.still(recording, xyz), likelihood=likelihood)

    def metric(self) -> CorpusMetric:
        """Return what the papers choose by: F1 (Le Moing) or the distance (Feng).

        F1 is taken within 0.3 m, the finer of the paper's two resolutions, which it leaves open:
        within 1 m it is as high after two epochs as after six. The distance is cut off at 3 m and
        charged in full for no answer, or silence would win.
        """
        return error_truncated() if self._known()["always"] else f1("0.3m")

    @property
    def higher_is_better(self) -> bool:
        """Direction of that metric."""
        return not self._known()["always"]

    def check(self, recording: Recording, facts: Mapping[str, Any]) -> None:
        """Check the plane, rate, length and number of sources of a recording.

        Raises:
            FormatError: if it has no plane to map, or is not such as the network was trained on.
        """
        check_plane(recording)
        check_clip(recording, facts)
        if self.params["representation"] in COUNTED and recording.max_sources > facts["sources"]:
            raise FormatError(
                f"{recording.max_sources} sources are asked for",
                where=recording.id,
                expected=f"at most {facts['sources']}, each of which has a map of its own",
            )

    def _known(self) -> dict[str, Any]:
        assert self._facts is not None
        return self._facts

    def _representation(self, facts: Mapping[str, Any], progress: float = 1.0) -> Representation:
        threshold = float(self.answering["threshold"])
        # Where a source always sounds, the best place is the answer however faint.
        options = Options(
            cells=int(self.params["cells"]),
            sources=int(facts["sources"]),
            variance=float(self.params["variance"]) * _widening(facts["scale"], progress),
            decoder=str(self.answering["decoder"]),
            threshold=FAINT if facts["always"] and not threshold else threshold,
        )
        return make_representation(str(self.params["representation"]), options)


def _widening(scale: Scale, progress: float) -> float:
    """Return by how much the bumps of a heat map are wider than they will be in the end.

    With few steps the squared error of narrow bumps stays where it begins, at the empty map: F1 0
    after 20,000 clips of `lemoing2019`. Begun wide, it has left that after 3,000.
    """
    if scale == "paper":
        return 1.0
    return float(WIDEST ** max(0.0, 1 - progress / NARROWED))


def _inside(representation: Representation, room: Tensor) -> list[tuple[Any, Any]]:
    """Return which columns and rows of each map lie in the room: some maps have a margin."""
    points = representation.lattice.points(room).cpu().numpy()
    sides = room.cpu().numpy()[:, :, None]
    kept = (points >= -TOLERANCE) & (points <= sides + TOLERANCE)
    return [(along_x, along_y) for along_x, along_y in kept]


class Grid2d(GridMethod):
    """Encoder-decoder over fixed arrays (Le Moing et al. 2019, table II)."""

    name = "grid2d"

    def facts(self, train_on: Dataset, scale: Scale) -> dict[str, Any]:
        """Return the same facts, once arrays and region are known to be those of every scene.

        Raises:
            Incompatible: if they are not, or the arrays are not two of as many microphones.
        """
        found = super().facts(train_on, scale)
        last = train_on.scene(len(train_on) - 1).recording
        other = last.array.positions
        if other is None or not np.array_equal(other, found["microphones"]) or len(other) % 2:
            raise Incompatible(f"{self.name} learns two arrays, which must stay where they are")
        if last.region is None or not np.array_equal(corners(last.region), found["region"]):
            raise Incompatible(f"{self.name} learns one region, which must be that of every scene")
        return found

    def network(self, facts: Mapping[str, Any], representation: Representation) -> nn.Module:
        """Return the paper's network at paper scale, a thinner one that strides early below."""
        paper = facts["scale"] == "paper"
        width = int(self.params["width"]) or (PAPER_WIDTH if paper else SMALL_WIDTH)
        coarse = representation.size <= COARSE
        return GridNetwork(
            NetworkConfig(
                encoder=self.params["encoder"],  # type: ignore[arg-type]  # choices are checked
                arrays=2,
                mics_per_array=len(facts["microphones"]) // 2,
                channels=representation.channels,
                size=representation.size,
                width=width,
                decoder_width=max(width, PAPER_WIDTH) if coarse else width,
                early_stride=not paper,
                features=self.params["features"],  # type: ignore[arg-type]  # likewise
            )
        )

    def settings(self, scale: Scale) -> Settings:
        """Return the papers' at paper scale; below, as many steps whatever the number of scenes."""
        if scale == "paper":
            return self._published_settings()
        steps, batch = {"smoke": (186, 32), "quick": (1872, 64)}[scale]
        epochs = max(1, round(steps * batch / int(self._known()["scenes"])))
        return Settings(epochs, batch, 2e-3, Cosine(), weight_decay=0.01)

    def _published_settings(self) -> Settings:
        # Feng et al. train every representation alike, on clips of one known number of sources.
        if self._known()["always"]:
            return Settings(50, 128, 1e-3, Plateau(), patience=10, weight_decay=0.01, clip=None)
        return Settings(200, 128, 1e-4, betas=(0.5, 0.999), clip=None)

    def check(self, recording: Recording, facts: Mapping[str, Any]) -> None:
        """Check also that array and region are those that were trained on.

        Raises:
            FormatError: if it is not such as the network was trained on.
        """
        super().check(recording, facts)
        check_array(recording, facts)
        check_region(recording, facts)


class Grid2dAdhoc(GridMethod):
    """A map from any number of microphones anywhere (the ad-hoc sets of Feng et al. 2025).

    Below paper scale all nodes are heard, and what the front end makes of them is kept. At paper
    scale 15 nodes are drawn for each clip and epoch, as in the paper.
    """

    name = "grid2d-adhoc"

    def __init__(self, **params: Value) -> None:
        super().__init__(**params)
        self.frontend = SteeredFrontend()

    def network(self, facts: Mapping[str, Any], representation: Representation) -> nn.Module:
        """Return the network; see `adhoc`."""
        del facts
        lattice = representation.lattice
        return AdhocNetwork(
            NetworkConfig(
                channels=representation.channels,
                size=representation.size,
                width=ADHOC_WIDTH,
                lattice=(lattice.first, lattice.step),
            )
        )

    def settings(self, scale: Scale) -> Settings:
        """Return the paper's at paper scale, and short ones with a cosine below."""
        if scale == "paper":
            return Settings(50, 32, 1e-3, Plateau(), patience=10, weight_decay=0.01, clip=None)
        epochs = {"smoke": 10, "quick": 8}[scale]
        return Settings(epochs, 32, 2e-3, Cosine(), weight_decay=0.01)

    def features(self, scale: Scale) -> str | None:
        """Return a name for what the front end gives: correlating all pairs is what costs."""
        return None if scale == "paper" else "steered pairs, version 1"

    def question(self, recording: Recording) -> Example:
        """Return the planes of the front end, or at paper scale what it is made of."""
        heard = super().question(recording)
        if self._known()["scale"] == "paper":
            return heard
        tensors = {name: torch.tensor(np.asarray(value))[None] for name, value in heard.items()}
        planes = self.frontend(tensors["audio"], tensors["microphones"], tensors["room"])
        return {"planes": planes[0].numpy().astype(np.float16), "room": heard["room"]}

    def output(self, network: nn.Module, batch: Batch, rng: torch.Generator | None) -> Tensor:
        """Return the raw map, from all nodes or, in training at paper scale, from 15 drawn ones."""
        if "planes" in batch:
            # The network itself has what reads planes, not what shares a batch among GPUs.
            reader = cast("AdhocNetwork", getattr(network, "module", network))
            return reader.read(batch["planes"].float(), batch["room"])
        nodes = batch["audio"].shape[1]
        if rng is None or nodes <= NODES:
            return super().output(network, batch, rng)
        drawn = torch.rand(len(batch["audio"]), nodes, generator=rng).argsort(dim=1)[:, :NODES]
        rows = torch.arange(len(drawn))[:, None]
        heard = {name: batch[name][rows, drawn] for name in ("audio", "microphones")}
        return super().output(network, {**batch, **heard}, rng)
