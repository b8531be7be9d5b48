"""The hooks by which sslbench is extended. Every one is optional.

A plugin is a module that implements some of these with `hookimpl`, named by an entry point in
the group ``sslbench``::

    from sslbench.hookspecs import hookimpl
    from sslbench.specs import MethodSpec

    @hookimpl
    def sslbench_methods():
        return [MethodSpec(name="mine", target="my_package.method:Mine", ...)]

The module must import nothing heavy: it is loaded to list what is installed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pluggy

from sslbench.cell import Cell, CellOutcome
from sslbench.contracts import EpochReport
from sslbench.specs import (
    AlterationSpec,
    DatasetSpec,
    ExecutorSpec,
    MethodSpec,
    MetricSpec,
    ProtocolSpec,
    TrackerSpec,
)

__all__ = ["PROJECT", "hookimpl", "hookspec"]

PROJECT = "sslbench"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def sslbench_methods() -> Sequence[MethodSpec]:
    """Offer localization methods."""
    raise NotImplementedError


@hookspec
def sslbench_trackers() -> Sequence[TrackerSpec]:
    """Offer trackers, for ``method+tracker``."""
    raise NotImplementedError


@hookspec
def sslbench_datasets() -> Sequence[DatasetSpec]:
    """Offer data sets."""
    raise NotImplementedError


@hookspec
def sslbench_alterations() -> Sequence[AlterationSpec]:
    """Offer alterations of data sets, for ``dataset+alteration``."""
    raise NotImplementedError


@hookspec
def sslbench_metrics() -> Sequence[MetricSpec]:
    """Offer metrics.

    A metric that no protocol names is computed, with its default parameters, for every run that it
    can compare under the protocol `sslbench`.
    """
    raise NotImplementedError


@hookspec
def sslbench_protocols() -> Sequence[ProtocolSpec]:
    """Offer protocols: named sets of metrics, for `--protocol`."""
    raise NotImplementedError


@hookspec
def sslbench_executors() -> Sequence[ExecutorSpec]:
    """Offer ways to run many cells: a cluster, a queue, another machine."""
    raise NotImplementedError


@hookspec
def sslbench_locate_data(dataset: str) -> Path | None:
    """Return the folder of a data set on this machine; None if this plugin does not know it.

    The plugin that was installed under the last name in alphabetical order is asked first.
    """
    raise NotImplementedError


@hookspec
def sslbench_provenance() -> Mapping[str, str]:
    """Return facts about this machine or project for the environment of every record."""
    raise NotImplementedError


@hookspec
def sslbench_cell_started(cell: Cell) -> None:
    """Observe the start of work on a cell."""
    raise NotImplementedError


@hookspec
def sslbench_epoch_finished(cell: Cell, report: EpochReport) -> None:
    """Observe the end of a training epoch."""
    raise NotImplementedError


@hookspec
def sslbench_cell_finished(outcome: CellOutcome) -> None:
    """Observe the outcome of a cell."""
    raise NotImplementedError
