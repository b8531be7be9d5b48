"""Building records: of a cell that was run, of external predictions, and after scoring again."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from sslbench.cache_keys import files_sha256, identity, source_sha256
from sslbench.cell import Cell, Choice, Training
from sslbench.registry import Offer, Registry
from sslbench.results.names import run_name
from sslbench.results.record import (
    SCHEMA_VERSION,
    AdditionEntry,
    CostEntry,
    DatasetEntry,
    MethodEntry,
    MetricEntry,
    PluginEntry,
    PredictionsEntry,
    PublishedEntry,
    ResampledEntry,
    RunRecord,
    TrainingEntry,
)
from sslbench.results.stages import PredictedStage
from sslbench.running.session import Session
from sslbench.scoring.ground_truth import GroundTruth
from sslbench.scoring.scores import Evaluation, Score
from sslbench.selection import choose
from sslbench.specs import AlterationSpec, DatasetSpec, MethodSpec, Spec, TrackerSpec

__all__ = [
    "addition_entries",
    "dataset_entry",
    "evaluation_entries",
    "method_entry",
    "metric_entry",
    "named",
    "plugin_entry",
    "predictions_entry",
    "public_cell",
    "public_dataset",
    "published_entries",
    "recorded_cell",
    "recorded_choice",
    "run_record",
    "with_evaluation",
]


def run_record(
    session: Session,
    cell: Cell,
    evaluation: Evaluation,
    left: PredictedStage,
    predictions: PredictionsEntry,
    cost: CostEntry,
) -> RunRecord:
    """Return the record of a cell that was run.

    Args:
        session: plugins and data sets.
        cell: which method on which data set, under which protocol.
        evaluation: the scores.
        left: what prediction left in the store.
        predictions: the predictions file.
        cost: what the predictions took.
    """
    public = public_cell(session.registry, cell)
    made = {name: getattr(left, name) for name in ("parameters", "training", "parts", "curve")}
    record = RunRecord.model_validate(
        {
            "schema_version": SCHEMA_VERSION,
            "run_id": "",
            "scale": cell.scale,
            "seed": cell.seed,
            "protocol": cell.protocol,
            "command": public.command,
            "method": method_entry(session, public, **made),
            "dataset": dataset_entry(session, public, evaluation),
            "published": published_entries(public, session.method_spec(cell.method)),
            "predictions": predictions,
            "cost": cost,
            "environment": left.environment,
            "source": left.source,
            "created": left.created,
            **evaluation_entries(evaluation),
        }
    )
    return named(record, session, cell)


def predictions_entry(data: bytes) -> PredictionsEntry:
    """Return the content of a predictions file as a record holds it."""
    return PredictionsEntry(path="predictions.npz", sha256=hashlib.sha256(data).hexdigest())


def named(record: RunRecord, session: Session, cell: Cell) -> RunRecord:
    """Return a record with its name.

    A parameter that is in no record, such as the folder of own recordings, is represented by a
    short hash of the scenes: two folders are two runs.
    """
    name = run_name(record)
    spec = session.registry.find(DatasetSpec, cell.dataset.name).spec
    hidden = {parameter.name for parameter in spec.parameters if not parameter.identity}
    if hidden & set(cell.dataset.changed):
        name += f"--{record.dataset.scenes_sha256[:8]}"
    return record.model_copy(update={"run_id": name})


def public_cell(registry: Registry, cell: Cell) -> Cell:
    """Return a cell without the parameters that no result depends on, such as folders."""
    training = cell.training and _public_training(registry, cell.training)
    return replace(
        cell,
        method=_public(registry.find(MethodSpec, cell.method.name).spec, cell.method),
        dataset=_public(registry.find(DatasetSpec, cell.dataset.name).spec, cell.dataset),
        training=training,
    )


def public_dataset(session: Session, cell: Cell) -> Cell:
    """Return a cell whose data set has no parameters that no result depends on."""
    return replace(cell, dataset=_public(session.dataset_spec(cell.dataset), cell.dataset))


def _public_training(registry: Registry, training: Training) -> Training:
    return replace(
        training,
        method=_public(registry.find(MethodSpec, training.method.name).spec, training.method),
        data=_public(registry.find(DatasetSpec, training.data.name).spec, training.data),
        start=training.start and _public_training(registry, training.start),
    )


def _public(spec: Spec, choice: Choice) -> Choice:
    shown = identity(spec.parameters, choice)
    return replace(choice, changed=tuple(name for name in choice.changed if name in shown))


def addition_entries(registry: Registry, kind: type[Spec], choice: Choice) -> list[AdditionEntry]:
    """Return the trackers or alterations of a choice as a record holds them."""
    found = []
    for addition in choice.additions:
        spec = registry.find(kind, addition.name).spec
        params = identity(spec.parameters, addition)
        found.append(AdditionEntry(name=spec.name, version=spec.version, params=params))
    return found


def dataset_entry(session: Session, cell: Cell, evaluation: Evaluation) -> DatasetEntry:
    """Return the data set of a cell as a record holds it."""
    spec = session.dataset_spec(cell.dataset)
    ground_truth = session.ground_truth(cell)
    return DatasetEntry(
        name=spec.name,
        version=spec.version,
        params=identity(spec.parameters, cell.dataset),
        additions=addition_entries(session.registry, AlterationSpec, cell.dataset),
        split=cell.split,
        scenes_sha256=ground_truth.scenes_sha256,
        recordings=len(ground_truth.truth),
        clusters=ground_truth.cluster_numbers,
        kind=spec.kind,
        primary_metric=evaluation.primary,
        licence=spec.licence,
        label=str(cell.dataset),
    )


def plugin_entry(offer: Offer[MethodSpec]) -> PluginEntry:
    """Return the package of a method as a record holds it."""
    distribution, _, version = offer.distribution.rpartition(" ")
    return PluginEntry(
        distribution=distribution or offer.distribution,
        version=version if distribution else "",
        files_sha256=files_sha256(offer.spec.target),
    )


def method_entry(session: Session, cell: Cell, **made: object) -> MethodEntry:
    """Return the method of a cell as a record holds it.

    Args:
        session: the installed plugins.
        cell: which method.
        made: `parameters`, `training`, `parts` and `curve` of the predictions.
    """
    offer = session.registry.find(MethodSpec, cell.method.name)
    spec = offer.spec
    return MethodEntry.model_validate(
        {
            "name": spec.name,
            "version": spec.version,
            "params": identity(spec.parameters, cell.method),
            "additions": addition_entries(session.registry, TrackerSpec, cell.method),
            "plugin": plugin_entry(offer),
            "source_sha256": source_sha256(spec.target),
            "licence": spec.licence,
            "reference": spec.oracle,
            "label": str(cell.method),
            **made,
        }
    )


def published_entries(cell: Cell, spec: MethodSpec) -> list[PublishedEntry]:
    """Return what papers give for the same method, data set, split and training data."""
    if cell.method.additions or cell.dataset.additions:
        return []
    elsewhere = cell.trained_elsewhere
    trained_on = ", then ".join(str(each.data) for each in elsewhere.chain) if elsewhere else ""
    return [
        PublishedEntry(metric=known.metric, value=known.value, source=known.source)
        for known in spec.published
        if (known.dataset, known.split, known.trained_on)
        == (cell.dataset.name, cell.split, trained_on)
        and known.params.items() <= dict(cell.method.params).items()
        and known.dataset_params.items() <= dict(cell.dataset.params).items()
    ]


def with_evaluation(
    record: RunRecord, evaluation: Evaluation, ground_truth: GroundTruth
) -> RunRecord:
    """Return a record with other scores of the same predictions."""
    dataset = {
        "primary_metric": evaluation.primary,
        "recordings": len(ground_truth.truth),
        "clusters": ground_truth.cluster_numbers,
    }
    return record.model_copy(
        update={
            "schema_version": SCHEMA_VERSION,
            "dataset": record.dataset.model_copy(update=dataset),
            **evaluation_entries(evaluation),
        }
    )


def evaluation_entries(evaluation: Evaluation) -> dict[str, object]:
    """Return the scores as a record holds them: `metrics`, `by_condition`, `resampled`."""
    return {
        "metrics": [metric_entry(score) for score in evaluation.scores],
        "by_condition": {
            condition: {label: [metric_entry(s) for s in found] for label, found in bins.items()}
            for condition, bins in evaluation.by_condition.items()
        },
        "resampled": _resampled(evaluation.primary_score),
    }


def metric_entry(score: Score) -> MetricEntry:
    """Return a score as a record holds it; an undefined value (NaN) is None."""
    value = None if score.value != score.value else score.value
    facts = {name: getattr(score, name) for name in MetricEntry.model_fields}
    return MetricEntry(**(facts | {"value": value}))


def _resampled(score: Score) -> ResampledEntry:
    # Seven digits keep a record small, and are the precision of predictions files.
    values = [float(f"{v:.7g}") if v == v else None for v in map(float, score.resampled)]
    return ResampledEntry(metric=score.name, units=score.units, values=values)


def recorded_cell(registry: Registry, record: RunRecord, protocol: str = "") -> Cell:
    """Return the cell of a record; its method need not be installed.

    Args:
        registry: the installed plugins.
        record: of a run.
        protocol: another one than that of the record.

    Raises:
        UsageError: if the data set, an addition or a parameter is not known here.
        PluginError: if the data set may be one of a broken plugin.
    """
    data = record.dataset
    dataset = recorded_choice(registry, DatasetSpec, AlterationSpec, data)
    known = record.method.name in registry.table(MethodSpec)
    method = Choice(record.method.name, record.method.params)
    if known:
        method = recorded_choice(registry, MethodSpec, TrackerSpec, record.method)
    training: Training | None = None
    for entry in record.method.training:
        chosen = recorded_choice(registry, DatasetSpec, AlterationSpec, entry)
        training = Training(method.alone, chosen, entry.scale, entry.seed, training)
    return Cell(method, dataset, data.split, record.scale, protocol or record.protocol, training)


def recorded_choice(
    registry: Registry,
    kind: type[Spec],
    added: type[Spec],
    entry: MethodEntry | DatasetEntry | TrainingEntry,
) -> Choice:
    """Return what a record holds as a choice.

    Raises:
        UsageError: if a name or parameter is not known here.
    """
    additions = [
        choose(registry.find(added, each.name).spec, each.params) for each in entry.additions
    ]
    chosen = choose(registry.find(kind, entry.name).spec, entry.params)
    return replace(chosen, additions=tuple(additions))
