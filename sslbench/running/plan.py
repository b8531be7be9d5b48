"""From what was selected to the cells that will be run, and those that do not fit, with why."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from sslbench.cell import Cell, CellOutcome
from sslbench.registry import Registry
from sslbench.running.compatibility import incompatibility
from sslbench.running.config import RunConfig
from sslbench.selection import select_datasets, select_methods

__all__ = ["Plan", "make_plan"]


@dataclass(frozen=True)
class Plan:
    """What will be run.

    Args:
        cells: in the order in which they will be run.
        skipped: pairs that cannot be, with the reason.
    """

    cells: tuple[Cell, ...]
    skipped: tuple[CellOutcome, ...]

    def trainable(self, registry: Registry) -> Plan:
        """Keep the cells whose method has something to learn."""
        return Plan(
            tuple(c for c in self.cells if registry.method(c.method.name).spec.trainable),
            self.skipped,
        )


def make_plan(registry: Registry, config: RunConfig) -> Plan:
    """Plan every combination of the selected methods, data sets and seeds.

    Methods that learn nothing get the seed 0 alone.

    Raises:
        UsageError: if a selection is malformed or names something unknown.
        PluginError: if only a broken plugin can have offered what is named.
    """
    methods = select_methods(registry, config.method or ("*",))
    datasets = select_datasets(registry, config.dataset or _simulated(registry))
    # Unknown names are told before anything is run.
    registry.executor(config.executor)
    registry.protocol(config.protocol)
    cells: list[Cell] = []
    skipped: list[CellOutcome] = []
    for (dataset, split), method in itertools.product(datasets, methods):
        specs = registry.method(method.name).spec, registry.dataset(dataset.name).spec
        # A seed is of the training: where nothing is learned all seeds would be one run.
        for seed in config.seed if specs[0].trainable else (0,):
            cell = Cell(method, dataset, split, config.scale, seed, config.protocol)
            if reason := incompatibility(*specs):
                skipped.append(CellOutcome(cell, "skipped", reason=reason))
            else:
                cells.append(cell)
    return Plan(tuple(cells), tuple(skipped))


def _simulated(registry: Registry) -> tuple[str, ...]:
    return tuple(name for name, offer in registry.datasets.items() if offer.spec.simulated)
