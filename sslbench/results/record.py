"""The record: what a run was, what came of it, and what it cost. One JSON file a run.

The schema is versioned. A record of an older version is migrated when it is read; one of a newer
version is refused, since guessing would be worse than asking for an update.
"""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from sslbench.cell import Status
from sslbench.contracts import Scale, Value
from sslbench.errors import FormatError
from sslbench.scene import Kind

__all__ = [
    "ELSEWHERE",
    "SCHEMA_VERSION",
    "CostEntry",
    "DatasetEntry",
    "MethodEntry",
    "MetricEntry",
    "PredictionsEntry",
    "PublishedEntry",
    "ResampledEntry",
    "RunRecord",
    "SourceEntry",
    "read_record",
]

SCHEMA_VERSION = 2

ELSEWHERE = "answered elsewhere"
"""Stands for the plugin of a method whose answers were made by other software."""


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class MethodEntry(_Entry):
    """Which method ran. `source_sha256` is over the code of its plugin."""

    name: str
    params: dict[str, Value]
    plugin: str
    source_sha256: str
    parameters: int
    licence: str
    trained_on: str
    reference: bool
    """Whether it is an oracle or another answer that is shown but never ranked."""
    label: str
    """Name with the parameters that differ from their defaults, as one types it."""
    curve: list[dict[str, float | None]] = []
    """What was reported after each epoch of training: loss, validation value, clips a second."""


class DatasetEntry(_Entry):
    """Which scenes were asked. `manifest_sha256` is over all that determines them."""

    name: str
    version: str
    params: dict[str, Value]
    split: str
    manifest_sha256: str
    recordings: int
    kind: Kind
    primary_metric: str
    licence: str
    label: str
    """Name with the parameters that differ from their defaults, as one types it."""


class MetricEntry(_Entry):
    """One number.

    `ci95` is None where no interval is defined; `n` counts what was averaged, and `n_eff` how many
    independent ones would be as certain, None where unknown.
    """

    name: str
    version: int
    protocol: str
    value: float | None
    unit: str
    ci95: tuple[float, float] | None
    n: int
    n_eff: float | None
    higher_is_better: bool | None


class ResampledEntry(_Entry):
    """The primary metric on each resample, for paired differences between methods.

    Resamples depend on the lengths of the recordings alone, so that the values of two methods on
    the same scenes belong together one by one. `units` are the recordings that were drawn, or the
    blocks of frames if there is one recording.
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
    """Where the answers are, relative to the record, and their checksum."""

    path: str
    sha256: str


class CostEntry(_Entry):
    """What it took; None where nobody measured it.

    `real_time_factor` is inference seconds a second of audio.
    """

    train_s: float | None
    infer_s: float | None
    real_time_factor: float | None
    peak_ram_mb: float | None
    peak_vram_mb: float | None


class SourceEntry(_Entry):
    """The commit of the installed sslbench, if it is known."""

    commit: str | None
    dirty: bool | None


class RunRecord(_Entry):
    """Everything about one run. See the module for versions and migration."""

    schema_version: int
    run_id: str
    status: Status
    reason: str
    scale: Scale
    seeds: list[int]
    command: str
    method: MethodEntry
    dataset: DatasetEntry
    metrics: list[MetricEntry]
    strata: dict[str, dict[str, list[MetricEntry]]]
    resampled: ResampledEntry | None
    published: list[PublishedEntry]
    predictions: PredictionsEntry
    cost: CostEntry
    environment: dict[str, str]
    source: SourceEntry
    created: str

    @property
    def elsewhere(self) -> bool:
        """Whether the answers were made elsewhere and only scored here."""
        return self.method.plugin == ELSEWHERE

    def metric(self, name: str) -> MetricEntry | None:
        """Return the entry of a metric; None if the record has none of that name."""
        return next((entry for entry in self.metrics if entry.name == name), None)

    def to_json(self) -> str:
        """Return the record as JSON text with a stable order and a final newline.

        An undefined number (NaN) is written as null, since JSON has no NaN.
        """
        text = json.dumps(_without_nan(self.model_dump(mode="python")), indent=1)
        return _NUMBERS.sub(lambda found: _BREAK.sub(" ", found[0]), text) + "\n"


# Lists of numbers stand on one line: a thousand resamples are no thousand lines.
_NUMBERS = re.compile(r"\[\s+(?:-?\d[\d.e+-]*|null)(?:,\s+(?:-?\d[\d.e+-]*|null))*\s+\]")
_BREAK = re.compile(r"\s*\n\s*")


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(inner) for inner in value]
    return None if isinstance(value, float) and value != value else value


def _migrate(data: dict[str, Any], where: str) -> dict[str, Any]:
    version = data.get("schema_version")
    if version == 1:
        return _from_version_1(data)
    if version != SCHEMA_VERSION:
        raise FormatError(
            f"schema version {version!r}",
            where=where,
            expected=f"{SCHEMA_VERSION}",
            hint="update sslbench to read a newer record",
        )
    return data


def _from_version_1(data: dict[str, Any]) -> dict[str, Any]:
    """Add what version 1 did not say: effective sizes, values on resamples, learning curves."""
    bins = [entries for each in data["strata"].values() for entries in each.values()]
    for entry in itertools.chain(data["metrics"], *bins):
        entry.setdefault("n_eff", None)
    return data | {"schema_version": SCHEMA_VERSION, "resampled": None}


def read_record(path: Path) -> RunRecord:
    """Read a record.

    Raises:
        FormatError: if the file is no record of a known schema; it names the key at fault.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return RunRecord.model_validate(_migrate(data, str(path)))
    except (OSError, ValueError, AttributeError, KeyError, TypeError) as error:
        raise FormatError(_explain(error), where=str(path), expected="a run record") from error


def _explain(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
