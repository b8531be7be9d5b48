"""Whether what a record says of itself, numbers aside, is so: its id, names, licences, kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from sslbench.cell import Cell, Choice
from sslbench.contracts import DatasetSpec, MethodSpec, Parameter
from sslbench.registry import Registry
from sslbench.results.record import MetricEntry, RunRecord
from sslbench.running.record_builder import run_id
from sslbench.scoring.protocols import configure_metrics, primary_metric
from sslbench.selection import choose

__all__ = ["inconsistencies", "installed_differences", "recorded_cell", "recorded_protocol"]


def inconsistencies(record: RunRecord) -> list[str]:
    """Return what cannot be true of any run, as texts: found without anything installed."""
    found = []
    if record.status != "ok":
        found.append(f"status is {record.status}, and only finished runs have numbers")
    if len(record.seeds) != 1:
        found.append(f"{len(record.seeds)} seeds, and a run has one")
    protocols = sorted({entry.protocol for entry in _entries(record)})
    if len(protocols) != 1:
        found.append(f"{len(protocols)} protocols ({', '.join(protocols)}), and a run has one")
    names = Counter(entry.name for entry in record.metrics)
    found += [f"{name} is there {count} times" for name, count in names.items() if count > 1]
    return found


def _entries(record: RunRecord) -> Iterator[MetricEntry]:
    yield from record.metrics
    for bins in record.strata.values():
        for entries in bins.values():
            yield from entries


def recorded_protocol(record: RunRecord) -> str:
    """Return the only protocol of a consistent record."""
    return next(entry.protocol for entry in _entries(record))


def recorded_cell(registry: Registry, record: RunRecord) -> Cell:
    """Return the cell that a consistent record is of; its method need not be installed.

    Raises:
        UsageError: if the data set or a parameter is not known here.
        PluginError: if the data set may be one of a broken plugin.
    """
    offer = registry.methods.get(record.method.name)
    dataset = registry.dataset(record.dataset.name).spec
    return Cell(
        method=choose(offer.spec, record.method.params)
        if offer
        else Choice(record.method.name, record.method.params),
        dataset=choose(dataset, record.dataset.params),
        split=record.dataset.split,
        scale=record.scale,
        seed=record.seeds[0],
        protocol=recorded_protocol(record),
    )


def installed_differences(registry: Registry, record: RunRecord) -> list[str]:
    """Return in what a consistent record is not what its data set and method here would give.

    Of a method that is not installed nothing can be said, its run id included.

    Raises:
        UsageError: if the data set or a parameter is not known here.
        PluginError: if the data set may be one of a broken plugin.
    """
    cell = recorded_cell(registry, record)
    found = _dataset_differences(registry, record, cell)
    offer = registry.methods.get(record.method.name)
    return found + (_method_differences(registry, record, cell, offer.spec) if offer else [])


def _dataset_differences(registry: Registry, record: RunRecord, cell: Cell) -> list[str]:
    spec, data = registry.dataset(record.dataset.name).spec, record.dataset
    found = _compare(
        "dataset",
        {
            "version": (data.version, spec.version),
            "kind": (data.kind, spec.kind),
            "primary_metric": (data.primary_metric, _primary(registry, cell.protocol, spec)),
            "licence": (data.licence, spec.licence),
            "label": (data.label, _label(data.label, cell.dataset, spec.parameters)),
        },
    )
    if data.split not in spec.splits:
        found.append(f"dataset.split: recorded {data.split}, and there is none of that name here")
    return found


def _primary(registry: Registry, protocol: str, dataset: DatasetSpec) -> str:
    metrics = configure_metrics(registry, protocol, dataset.kind)
    return primary_metric(registry.protocol(protocol).spec, metrics, dataset)


def _method_differences(
    registry: Registry, record: RunRecord, cell: Cell, spec: MethodSpec
) -> list[str]:
    method = record.method
    found = _compare(
        "method",
        {
            "reference": (method.reference, spec.oracle),
            "licence": (method.licence, spec.licence),
            "label": (method.label, _label(method.label, cell.method, spec.parameters)),
        },
    )
    name = run_id(registry, cell, record.predictions.sha256)
    if name != record.run_id:
        found.append(f"run_id: recorded {record.run_id}, its facts give {name}")
    return found


def _label(recorded: str, choice: Choice, parameters: Sequence[Parameter]) -> str:
    if all(parameter.identity for parameter in parameters):
        return str(choice)
    # Parameters that change no result, such as folders, are in the label but not in the record.
    return recorded if recorded.partition("[")[0] == choice.name else str(choice)


def _compare(where: str, facts: Mapping[str, tuple[object, object]]) -> list[str]:
    return [
        f"{where}.{name}: recorded {recorded}, installed {here}"
        for name, (recorded, here) in facts.items()
        if recorded != here
    ]
