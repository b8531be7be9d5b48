"""What a plugin offers: a spec that says what it can do, and a class that does it.

A *spec* is small and imports nothing heavy: listing methods must not import torch. The class
itself is named by a lazy target, ``"package.module:Class"``, and imported when it is used.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from sslbench.parameters import Parameter, Value
from sslbench.scene import Kind, Prediction, Recording, Scene, Tracks

__all__ = [
    "SCALES",
    "Dataset",
    "DatasetRequest",
    "DatasetSpec",
    "EpochReport",
    "ExecutorSpec",
    "Incompatible",
    "Method",
    "MethodSpec",
    "Metric",
    "MetricSpec",
    "Oracle",
    "Parameter",
    "ProtocolSpec",
    "Published",
    "Scale",
    "Spec",
    "TrainableMethod",
    "TrainingContext",
    "Value",
]

Scale = Literal["smoke", "quick", "paper"]
"""How much is run: seconds, minutes, or the sizes of the papers. Part of a result's identity."""

SCALES: tuple[Scale, ...] = ("smoke", "quick", "paper")


@dataclass(frozen=True)
class Published:
    """A number that a paper gives for a method, shown beside the measured one.

    Args:
        dataset, metric: their names here.
        value: in the metric's unit.
        source: paper and table.
        dataset_params, params: of data set and method, for which it holds.
        split: for which it holds.
    """

    dataset: str
    metric: str
    value: float
    source: str
    dataset_params: Mapping[str, Value] = field(default_factory=dict)
    params: Mapping[str, Value] = field(default_factory=dict)
    split: str = "test"


@dataclass(frozen=True)
class MethodSpec:
    """What a localization method is and what it can do.

    Args:
        name: unique, lower case, words joined by hyphens.
        target: ``"package.module:Class"`` of a `Method` or an `Oracle`.
        summary: one line.
        outputs: what it can answer.
        licence: SPDX identifier of its code.
        parameters: its parameters.
        max_sources: most sources it can find at once; None if there is no limit.
        formats: array formats that it understands.
        min_channels: fewest channels.
        min_channels_position: fewest channels to find a position at unknown height (one less is
            enough at known height); 0 if `min_channels` says it all.
        max_aperture: largest array in metres whose directions it can find, since a direction is
            one for the whole array in the far field only; None if any.
        min_rank_position: dimensions the array must span to find a position at unknown height
            (one less is enough at known height).
        trainable: whether it is a `TrainableMethod`.
        oracle: whether it is an `Oracle`: shown on boards as a reference, never ranked.
        paper: where it was published.
        published: numbers to stand beside measured ones.
    """

    name: str
    target: str
    summary: str
    outputs: tuple[Kind, ...]
    licence: str
    parameters: tuple[Parameter, ...] = ()
    max_sources: int | None = 1
    formats: tuple[str, ...] = ("mics",)
    min_channels: int = 1
    max_aperture: float | None = None
    min_rank_position: int = 0
    trainable: bool = False
    oracle: bool = False
    paper: str = ""
    published: tuple[Published, ...] = ()
    min_channels_position: int = 0


@dataclass(frozen=True)
class DatasetSpec:
    """What a data set is and what it asks for.

    Args:
        name: unique, lower case, words joined by hyphens.
        target: ``"package.module:Class"`` of a `Dataset`.
        summary: one line.
        version: changes whenever the same parameters give other scenes.
        kind: what is asked for.
        max_sources: most sources at once; None if the parameters decide.
        array: what the microphones are, in words.
        licence: SPDX identifier of the data.
        primary_metric: the metric that boards rank by.
        splits: names of its splits; `train` and `validation` are for training only.
        default_split: the one that is scored when none is named.
        parameters: its parameters.
        simulated: whether it is made on the spot and needs no download.
        twin: name of the simulated data set that stands in for it where it is not on the machine.
        where: where real data comes from: an address and what to do there.
        paper: where it was published.
    """

    name: str
    target: str
    summary: str
    version: str
    kind: Kind
    array: str
    licence: str
    primary_metric: str
    max_sources: int | None = 1
    splits: tuple[str, ...] = ("train", "validation", "test")
    default_split: str = "test"
    parameters: tuple[Parameter, ...] = ()
    simulated: bool = False
    twin: str = ""
    where: str = ""
    paper: str = ""


@dataclass(frozen=True)
class MetricSpec:
    """What a metric measures.

    Args:
        name: unique, lower case, words joined by hyphens.
        target: ``"package.module:factory"``, called with the parameters, that returns a `Metric`;
            its docstring is the definition that `sslbench metrics NAME` shows.
        summary: one line.
        unit: `m`, `deg`, `%`, ...; empty for a number; `distance` for metres or degrees.
        higher_is_better: direction; None where there is no better.
        kinds: which tracks it can compare.
        version: integer, raised whenever the same input gives another value.
        reference: paper and equation.
        parameters: its parameters. A text such as `gate=20deg` carries its unit.
        subject: what is compared: places of sources, or estimated places of microphones.
    """

    name: str
    target: str
    summary: str
    unit: str
    higher_is_better: bool | None
    kinds: tuple[Kind, ...] = ("position", "direction")
    version: int = 1
    reference: str = ""
    parameters: tuple[Parameter, ...] = ()
    subject: Literal["sources", "microphones"] = "sources"

    def unit_for(self, kind: Kind) -> str:
        """Return the unit of its value when it compares tracks of a kind."""
        if self.unit != "distance":
            return self.unit
        return "m" if kind == "position" else "deg"


@dataclass(frozen=True)
class ProtocolSpec:
    """A named set of rules by which answers become numbers: metrics, each with its parameters.

    Args:
        name: unique, lower case, words joined by hyphens.
        summary: one line: whose rules, and what to trust them for.
        metrics: as one types them, `mota[gate=20deg]`; those of the other kind are left out.
        association: which answer belongs to which source.
        gate: how far apart a pair may be.
        silence: what happens in frames without a source, and to sources without an answer.
        averaging: over what is averaged.
        primary: the metric that ranks, by kind; the data set's own where there is none.
        single_frames: whether intervals resample single frames, and are too narrow.
        reference: paper, section, code.
    """

    name: str
    summary: str
    metrics: tuple[str, ...]
    association: str
    gate: str
    silence: str
    averaging: str
    primary: Mapping[Kind, str] = field(default_factory=dict)
    single_frames: bool = False
    reference: str = ""


@dataclass(frozen=True)
class ExecutorSpec:
    """A way to run many cells.

    Args:
        name: unique.
        target: ``"package.module:Class"`` of an executor (see `sslbench.running.executors`).
        summary: one line.
    """

    name: str
    target: str
    summary: str


class Method(ABC):
    """Locates sources. Constructed with its parameters as keyword arguments."""

    @abstractmethod
    def locate(self, recording: Recording) -> Prediction:
        """Answer one recording, at its times, with at most `max_sources` tracks."""

    def locate_many(self, recordings: Sequence[Recording]) -> list[Prediction]:
        """Answer several recordings; override where a batch is faster than a loop."""
        return [self.locate(recording) for recording in recordings]

    @property
    def parameter_count(self) -> int:
        """Number of learned parameters."""
        return 0


@dataclass(frozen=True)
class EpochReport:
    """What a training loop says after each epoch.

    Args:
        epoch: from 1.
        epochs: how many there will be at most.
        values: losses and validation metrics by name.
    """

    epoch: int
    epochs: int
    values: Mapping[str, float]


@dataclass(frozen=True)
class TrainingContext:
    """What a method is given to train with, besides data.

    Args:
        seed: of everything random.
        scale: how long it may take.
        workspace: folder for checkpoints of unfinished work; kept when a run is interrupted.
        report: called after each epoch.
        device: `auto`, `cpu` or `cuda`.
    """

    seed: int
    scale: Scale
    workspace: Path
    report: Callable[[EpochReport], None]
    device: str = "cpu"


class Incompatible(Exception):  # noqa: N818  # not an error: the pair is skipped and the run goes on
    """Raised by a method that cannot learn from a data set, or answer it."""


class TrainableMethod(Method):
    """A method with something to learn. It is handed training and validation data only.

    `device` (`auto`, `cpu` or `cuda`) says where to compute; it is set before `fit` and `load`.
    """

    device: str = "cpu"

    @abstractmethod
    def fit(self, train: Dataset, validation: Dataset, context: TrainingContext) -> None:
        """Learn; go on from `context.workspace` if earlier work was interrupted there.

        Call `prepare` on what is listened to: it makes the scenes at once, with progress. Who
        needs the truth alone spares the making.

        Raises:
            Incompatible: if it cannot learn from such scenes.
        """

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write all that `load` needs into an empty folder, without pickle."""

    @abstractmethod
    def load(self, folder: Path) -> None:
        """Read what `save` wrote.

        Raises:
            FormatError: if the files are of another method, version or shape.
        """


class Oracle(ABC):
    """A ceiling: it is handed the scene, truth included, and says how good one could be."""

    @abstractmethod
    def answer(self, scene: Scene) -> Prediction:
        """Answer one scene."""


@dataclass(frozen=True)
class DatasetRequest:
    """Which part of a data set is wanted.

    Args:
        split: name of the split.
        scale: how much of it.
        params: every parameter of the spec, with its value.
        root: the data set's folder on this machine; None for simulated data.
        cache: folder for what can be made again.
    """

    split: str
    scale: Scale
    params: Mapping[str, Value]
    root: Path | None
    cache: Path


class Dataset(ABC):
    """One split of a data set: scenes by index. Constructed with a `DatasetRequest`."""

    def __init__(self, request: DatasetRequest) -> None:
        self.request = request

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of scenes."""

    @abstractmethod
    def scene(self, index: int) -> Scene:
        """Return one scene; the same on every machine and every call.

        Raises:
            DataError: if its files cannot be read or trusted.
        """

    @abstractmethod
    def fingerprint(self) -> str:
        """Return a SHA-256 of all that determines the scenes: files, or rules and seeds."""

    def truth(self, index: int) -> tuple[str, Tracks]:
        """Return the id of a recording and its truth; override where audio can be left alone."""
        scene = self.scene(index)
        return scene.recording.id, scene.truth

    def prepare(self) -> None:  # noqa: B027  # optional: most data is ready as it lies
        """Make or fetch all that `scene` needs, so that later calls are quick."""


class Metric(ABC):
    """Holds an answer against the truth.

    `components` turns one recording into statistics, one row a frame (or one row in all, for
    metrics of whole tracks); the rows of a corpus are stacked, and `value` turns them into the
    number. A corpus value therefore comes from pooled statistics, never from a mean of ratios,
    and an interval comes from resampled rows.
    """

    @abstractmethod
    def components(self, prediction: Tracks, truth: Tracks) -> NDArray[np.float64]:
        """Return the statistics of one recording, shape (rows, columns)."""

    @abstractmethod
    def value(self, rows: NDArray[np.float64]) -> float:
        """Turn stacked statistics, shape (rows, columns), into the number; NaN if undefined."""


Spec = MethodSpec | DatasetSpec | MetricSpec | ProtocolSpec | ExecutorSpec
AnySpec = TypeVar("AnySpec", MethodSpec, DatasetSpec, MetricSpec, ProtocolSpec, ExecutorSpec)
