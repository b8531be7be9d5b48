"""The record: what a run was, what came of it, and what it cost. One JSON file a run.

The schema is versioned. A record of an older version is migrated when it is read; one of a newer
version is refused, since guessing would be worse than asking for an update.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from sslbench.cell import Status
from sslbench.contracts import Scale, Value
from sslbench.errors import FormatError
from sslbench.scene import Kind

__all__ = [
    "SCHEMA_VERSION",
    "CostEntry",
    "DatasetEntry",
    "MethodEntry",
    "MetricEntry",
    "PredictionsEntry",
    "PublishedEntry",
    "RunRecord",
    "SourceEntry",
    "read_record",
]

SCHEMA_VERSION = 1


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
    """One number. `ci95` is None where no interval is defined; `n` counts what was averaged."""

    name: str
    version: int
    protocol: str
    value: float | None
    unit: str
    ci95: tuple[float, float] | None
    n: int
    higher_is_better: bool | None


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
    """What it took. `real_time_factor` is inference seconds a second of audio."""

    train_s: float
    infer_s: float
    real_time_factor: float
    peak_ram_mb: float
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
    published: list[PublishedEntry]
    predictions: PredictionsEntry
    cost: CostEntry
    environment: dict[str, str]
    source: SourceEntry
    created: str

    def metric(self, name: str) -> MetricEntry | None:
        """Return the entry of a metric; None if the record has none of that name."""
        return next((entry for entry in self.metrics if entry.name == name), None)

    def to_json(self) -> str:
        """Return the record as JSON text with a stable order and a final newline.

        An undefined number (NaN) is written as null, since JSON has no NaN.
        """
        return json.dumps(_without_nan(self.model_dump(mode="python")), indent=1) + "\n"


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(inner) for inner in value]
    return None if isinstance(value, float) and value != value else value


def _migrate(data: dict[str, Any], where: str) -> dict[str, Any]:
    version = data.get("schema_version")
    if version != SCHEMA_VERSION:
        raise FormatError(
            f"schema version {version!r}",
            where=where,
            expected=f"{SCHEMA_VERSION}",
            hint="update sslbench to read a newer record",
        )
    return data


def read_record(path: Path) -> RunRecord:
    """Read a record.

    Raises:
        FormatError: if the file is no record of a known schema; it names the key at fault.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return RunRecord.model_validate(_migrate(data, str(path)))
    except (OSError, ValueError, AttributeError) as error:
        raise FormatError(_explain(error), where=str(path), expected="a run record") from error


def _explain(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
