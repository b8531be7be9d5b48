"""The score stage: from predictions to a record, with cost and provenance."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sslbench.cache_keys import digest, identity, source_sha256
from sslbench.cell import Cell, Choice
from sslbench.contracts import MethodSpec
from sslbench.errors import FormatError
from sslbench.parameters import Parameter
from sslbench.registry import Registry
from sslbench.results.predictions import read_predictions
from sslbench.results.record import (
    SCHEMA_VERSION,
    CostEntry,
    DatasetEntry,
    MethodEntry,
    MetricEntry,
    PredictionsEntry,
    PublishedEntry,
    ResampledEntry,
    RunRecord,
    SourceEntry,
)
from sslbench.running.ground_truth import scenes_of, truths_of
from sslbench.running.stages import Predicted, Workbench
from sslbench.scene import Condition, Prediction, Tracks
from sslbench.scoring.protocols import configure_metrics, primary_metric
from sslbench.scoring.scores import Pair, Score, score_run, score_strata

__all__ = [
    "Numbers",
    "dataset_entry",
    "make_record",
    "metric_entry",
    "microphone_pair",
    "pair_up",
    "published_of",
    "run_id",
    "score_cell",
    "with_numbers",
]

SEED = 0
"""Of the resampling: one for all, so that methods are compared on the same resamples."""


def make_record(bench: Workbench, cell: Cell, predicted: Predicted) -> RunRecord:
    """Score the predictions of a cell and say all that a board needs to know of them.

    Raises:
        FormatError: if the predictions are damaged or of other recordings than the truth.
        DataError: if the truth cannot be read.
        UsageError: if the protocol cannot score such answers.
    """
    facts = predicted.facts
    predictions = read_predictions(predicted.path)
    truths = truths_of(bench, cell)
    method = bench.registry.method(cell.method.name)
    public = _public(bench.registry, cell)
    sha256 = hashlib.sha256(predicted.path.read_bytes()).hexdigest()
    numbers = score_cell(bench, cell, predictions, truths, facts["conditions"])
    return RunRecord(
        schema_version=SCHEMA_VERSION,
        run_id=run_id(bench.registry, cell, sha256),
        status="ok",
        reason="",
        scale=cell.scale,
        seeds=[cell.seed],
        command=public.command,
        method=_method_entry(public, method.spec, method.distribution, facts),
        dataset=dataset_entry(bench, public, numbers.primary, len(truths)),
        metrics=numbers.metrics,
        strata=numbers.strata,
        resampled=numbers.resampled,
        published=published_of(cell, method.spec),
        predictions=PredictionsEntry(path="predictions.npz", sha256=sha256),
        cost=_cost(facts),
        environment=facts["environment"],
        source=SourceEntry(**facts["source"]),
        created=facts["created"],
    )


@dataclass(frozen=True)
class Numbers:
    """What answers are worth under a protocol, as a record holds it.

    Args:
        primary: name of the metric that ranks.
        metrics: one entry a metric.
        strata: entries of the primary metric by condition and bin.
        resampled: the primary metric on each resample.
    """

    primary: str
    metrics: list[MetricEntry]
    strata: dict[str, dict[str, list[MetricEntry]]]
    resampled: ResampledEntry


def score_cell(
    bench: Workbench,
    cell: Cell,
    predictions: Mapping[str, Prediction],
    truths: Mapping[str, Tracks],
    conditions: Mapping[str, Mapping[str, Condition]],
) -> Numbers:
    """Score the answers to a cell's recordings under its protocol.

    Args:
        bench: opens the data set where microphones were estimated.
        cell: which data set and protocol.
        predictions: by recording id.
        truths: by recording id.
        conditions: by recording id.

    Raises:
        FormatError: if the predictions are of other recordings than the truth.
        UsageError: if the protocol cannot score such answers.
    """
    protocol = bench.registry.protocol(cell.protocol).spec
    dataset = bench.registry.dataset(cell.dataset.name).spec
    metrics = configure_metrics(bench.registry, cell.protocol, dataset.kind)
    name = primary_metric(protocol, metrics, dataset)
    pairs = pair_up(predictions, truths)
    microphones = _microphones(bench, cell, predictions)
    scores = score_run(list(pairs.values()), microphones, metrics, protocol, SEED)
    ranking = [metric for metric in metrics if metric.label == name]
    strata = score_strata(pairs, conditions, ranking, protocol, SEED)
    return Numbers(
        primary=name,
        metrics=[metric_entry(found) for found in scores],
        strata={
            condition: {label: [metric_entry(s) for s in found] for label, found in bins.items()}
            for condition, bins in strata.items()
        },
        resampled=_resampled(next(found for found in scores if found.name == name)),
    )


def with_numbers(record: RunRecord, numbers: Numbers) -> RunRecord:
    """Return a record with other numbers of the same answers."""
    return record.model_copy(
        update={
            "schema_version": SCHEMA_VERSION,
            "dataset": record.dataset.model_copy(update={"primary_metric": numbers.primary}),
            "metrics": numbers.metrics,
            "strata": numbers.strata,
            "resampled": numbers.resampled,
        }
    )


def _resampled(found: Score) -> ResampledEntry:
    # Seven digits keep a record small, and are what single-precision answers are worth.
    values = [float(f"{v:.7g}") if v == v else None for v in map(float, found.resampled)]
    return ResampledEntry(metric=found.name, units=found.units, values=values)


def _microphones(bench: Workbench, cell: Cell, predictions: Mapping[str, Prediction]) -> list[Pair]:
    if all(prediction.microphones is None for prediction in predictions.values()):
        return []
    recordings = (scene.recording for scene in scenes_of(bench, cell))
    return [
        microphone_pair(estimate, recording.array.positions)
        for recording in recordings
        if (estimate := predictions[recording.id].microphones) is not None
        and recording.array.positions is not None
    ]


def microphone_pair(estimated: NDArray[np.float64], true: NDArray[np.float64]) -> Pair:
    """Return estimated and true places of microphones, (channels, 3) in metres, as tracks.

    Raises:
        FormatError: if there are not as many of both.
    """
    if estimated.shape != true.shape:
        raise FormatError(
            f"{len(estimated)} microphones are estimated, there are {len(true)}",
            expected="one estimate for each channel, NaN where there is none",
        )
    return Tracks.of([0.0], estimated[None], "position"), Tracks.of([0.0], true[None], "position")


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


def metric_entry(found: Score) -> MetricEntry:
    """Return a score as a record holds it."""
    # JSON has no NaN: an undefined number is null.
    value = None if found.value != found.value else found.value
    facts = {name: getattr(found, name) for name in MetricEntry.model_fields}
    return MetricEntry(**(facts | {"value": value}))


def run_id(registry: Registry, cell: Cell, predictions_sha256: str) -> str:
    """Return the name of a run: method, data set, split, scale, and a hash of all the rest."""
    # Answers that were made elsewhere are of no method that is installed.
    known = registry.methods.get(cell.method.name)
    rest = {
        "method": identity(known.spec.parameters if known else (), cell.method),
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
        source_sha256=source_sha256(spec.target, learned=spec.trainable),
        parameters=facts["parameters"],
        licence=spec.licence,
        trained_on=facts["trained_on"],
        curve=[dict(row) for row in facts.get("curve", ())],
        reference=spec.oracle,
        label=str(cell.method),
    )


def dataset_entry(bench: Workbench, cell: Cell, primary: str, recordings: int) -> DatasetEntry:
    """Return what a record says of its scenes."""
    spec = bench.registry.dataset(cell.dataset.name).spec
    return DatasetEntry(
        name=spec.name,
        version=spec.version,
        params=identity(spec.parameters, cell.dataset),
        split=cell.split,
        manifest_sha256=bench.data_key(cell, cell.split),
        recordings=recordings,
        kind=spec.kind,
        primary_metric=primary,
        licence=spec.licence,
        label=str(cell.dataset),
    )


def published_of(cell: Cell, spec: MethodSpec) -> list[PublishedEntry]:
    """Return what papers give for the same method, data set and split."""
    return [
        PublishedEntry(metric=known.metric, value=known.value, source=known.source)
        for known in spec.published
        if (known.dataset, known.split) == (cell.dataset.name, cell.split)
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
