"""The score stage: from predictions to a record, with cost and provenance."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from sslbench.cell import Cell, Choice
from sslbench.contracts import DatasetSpec, MethodSpec, Metric, MetricSpec
from sslbench.errors import BrokenPluginError, FormatError
from sslbench.metrics.protocols import find_protocol
from sslbench.metrics.scoring import Score, score, score_strata
from sslbench.parameters import Parameter
from sslbench.registry import Registry, load_target
from sslbench.running.keys import digest, identity, source_sha256
from sslbench.running.predictions import read_predictions
from sslbench.running.record import (
    SCHEMA_VERSION,
    CostEntry,
    DatasetEntry,
    MethodEntry,
    MetricEntry,
    PredictionsEntry,
    PublishedEntry,
    RunRecord,
    SourceEntry,
)
from sslbench.running.stages import Predicted, Workbench
from sslbench.scene import Condition, Kind, Prediction, Tracks

__all__ = ["chosen_metrics", "make_record", "metric_entries", "pair_up", "run_id", "truths_of"]

SEED = 0
"""Of the resampling: one for all, so that methods are compared on the same resamples."""


def make_record(bench: Workbench, cell: Cell, predicted: Predicted) -> RunRecord:
    """Score the predictions of a cell and say all that a board needs to know of them.

    Raises:
        FormatError: if the predictions are damaged or of other recordings than the truth.
        DataError: if the truth cannot be read.
    """
    facts = predicted.facts
    truths = truths_of(bench, cell)
    pairs = pair_up(read_predictions(predicted.path), truths)
    kind = next(iter(truths.values())).kind
    metrics = chosen_metrics(bench.registry, cell.protocol, kind)
    dataset = bench.registry.dataset(cell.dataset.name).spec
    method = bench.registry.method(cell.method.name)
    if dataset.primary_metric not in {spec.name for spec, _ in metrics}:
        raise BrokenPluginError(
            f"its primary metric {dataset.primary_metric!r} is none of the protocol's",
            where=f"data set {dataset.name}",
            expected="one of " + ", ".join(spec.name for spec, _ in metrics),
        )
    public = _public(bench.registry, cell)
    sha256 = hashlib.sha256(predicted.path.read_bytes()).hexdigest()
    return RunRecord(
        schema_version=SCHEMA_VERSION,
        run_id=run_id(bench.registry, cell, sha256),
        status="ok",
        reason="",
        scale=cell.scale,
        seeds=[cell.seed],
        command=public.command,
        method=_method_entry(public, method.spec, method.distribution, facts),
        dataset=_dataset_entry(bench, public, kind, len(truths)),
        metrics=metric_entries(list(pairs.values()), metrics, cell.protocol),
        strata=_strata(pairs, facts["conditions"], metrics, dataset, cell.protocol),
        published=_published(cell, method.spec),
        predictions=PredictionsEntry(path="predictions.npz", sha256=sha256),
        cost=_cost(facts),
        environment=facts["environment"],
        source=SourceEntry(**facts["source"]),
        created=facts["created"],
    )


def _public(registry: Registry, cell: Cell) -> Cell:
    # Folders and the like change no result, and are nobody else's business.
    method = registry.method(cell.method.name).spec.parameters
    dataset = registry.dataset(cell.dataset.name).spec.parameters
    return replace(
        cell,
        method=_without_folders(cell.method, method),
        dataset=_without_folders(cell.dataset, dataset),
    )


def _without_folders(choice: Choice, parameters: Sequence[Parameter]) -> Choice:
    shown = identity(parameters, choice)
    return replace(choice, changed=tuple(name for name in choice.changed if name in shown))


def truths_of(bench: Workbench, cell: Cell) -> dict[str, Tracks]:
    """Return the truth of every recording of a cell's split, by recording id.

    Raises:
        FormatError: if there is no recording, or two have one id.
    """
    dataset = bench.dataset(cell.dataset, cell.split, cell.scale)
    found = dict(dataset.truth(index) for index in range(len(dataset)))
    if not found or len(found) < len(dataset):
        raise FormatError(
            f"{len(dataset)} recordings with {len(found)} ids",
            where=f"{cell.dataset}:{cell.split}",
            expected="at least one recording, each with an id of its own",
        )
    return found


def pair_up(
    predictions: Mapping[str, Prediction], truths: Mapping[str, Tracks]
) -> dict[str, tuple[Tracks, Tracks]]:
    """Put each answer beside its truth, in the order of the truth.

    Raises:
        FormatError: if a recording has no answer, or an answer no recording.
    """
    strangers = sorted(set(predictions) ^ set(truths))
    if strangers:
        raise FormatError(
            f"{len(strangers)} recordings are only among the answers or only in the truth",
            where=strangers[0],
            expected="one answer for each recording of the split",
        )
    return {name: (predictions[name].tracks, truth) for name, truth in truths.items()}


def chosen_metrics(
    registry: Registry, protocol: str, kind: Kind
) -> list[tuple[MetricSpec, Metric]]:
    """Return the metrics of a protocol that can compare a kind of tracks.

    Raises:
        UnknownNameError: if there is no such protocol.
        BrokenPluginError: if a metric cannot be made.
    """
    specs = find_protocol(protocol).select((o.spec for o in registry.metrics.values()), kind)
    return [(spec, _make_metric(spec)) for spec in specs]


def _make_metric(spec: MetricSpec) -> Metric:
    metric = load_target(spec.target, f"metric {spec.name}")()
    if not isinstance(metric, Metric):
        raise BrokenPluginError(f"{spec.target} gives no Metric", where=f"metric {spec.name}")
    return metric


def metric_entries(
    pairs: Sequence[tuple[Tracks, Tracks]],
    metrics: Sequence[tuple[MetricSpec, Metric]],
    protocol: str,
) -> list[MetricEntry]:
    """Score answers under every metric, as a record holds it."""
    return [_entry(found) for found in score(pairs, metrics, protocol, SEED)]


def _entry(found: Score) -> MetricEntry:
    # JSON has no NaN: an undefined number is null.
    value = None if found.value != found.value else found.value
    return MetricEntry(**(asdict(found) | {"value": value}))


def _strata(
    pairs: Mapping[str, tuple[Tracks, Tracks]],
    conditions: Mapping[str, Mapping[str, Condition]],
    metrics: Sequence[tuple[MetricSpec, Metric]],
    dataset: DatasetSpec,
    protocol: str,
) -> dict[str, dict[str, list[MetricEntry]]]:
    primary = [pair for pair in metrics if pair[0].name == dataset.primary_metric]
    found = score_strata(pairs, conditions, primary, protocol, SEED)
    return {
        condition: {label: [_entry(s) for s in scores] for label, scores in bins.items()}
        for condition, bins in found.items()
    }


def run_id(registry: Registry, cell: Cell, predictions_sha256: str) -> str:
    """Return the name of a run: method, data set, split, scale, and a hash of all the rest."""
    rest = {
        "method": identity(registry.method(cell.method.name).spec.parameters, cell.method),
        "dataset": identity(registry.dataset(cell.dataset.name).spec.parameters, cell.dataset),
        "seed": cell.seed,
        "protocol": cell.protocol,
        "predictions": predictions_sha256,
    }
    names = (cell.method.name, cell.dataset.name, cell.split, cell.scale)
    return f"{'-'.join(names)}-{digest(rest)[:10]}"


def _method_entry(
    cell: Cell, spec: MethodSpec, distribution: str, facts: Mapping[str, Any]
) -> MethodEntry:
    return MethodEntry(
        name=spec.name,
        params=identity(spec.parameters, cell.method),
        plugin=distribution,
        source_sha256=source_sha256(spec.target),
        parameters=facts["parameters"],
        licence=spec.licence,
        trained_on=facts["trained_on"],
        reference=spec.oracle,
        label=str(cell.method),
    )


def _dataset_entry(bench: Workbench, cell: Cell, kind: Kind, recordings: int) -> DatasetEntry:
    spec = bench.registry.dataset(cell.dataset.name).spec
    return DatasetEntry(
        name=spec.name,
        version=spec.version,
        params=identity(spec.parameters, cell.dataset),
        split=cell.split,
        manifest_sha256=bench.data_key(cell, cell.split),
        recordings=recordings,
        kind=kind,
        primary_metric=spec.primary_metric,
        licence=spec.licence,
        label=str(cell.dataset),
    )


def _published(cell: Cell, spec: MethodSpec) -> list[PublishedEntry]:
    return [
        PublishedEntry(metric=known.metric, value=known.value, source=known.source)
        for known in spec.published
        if known.dataset == cell.dataset.name
        and known.params.items() <= dict(cell.method.params).items()
        and known.dataset_params.items() <= dict(cell.dataset.params).items()
    ]


def _cost(facts: Mapping[str, Any]) -> CostEntry:
    return CostEntry(
        train_s=facts["train_s"],
        infer_s=facts["infer_s"],
        real_time_factor=facts["infer_s"] / facts["audio_s"],
        peak_ram_mb=facts["peak_ram_mb"],
        peak_vram_mb=facts["peak_vram_mb"],
    )
