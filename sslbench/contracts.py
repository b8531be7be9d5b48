"""Contracts: the classes that plugins implement.

Each is named by the spec of its kind (`sslbench.specs`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

import numpy as np

from sslbench.array_types import Floats
from sslbench.parameters import Value
from sslbench.scene import Prediction, Recording, Scene, Tracks
from sslbench.specs import Scale

__all__ = [
    "Alteration",
    "Dataset",
    "DatasetRequest",
    "EpochReport",
    "Incompatible",
    "Method",
    "Metric",
    "Oracle",
    "SelectionMetric",
    "Tracker",
    "Trainable",
    "TrainableMethod",
    "TrainingContext",
    "Windowing",
    "window_of",
]


class Trainable(ABC):
    """Something that learns from training and validation data: a method, or a part of one.

    `device` (`auto`, `cpu` or `cuda`) is where to compute; it is set before `fit` and `load`.
    """

    device: str = "cpu"

    @abstractmethod
    def fit(self, train: Dataset, validation: Dataset, context: TrainingContext) -> None:
        """Learn, resuming from `context.workspace` if earlier work was interrupted there.

        Call `prepare` on a data set before reading its audio: it makes all scenes at once, with
        progress. A part that generates its own data is given data sets without scenes.

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

    @property
    def report(self) -> Mapping[str, float]:
        """Scores of its own, on data that it did not learn from, by name; after `fit` or `load`."""
        return {}

    @property
    def parameter_count(self) -> int:
        """Number of learned parameters."""
        return 0


@dataclass(frozen=True)
class Windowing:
    """How a long recording is cut into windows.

    Args:
        rows: requested times per window; 0 to fill a window of `seconds`.
        hop: times from the start of one window to that of the next; 0 for `rows`.
        context: seconds of audio before the first and after the last frame of a window.
        seconds: length of a window where `rows` is 0.
    """

    rows: int = 0
    hop: int = 0
    context: float = 0.0
    seconds: float = 60.0


class Method(ABC):
    """Locates sources. Constructed with its parameters as keyword arguments.

    Attributes:
        parts: the trained parts that the spec names (`MethodSpec.parts`), by name; set before
            `fit`, `load` and `locate`.
        windowing: how recordings longer than a window may be cut for `locate`, whose results are
            joined along time; None if a recording must stay whole.
    """

    parts: Mapping[str, Trainable] = MappingProxyType({})
    windowing: Windowing | None = None

    @abstractmethod
    def locate(self, recording: Recording) -> Prediction:
        """Localize the sources of one recording at its times, with at most `max_sources` tracks."""

    def locate_many(self, recordings: Sequence[Recording]) -> list[Prediction]:
        """Localize the sources of several recordings; override where a batch is faster."""
        return [self.locate(recording) for recording in recordings]

    @property
    def parameter_count(self) -> int:
        """Number of learned parameters."""
        return 0


@dataclass(frozen=True)
class EpochReport:
    """What a training loop reports after each epoch.

    Args:
        epoch: from 1.
        epochs: largest number of epochs.
        values: losses and validation metrics by name.
    """

    epoch: int
    epochs: int
    values: Mapping[str, float]


@dataclass(frozen=True)
class TrainingContext:
    """What `Trainable.fit` is given besides data.

    Args:
        seed: of everything random.
        scale: how long it may take.
        workspace: folder for checkpoints of unfinished work; kept when a run is interrupted.
        report: called after each epoch.
        device: `auto`, `cpu` or `cuda`.
        start: folder that `save` wrote in the training to continue from (fine-tuning); None to
            start from initial weights.
        parts_key: identifies the trained parts, for features that depend on them.
        selection: the metrics that the spec names to choose the epoch by, by label.
    """

    seed: int
    scale: Scale
    workspace: Path
    report: Callable[[EpochReport], None]
    device: str = "cpu"
    start: Path | None = None
    parts_key: str = ""
    selection: Mapping[str, SelectionMetric] = field(default_factory=dict)


@dataclass(frozen=True)
class SelectionMetric:
    """A metric by which epochs are chosen on validation scenes.

    Args:
        metric: computes it.
        higher_is_better: its direction.
    """

    metric: Metric
    higher_is_better: bool


class Incompatible(Exception):  # noqa: N818  # not an error: the pair is skipped and the run goes on
    """Raised by a method that cannot learn from a data set, or cannot process its recordings.

    A data set raises it if it has no recordings of a split that only training needs.
    """


class TrainableMethod(Trainable, Method):
    """A method that learns. It is given training and validation data only."""

    @property
    def parameter_count(self) -> int:
        """Number of learned parameters."""
        return 0


class Oracle(ABC):
    """An upper bound: it is given the ground truth, and shows how good a method could be."""

    @abstractmethod
    def locate(self, scene: Scene) -> Prediction:
        """Return a prediction for one scene."""


class Tracker(ABC):
    """Joins the estimates of single frames to tracks. Constructed with its parameters.

    Its input comes from the stored predictions of a method, the detector, so that the detector
    does not run again. Columns of the input have no identity.
    """

    @abstractmethod
    def track(self, detections: Tracks, max_sources: int) -> Tracks:
        """Return tracks at the times of the detections, with at most `max_sources` at once."""


@dataclass(frozen=True)
class DatasetRequest:
    """Which part of a data set is wanted.

    Args:
        split: name of the split.
        scale: how much of it.
        params: every parameter of the spec, with its value.
        root: the data set's folder on this machine; None for simulated data.
        cache: folder for files that can be made again.
    """

    split: str
    scale: Scale
    params: Mapping[str, Value]
    root: Path | None
    cache: Path


class Dataset(ABC):
    """One split of a data set: scenes by index. Constructed with a `DatasetRequest`.

    Attributes:
        reads_windows: whether `window` reads only the audio of the window.
    """

    reads_windows: bool = False

    def __init__(self, request: DatasetRequest) -> None:
        self.request = request

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of scenes."""

    @abstractmethod
    def scene(self, index: int) -> Scene:
        """Return one scene; the same on every machine and at every call.

        Raises:
            DataError: if its files cannot be read or trusted.
        """

    @abstractmethod
    def fingerprint(self) -> str:
        """Return a SHA-256 of all that determines the scenes: files, or rules and seeds."""

    def truth(self, index: int) -> tuple[str, Prediction]:
        """Return the id and the ground truth of a recording; override to avoid reading audio."""
        scene = self.scene(index)
        return scene.recording.id, scene.truth

    def window(self, index: int, rows: slice, context: float = 0.0) -> Scene:
        """Return a part of a scene, see `Recording.window`.

        Override it, and set `reads_windows`, where a part of a long recording can be read alone.
        """
        return window_of(self.scene(index), rows, context)

    def prepare(self) -> None:  # noqa: B027  # optional: most data needs no preparation
        """Make or fetch all that `scene` needs, so that later calls are fast."""

    def report(self) -> Sequence[str]:
        """Return what was found, left out and assumed, one line each.

        `sslbench datasets prepare` prints it after `prepare`.
        """
        return ()


def window_of(scene: Scene, rows: slice, context: float = 0.0) -> Scene:
    """Return the part of a scene that belongs to some of its times."""
    recording = scene.recording.window(rows, context)
    tracks = replace(scene.truth.tracks.at(rows), times=recording.times)
    return replace(scene, recording=recording, truth=replace(scene.truth, tracks=tracks))


class Alteration(ABC):
    """Changes the scenes of any data set. Constructed with its parameters.

    The fingerprint of an altered data set is that of the inner one together with name, version
    and parameters of the alteration.
    """

    @abstractmethod
    def scene(self, inner: Dataset, index: int, rng: np.random.Generator) -> Scene:
        """Return an altered scene.

        Args:
            inner: the data set that is altered.
            index: of the scene.
            rng: of this scene; the same on every machine and at every call.

        Raises:
            Incompatible: if such scenes cannot be altered in this way.
        """

    def truth(self, inner: Dataset, index: int, rng: np.random.Generator) -> tuple[str, Prediction]:
        """Return id and ground truth of an altered scene; override to avoid reading audio."""
        scene = self.scene(inner, index, rng)
        return scene.recording.id, scene.truth


class Metric(ABC):
    """Compares a prediction with the ground truth.

    `components` turns one recording into statistics, one row per frame (or one row in all, for
    metrics of whole tracks); the rows of a corpus are stacked, and `value` turns them into the
    number. A corpus value therefore comes from pooled statistics, never from a mean of ratios,
    and a confidence interval comes from resampled rows.
    """

    @abstractmethod
    def components(self, prediction: Tracks, truth: Tracks) -> Floats:
        """Return the statistics of one recording, shape (rows, columns)."""

    @abstractmethod
    def value(self, rows: Floats) -> float:
        """Turn stacked statistics, shape (rows, columns), into the number; NaN if undefined."""
