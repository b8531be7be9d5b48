"""Specs: what plugins say about themselves.

A spec is small and imports nothing heavy: listing methods must not import torch. The class that
does the work is named by a lazy target, ``"package.module:Class"``, and imported when it is used;
see `sslbench.contracts` for what it must implement.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from sslbench.parameters import Parameter, Value
from sslbench.scene import Kind

__all__ = [
    "SCALES",
    "AlterationSpec",
    "ClassSpec",
    "DatasetSpec",
    "ExecutorSpec",
    "MethodSpec",
    "MetricSpec",
    "Parameter",
    "Part",
    "ProtocolSpec",
    "Published",
    "Scale",
    "Shipped",
    "Spec",
    "TrackerSpec",
    "Value",
]

Scale = Literal["smoke", "quick", "paper"]
"""Size of a run: seconds, minutes, or the sizes of the papers. Part of a result's identity."""

SCALES: tuple[Scale, ...] = ("smoke", "quick", "paper")


@dataclass(frozen=True)
class Published:
    """A number that a paper gives for a method, shown beside the measured one.

    Args:
        dataset, metric: their names here.
        value: in the metric's unit.
        source: paper and table.
        dataset_params, params: parameters of data set and method for which it holds.
        split: for which it holds.
        trained_on: the training data, if they are not those of the data set itself, as they are
            typed: `lemoing2019[train_share=0.1]`.
    """

    dataset: str
    metric: str
    value: float
    source: str
    dataset_params: Mapping[str, Value] = field(default_factory=dict)
    params: Mapping[str, Value] = field(default_factory=dict)
    split: str = "test"
    trained_on: str = ""


@dataclass(frozen=True, kw_only=True)
class Spec:
    """What every plugin kind has in common.

    Args:
        name: unique among the specs of its kind, lower case, words joined by hyphens.
        summary: one line.
        version: raised whenever the same input and parameters give another result.
        parameters: its parameters.
    """

    name: str
    summary: str
    version: int | str = 1
    parameters: tuple[Parameter, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ClassSpec(Spec):
    """A spec with code behind it.

    Args:
        target: ``"package.module:Class"``, imported when it is used.
    """

    target: str


@dataclass(frozen=True, kw_only=True)
class Shipped:
    """A finished training that a plugin comes with, so that its method can be used at once.

    Args:
        folder: ``"package:folder"``, as `sslbench plugins ship` wrote it.
        params: parameters of the training that are not the defaults.
    """

    folder: str
    params: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Part:
    """Something that must be trained before a method can be: its own network, used by the method.

    A part is trained once and found again by every method and parameter set that shares it. It
    is no localizer and has no row on a board; its report stands in the record.

    Args:
        name: unique within the method.
        target: ``"package.module:Class"`` of a `Trainable`.
        data: `training`: the training data of the method; `own`: it generates its own.
        parameters: names of the method's parameters that the part is constructed with.
        when: values of the method's parameters with which the part is needed, several of them as a
            tuple; always if empty.
        shipped: a finished training, whose parameters are those of the method.
    """

    name: str
    target: str
    data: Literal["training", "own"] = "training"
    parameters: tuple[str, ...] = ()
    when: Mapping[str, Value | tuple[Value, ...]] = field(default_factory=dict)
    shipped: Shipped | None = None

    def needed(self, params: Mapping[str, Value]) -> bool:
        """Whether it is needed with some values of the method's parameters."""
        return all(
            params[name] in (values if isinstance(values, tuple) else (values,))
            for name, values in self.when.items()
        )


@dataclass(frozen=True, kw_only=True)
class MethodSpec(ClassSpec):
    """What a localization method is and what it can do. The target is a `Method` or an `Oracle`.

    Args:
        outputs: what it can estimate.
        licence: SPDX identifier of its code.
        max_sources: largest number of sources it can find at once; None if there is no limit.
        formats: array formats that it accepts.
        min_channels: smallest number of channels.
        min_channels_position: smallest number of channels to find a position at unknown height
            (one less is enough at known height); 0 if `min_channels` says it all.
        max_aperture: largest array in metres whose directions it can find, since a direction is
            the same for the whole array in the far field only; None if any.
        min_rank_position: dimensions the array must span to find a position at unknown height
            (one less is enough at known height).
        known_height: whether it finds positions in a search region of a single height only.
        unknown_microphones: whether it accepts arrays with microphones of unknown position.
        frame_wise: whether each estimate depends on the audio of its own frame only, so that a
            long recording can be processed in windows with identical results.
        trainable: whether it is a `TrainableMethod`.
        oracle: whether it is an `Oracle`: shown on boards as a reference, never ranked.
        selection: metrics by which its epochs are chosen on validation scenes, as they are typed,
            such as `resolution-f1[within=0.3m]`. Their versions count in a checkpoint's identity.
        parts: what must be trained before.
        shipped: a finished training, whose parts are the shipped ones.
        paper: where it was published.
        published: numbers to show beside measured ones.
    """

    outputs: tuple[Kind, ...]
    licence: str
    max_sources: int | None = 1
    formats: tuple[str, ...] = ("mics",)
    min_channels: int = 1
    min_channels_position: int = 0
    max_aperture: float | None = None
    min_rank_position: int = 0
    known_height: bool = False
    unknown_microphones: bool = False
    frame_wise: bool = False
    trainable: bool = False
    oracle: bool = False
    selection: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()
    shipped: Shipped | None = None
    paper: str = ""
    published: tuple[Published, ...] = ()

    def needed_parts(self, params: Mapping[str, Value]) -> tuple[Part, ...]:
        """Return the parts that the method needs with some parameter values."""
        return tuple(part for part in self.parts if part.needed(params))

    def learns(self, params: Mapping[str, Value]) -> bool:
        """Whether the method, or a part of it, is trained."""
        return self.trainable or bool(self.needed_parts(params))


@dataclass(frozen=True, kw_only=True)
class DatasetSpec(ClassSpec):
    """What a data set is and what it requests. The target is a `Dataset`.

    Args:
        version: changes whenever the same parameters give other scenes.
        kind: what is requested.
        max_sources: largest number of sources at once; None if the parameters decide.
        array: the microphones, in words.
        licence: SPDX identifier of the data.
        primary_metric: the metric that boards rank by.
        splits: names of its splits; `train` and `validation` are for training only.
        default_split: the one that is scored when none is named.
        simulated: whether it is generated on this machine and needs no download.
        twin: name of a simulated data set to use where this one is not on the machine.
        where: source of real data: an address and what to do there.
        paper: where it was published.
    """

    version: str
    kind: Kind
    array: str
    licence: str
    primary_metric: str
    max_sources: int | None = 1
    splits: tuple[str, ...] = ("train", "validation", "test")
    default_split: str = "test"
    simulated: bool = False
    twin: str = ""
    where: str = ""
    paper: str = ""

    @property
    def trains(self) -> bool:
        """Whether it has the splits that a method can be trained on."""
        return {"train", "validation"} <= set(self.splits)


@dataclass(frozen=True, kw_only=True)
class AlterationSpec(ClassSpec):
    """A change of the scenes of a data set, selected by `+`. The target is an `Alteration`."""


@dataclass(frozen=True, kw_only=True)
class TrackerSpec(ClassSpec):
    """A tracker over the estimates of a method, selected by `+`. The target is a `Tracker`.

    Args:
        licence: SPDX identifier of its code.
        paper: where it was published.
    """

    licence: str
    paper: str = ""


@dataclass(frozen=True, kw_only=True)
class MetricSpec(ClassSpec):
    """What a metric measures. The target is called with the parameters and returns a `Metric`.

    The docstring of the target is the definition that `sslbench metrics NAME` shows.

    Args:
        unit: `m`, `deg`, `%`, ...; empty for a number; `distance` for metres or degrees.
        higher_is_better: direction; None where there is no better.
        kinds: which tracks it can compare.
        version: raised whenever the same input gives another value.
        reference: paper and equation.
        subject: what is compared: positions of sources, or estimated positions of microphones.
    """

    unit: str
    higher_is_better: bool | None
    version: int = 1
    kinds: tuple[Kind, ...] = ("position", "direction")
    reference: str = ""
    subject: Literal["sources", "microphones"] = "sources"

    def unit_for(self, kind: Kind) -> str:
        """Return the unit of its value when it compares tracks of a kind."""
        if self.unit != "distance":
            return self.unit
        return "m" if kind == "position" else "deg"


@dataclass(frozen=True, kw_only=True)
class ProtocolSpec(Spec):
    """A named set of rules that turn predictions into numbers: metrics with their parameters.

    Args:
        metrics: as they are typed, `mota[gate=20deg]`; those of the other kind are left out.
        association: which estimate belongs to which source.
        gate: how far apart a pair may be.
        missing: how frames without a source, and sources without an estimate, are treated.
        averaging: over what is averaged.
        primary: the metric that ranks, by kind; the data set's own where there is none.
        single_frames: whether confidence intervals resample single frames, and are too narrow.
        reference: paper, section, code.
    """

    metrics: tuple[str, ...]
    association: str
    gate: str
    missing: str
    averaging: str
    primary: Mapping[Kind, str] = field(default_factory=dict)
    single_frames: bool = False
    reference: str = ""


@dataclass(frozen=True, kw_only=True)
class ExecutorSpec(ClassSpec):
    """A way to run many cells. The target is a `sslbench.running.executors.Executor`."""
