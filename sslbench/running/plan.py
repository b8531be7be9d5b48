"""From a configuration to the cells that will be run, and the pairs that are not compatible."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sslbench.cell import Cell, CellOutcome, Choice, Training
from sslbench.errors import UsageError
from sslbench.registry import Registry
from sslbench.running.compatibility import incompatibility
from sslbench.running.config import RunConfig
from sslbench.selection import select_datasets, select_executor, select_methods
from sslbench.specs import DatasetSpec, MethodSpec, ProtocolSpec

__all__ = ["Plan", "make_plan", "training_chain"]


@dataclass(frozen=True)
class Plan:
    """What will be run.

    Args:
        cells: in the order in which they will be run.
        skipped: pairs that are not compatible, with the reason.
    """

    cells: tuple[Cell, ...]
    skipped: tuple[CellOutcome, ...]

    @property
    def learning(self) -> Plan:
        """The cells whose method, or a part of it, learns."""
        return Plan(tuple(cell for cell in self.cells if cell.training), self.skipped)


def make_plan(registry: Registry, config: RunConfig) -> Plan:
    """Plan every combination of the selected methods, data sets and seeds.

    Methods that do not learn get the seed 0 only.

    Raises:
        UsageError: if a selection is malformed or names something unknown.
        PluginError: if only a broken plugin can have offered what is named.
    """
    methods = select_methods(registry, config.method or ("*",))
    datasets = select_datasets(registry, config.dataset or _simulated(registry))
    train_on = [choice for choice, _ in select_datasets(registry, config.train_on)]
    then_on = [choice for choice, _ in select_datasets(registry, config.then_on)]
    if then_on and not train_on:
        raise UsageError("--then-on without --train-on", expected="--train-on A --then-on B")
    # Unknown names are reported before anything is run.
    select_executor(registry, config.executor)
    registry.find(ProtocolSpec, config.protocol)
    cells: list[Cell] = []
    skipped: list[CellOutcome] = []
    for (dataset, split), method in itertools.product(datasets, methods):
        spec = registry.find(MethodSpec, method.name).spec
        reason = incompatibility(spec, registry.find(DatasetSpec, dataset.name).spec)
        learns = spec.learns(method.params)
        for training in _trainings(config, method.alone, train_on or [dataset], then_on, learns):
            cell = Cell(method, dataset, split, config.scale, config.protocol, training)
            if reason:
                skipped.append(CellOutcome(cell, "skipped", reason=reason))
            else:
                cells.append(cell)
    return Plan(tuple(cells), tuple(skipped))


def _trainings(
    config: RunConfig,
    method: Choice,
    train_on: Sequence[Choice],
    then_on: Sequence[Choice],
    learns: bool,
) -> Iterator[Training | None]:
    # A seed belongs to a training: without one, all seeds would be the same run.
    if not learns:
        yield None
        return
    for data, seed in itertools.product(train_on, config.seed):
        yield training_chain(method, [data, *then_on], config, seed)


def training_chain(
    method: Choice, data: Sequence[Choice], config: RunConfig, seed: int
) -> Training:
    """Return the training of a method on several data sets in turn."""
    training: Training | None = None
    for each in data:
        training = Training(method, each, config.scale, seed, training)
    assert training is not None, "there is at least one data set"
    return training


def _simulated(registry: Registry) -> tuple[str, ...]:
    return tuple(name for name, o in registry.table(DatasetSpec).items() if o.spec.simulated)
