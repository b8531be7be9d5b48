"""The record: what a run was, its results, and its cost. One JSON file per run.

The schema is versioned. A record of an older version is migrated when it is read (`migration`);
one of a newer version is refused, since guessing would be worse than asking for an update.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from sslbench.errors import FormatError
from sslbench.results.migration import EXTERNAL, SCHEMA_VERSION, migrated
from sslbench.scene import Kind
from sslbench.specs import Scale, Value

__all__ = [
    "EXTERNAL",
    "SCHEMA_VERSION",
    "AdditionEntry",
    "CostEntry",
    "DatasetEntry",
    "MethodEntry",
    "MetricEntry",
    "PartEntry",
    "PluginEntry",
    "PredictionsEntry",
    "PublishedEntry",
    "ResampledEntry",
    "RunRecord",
    "SourceEntry",
    "TrainingEntry",
    "read_record",
]


MAX_BYTES = 20_000_000
"""Largest record that is read. The largest committed one has less than 1 MB."""


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class AdditionEntry(_Entry):
    """A tracker of a method, or an alteration of a data set."""

    name: str
    version: int | str
    params: dict[str, Value]


class PluginEntry(_Entry):
    """The installed package that a method comes from.

    `files_sha256` is over all its installed files; empty in records that do not know it.
    """

    distribution: str
    version: str
    files_sha256: str


class TrainingEntry(_Entry):
    """One training of a chain: the data, with its alterations, the scale and the seed.

    `key` identifies the checkpoint in a store; empty in records that do not know it.
    """

    data: str
    name: str
    params: dict[str, Value]
    additions: list[AdditionEntry]
    scale: Scale
    seed: int
    key: str


class PartEntry(_Entry):
    """A part that was trained before: its checkpoint, its data, and its own scores."""

    name: str
    key: str
    data: str
    report: dict[str, float]


class MethodEntry(_Entry):
    """Which method was run. `source_sha256` is over the code that its results depend on."""

    name: str
    version: int | str
    params: dict[str, Value]
    additions: list[AdditionEntry]
    plugin: PluginEntry
    source_sha256: str
    parameters: int
    licence: str
    training: list[TrainingEntry]
    """The trainings that led to it, the last one last; empty for methods that do not learn."""
    parts: list[PartEntry]
    reference: bool
    """Whether it is an oracle, which is shown but never ranked."""
    label: str
    """Name with trackers and the parameters that differ from their defaults, as it is typed."""
    curve: list[dict[str, float | None]]
    """What was reported after each epoch: loss, validation value, clips per second."""

    @property
    def trained_on(self) -> str:
        """The training data in words; empty for methods that do not learn."""
        return ", then ".join(f"{each.data} ({each.scale})" for each in self.training)


class DatasetEntry(_Entry):
    """Which scenes were used. `scenes_sha256` is over everything that determines them."""

    name: str
    version: str
    params: dict[str, Value]
    additions: list[AdditionEntry]
    split: str
    scenes_sha256: str
    recordings: int
    clusters: dict[str, list[int]]
    """By kind of cluster (talker, room, ...), the number of the cluster of each recording."""
    kind: Kind
    primary_metric: str
    licence: str
    label: str
    """Name with alterations and the parameters that differ from their defaults, as it is typed."""


class MetricEntry(_Entry):
    """One number.

    `ci95` is None where no confidence interval is defined; `n` counts what was averaged, and
    `n_eff`, the effective sample size, how many independent ones would give the same certainty,
    None where unknown.
    """

    name: str
    version: int
    value: float | None
    unit: str
    ci95: tuple[float, float] | None
    n: int
    n_eff: float | None
    higher_is_better: bool | None


class ResampledEntry(_Entry):
    """The primary metric on each resample, for paired differences between methods.

    Resamples depend on the lengths of the recordings only, so that the values of two methods on
    the same scenes belong together one by one. `units` is the number of recordings that were
    drawn, or of blocks of frames if there is one recording.
    """

    metric: str
    units: int
    values: list[float | None]


class PublishedEntry(_Entry):
    """The number that a paper gives for the same thing."""

    metric: str
    value: float
    source: str


class PredictionsEntry(_Entry):
    """Where the predictions are, relative to the record, and their checksum."""

    path: str
    sha256: str


class CostEntry(_Entry):
    """What a run took; None where it was not measured.

    `real_time_factor` is seconds of inference per second of audio, `peak_ram_mb` the memory of
    inference above that of the loaded method. `isolated` says whether the two were measured in a
    fresh process on one thread; otherwise they depend on what else the process did.
    """

    train_s: float | None
    infer_s: float | None
    real_time_factor: float | None
    peak_ram_mb: float | None
    peak_vram_mb: float | None
    cpu: str
    threads: int | None
    isolated: bool


class SourceEntry(_Entry):
    """The commit of the installed sslbench, if it is known."""

    commit: str | None
    dirty: bool | None


class RunRecord(_Entry):
    """Everything about one run."""

    schema_version: int
    run_id: str
    scale: Scale
    seed: int
    protocol: str
    command: str
    method: MethodEntry
    dataset: DatasetEntry
    metrics: list[MetricEntry]
    by_condition: dict[str, dict[str, list[MetricEntry]]]
    """The primary metric by condition and by bin of that condition."""
    resampled: ResampledEntry | None
    published: list[PublishedEntry]
    predictions: PredictionsEntry
    cost: CostEntry
    environment: dict[str, str]
    source: SourceEntry
    created: str

    @property
    def external(self) -> bool:
        """Whether the predictions were made by other software and only scored here."""
        return self.method.plugin.distribution == EXTERNAL

    def metric(self, name: str) -> MetricEntry | None:
        """Return the entry of a metric; None if the record has none of that name."""
        return next((entry for entry in self.metrics if entry.name == name), None)

    def to_json(self) -> str:
        """Return the record as JSON text with a stable order and a final newline.

        An undefined number (NaN) is written as null, since JSON has no NaN.
        """
        text = json.dumps(_without_nan(self.model_dump(mode="python")), indent=1)
        return _NUMBERS.sub(lambda found: _BREAK.sub(" ", found[0]), text) + "\n"


# A list of numbers is written on one line, not on a thousand.
_NUMBERS = re.compile(r"\[\s+(?:-?\d[\d.e+-]*|null)(?:,\s+(?:-?\d[\d.e+-]*|null))*\s+\]")
_BREAK = re.compile(r"\s*\n\s*")


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(inner) for inner in value]
    return None if isinstance(value, float) and value != value else value


def read_record(path: Path) -> RunRecord:
    """Read a record.

    Raises:
        FormatError: if the file is not a record of a known schema; it names the key at fault.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ValueError(f"it has more than {MAX_BYTES / 1e6:.0f} MB")
        data = json.loads(path.read_text(encoding="utf-8"))
        return RunRecord.model_validate(migrated(data, str(path)))
    except RecursionError as error:
        raise FormatError(
            "its values are nested too deeply", where=str(path), expected="a run record"
        ) from error
    except (OSError, ValueError, AttributeError, KeyError, TypeError) as error:
        raise FormatError(_explain(error), where=str(path), expected="a run record") from error


def _explain(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
