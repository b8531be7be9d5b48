"""Whether what a record says besides its scores is true: names, licences, kind, version."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from sslbench.cell import Cell
from sslbench.registry import Registry
from sslbench.results.names import run_name
from sslbench.results.record import RunRecord
from sslbench.specs import DatasetSpec, MethodSpec, Spec

__all__ = ["inconsistencies", "installed_differences"]


def inconsistencies(record: RunRecord) -> list[str]:
    """Return what cannot be true of any run, in words; nothing needs to be installed."""
    names = Counter(entry.name for entry in record.metrics)
    found = [f"{name} occurs {count} times" for name, count in names.items() if count > 1]
    expected = run_name(record)
    if not record.run_id.startswith(expected):
        found.append(f"run_id: recorded {record.run_id}, its content gives {expected}")
    return found


def installed_differences(registry: Registry, record: RunRecord, cell: Cell) -> list[str]:
    """Return in what a record differs from the installed data set and method.

    Nothing can be said about a method that is not installed.
    """
    dataset = registry.find(DatasetSpec, record.dataset.name).spec
    data = record.dataset
    found = _differences(
        "dataset",
        {
            "version": (data.version, dataset.version),
            "kind": (data.kind, dataset.kind),
            "licence": (data.licence, dataset.licence),
            "label": (data.label, _label(data.label, str(cell.dataset), dataset)),
        },
    )
    if data.split not in dataset.splits:
        found.append(f"dataset.split: recorded {data.split}, which is not a split here")
    offer = registry.table(MethodSpec).get(record.method.name)
    if offer is None or record.external:
        return found
    method = record.method
    return found + _differences(
        "method",
        {
            "reference": (method.reference, offer.spec.oracle),
            "licence": (method.licence, offer.spec.licence),
            "label": (method.label, _label(method.label, str(cell.method), offer.spec)),
        },
    )


def _label(recorded: str, expected: str, spec: Spec) -> str:
    if all(parameter.identity for parameter in spec.parameters):
        return expected
    # Parameters that no result depends on, such as folders, are in a label but not in a record.
    return recorded if recorded.partition("[")[0] == spec.name else expected


def _differences(where: str, facts: Mapping[str, tuple[object, object]]) -> list[str]:
    return [
        f"{where}.{name}: recorded {recorded}, installed {here}"
        for name, (recorded, here) in facts.items()
        if recorded != here
    ]
