"""What one process shares between cells: plugins, store, and data sets that are opened once."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from sslbench.cache_keys import digest, identity
from sslbench.cell import Cell, Choice
from sslbench.contracts import Alteration, Dataset, DatasetRequest, Method, Oracle, TrainableMethod
from sslbench.datasets.alterations import Altered
from sslbench.registry import Registry, load_class
from sslbench.results.store import Store
from sslbench.scoring.ground_truth import GroundTruth, open_ground_truth
from sslbench.scoring.protocols import Rules, rules
from sslbench.specs import AlterationSpec, DatasetSpec, MethodSpec, Scale

__all__ = ["Session"]


@dataclass
class Session:
    """Plugins, store, cache and device of a process, and the data sets that it has opened.

    Args:
        registry: the installed plugins.
        store: where finished stages and records are kept.
        cache: folder for files that can be made again, such as rendered scenes.
        device: where learned methods compute: `auto`, `cpu` or `cuda`.
        fresh: whether predictions that are in the store already are computed again.
    """

    registry: Registry
    store: Store
    cache: Path
    device: str = "auto"
    fresh: bool = False
    _datasets: dict[tuple[str, str, Scale], Dataset] = field(default_factory=dict)
    _data_keys: dict[tuple[str, str, Scale], str] = field(default_factory=dict)
    _ground_truth: dict[str, GroundTruth] = field(default_factory=dict)
    _rules: dict[tuple[str, str], Rules] = field(default_factory=dict)

    def method_spec(self, choice: Choice) -> MethodSpec:
        """Return the spec of a chosen method."""
        return self.registry.find(MethodSpec, choice.name).spec

    def dataset_spec(self, choice: Choice) -> DatasetSpec:
        """Return the spec of a chosen data set."""
        return self.registry.find(DatasetSpec, choice.name).spec

    def method(self, choice: Choice) -> Method | Oracle:
        """Construct a method with its parameters.

        Raises:
            BrokenPluginError: if its class cannot be imported or is not what the spec promises.
        """
        offer = self.registry.find(MethodSpec, choice.name)
        promised: type[Method | Oracle] = Oracle if offer.spec.oracle else Method
        if offer.spec.trainable:
            promised = TrainableMethod
        return load_class(offer.spec.target, promised, str(offer), **choice.params)

    def dataset(self, choice: Choice, split: str, scale: Scale) -> Dataset:
        """Open one split of a data set, with its alterations; each is opened once.

        Raises:
            DataError: if it is not on this machine or cannot be read.
            BrokenPluginError: if its class cannot be imported.
        """
        key = (str(choice), split, scale)
        if key not in self._datasets:
            self._datasets[key] = self._open(choice, split, scale)
        return self._datasets[key]

    def _open(self, choice: Choice, split: str, scale: Scale) -> Dataset:
        if choice.additions:
            *before, last = choice.additions
            inner = Choice(choice.name, choice.params, choice.changed, tuple(before))
            offer = self.registry.find(AlterationSpec, last.name)
            alteration = load_class(offer.spec.target, Alteration, str(offer), **last.params)
            return Altered(self.dataset(inner, split, scale), alteration, last, offer.spec.version)
        found = self.registry.find(DatasetSpec, choice.name)
        root = None if found.spec.simulated else self.registry.locate_data(choice.name)
        request = DatasetRequest(split, scale, choice.params, root, self.cache)
        return load_class(found.spec.target, Dataset, str(found), request)

    def data_key(self, choice: Choice, split: str, scale: Scale) -> str:
        """Return the key of one split of a data set: everything that determines its scenes."""
        key = (str(choice), split, scale)
        if key not in self._data_keys:
            spec = self.dataset_spec(choice)
            self._data_keys[key] = digest(
                {
                    "name": spec.name,
                    "version": spec.version,
                    "params": identity(spec.parameters, choice),
                    "split": split,
                    "scale": scale,
                    "scenes": self.dataset(choice, split, scale).fingerprint(),
                }
            )
        return self._data_keys[key]

    def ground_truth(self, cell: Cell) -> GroundTruth:
        """Return the ground truth of the split of a cell, read once.

        Raises:
            DataError: if a recording cannot be read, or ids are missing or ambiguous.
        """
        key = self.data_key(cell.dataset, cell.split, cell.scale)
        if key not in self._ground_truth:
            dataset = self.dataset(cell.dataset, cell.split, cell.scale)
            where = f"{cell.dataset}:{cell.split}"
            self._ground_truth[key] = open_ground_truth(dataset, key, where)
        return self._ground_truth[key]

    def rules(self, cell: Cell) -> Rules:
        """Return the protocol of a cell with its metrics, ready to use.

        Raises:
            UsageError: if there is no such protocol, or it cannot compare the kind.
        """
        key = (cell.protocol, cell.dataset.name)
        if key not in self._rules:
            self._rules[key] = rules(self.registry, cell.protocol, self.dataset_spec(cell.dataset))
        return self._rules[key]
