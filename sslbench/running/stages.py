"""The three stages of a cell: train, predict, score. Each is done once and then found again.

`Workbench` holds what the stages share. A stage returns the facts that later stages and the
record need; its files lie in the store under its key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sslbench.cache_keys import digest, identity, source_sha256
from sslbench.cell import Cell, Choice
from sslbench.contracts import (
    Dataset,
    DatasetRequest,
    DatasetSpec,
    EpochReport,
    Incompatible,
    Method,
    MethodSpec,
    Oracle,
    Scale,
    TrainableMethod,
    TrainingContext,
    Value,
)
from sslbench.errors import BrokenPluginError, FormatError
from sslbench.progress import progress_bar
from sslbench.registry import Offer, Registry, call_hooks, load_target
from sslbench.results.predictions import dump_predictions, read_predictions
from sslbench.results.store import Store
from sslbench.running.cost import Stopwatch
from sslbench.running.environment import environment, source
from sslbench.running.inference import Answers, as_cell_error
from sslbench.scene import Prediction

__all__ = ["Predicted", "Trained", "Workbench", "open_dataset"]

FACTS = 2
"""Raised when the facts that a stage keeps with its predictions change."""

BATCH = 32
"""Recordings handed to a method at once: enough to batch, few enough to hold in memory."""


@dataclass(frozen=True)
class Trained:
    """Where a checkpoint is and what it took.

    Args:
        key: name of the stage.
        checkpoint: its folder.
        seconds: of training, without what an interruption made it do twice.
        trained_on: data set and scale, in words.
        curve: what was reported after each epoch.
    """

    key: str
    checkpoint: Path
    seconds: float
    trained_on: str
    curve: tuple[Mapping[str, float], ...] = ()


@dataclass(frozen=True)
class Predicted:
    """Where predictions are and what they took.

    Args:
        key: name of the stage.
        path: of the predictions file.
        facts: what was measured on the way: `train_s`, `infer_s`, `audio_s`, `parameters`,
            `peak_ram_mb`, `peak_vram_mb`; `trained_on`; `conditions` of each recording; and
            `environment`, `source` and `created` at that time.
        reused: whether they were in the store already.
    """

    key: str
    path: Path
    facts: Mapping[str, Any] = field(default_factory=dict)
    reused: bool = False


class Workbench:
    """Does the stages of cells, with one registry, one store and one cache of scenes.

    Args:
        registry: what is installed.
        store: where finished stages go.
        cache: folder for scenes that can be made again.
        fresh: whether methods answer again what is in the store already.
        device: where learned methods compute: `auto`, `cpu` or `cuda`.
    """

    def __init__(
        self,
        registry: Registry,
        store: Store,
        cache: Path,
        *,
        fresh: bool = False,
        device: str = "auto",
    ) -> None:
        self.registry = registry
        self.store = store
        self.cache = cache
        self.fresh = fresh
        self.device = device
        self._data_keys: dict[tuple[str, str, str], str] = {}

    def dataset(self, choice: Choice, split: str, scale: Scale) -> Dataset:
        """Open one split of a data set; see `open_dataset`."""
        return open_dataset(self.registry, self.cache, choice, split, scale)

    def method(self, choice: Choice) -> Method | Oracle:
        """Make a method with its parameters.

        Raises:
            BrokenPluginError: if its class cannot be imported or is no method.
        """
        offer = self.registry.method(choice.name)
        method = load_target(offer.spec.target, _who(offer))(**choice.params)
        kind = Oracle if offer.spec.oracle else TrainableMethod if offer.spec.trainable else Method
        if not isinstance(method, kind):
            raise BrokenPluginError(
                f"{offer.spec.target} is no {kind.__name__}",
                where=_who(offer),
                expected="the class that the method's spec promises",
            )
        return method

    def data_key(self, cell: Cell, split: str) -> str:
        """Return the key of one split of a cell's data set."""
        facts = (str(cell.dataset), split, cell.scale)
        if facts not in self._data_keys:
            self._data_keys[facts] = self._data_key(cell, split)
        return self._data_keys[facts]

    def _data_key(self, cell: Cell, split: str) -> str:
        spec = self.registry.dataset(cell.dataset.name).spec
        return digest(
            {
                "name": spec.name,
                "version": spec.version,
                "params": identity(spec.parameters, cell.dataset),
                "split": split,
                "scale": cell.scale,
                "scenes": self.dataset(cell.dataset, split, cell.scale).fingerprint(),
            }
        )

    def train_key(self, cell: Cell) -> str:
        """Return the key of a cell's training; it does not depend on the split that is scored."""
        spec = self.registry.method(cell.method.name).spec
        learned = {parameter.name for parameter in spec.parameters if parameter.training}
        params = {name: value for name, value in self._params(cell).items() if name in learned}
        return digest(
            self._method_facts(cell)
            | {"params": params}
            | {name: self.data_key(cell, name) for name in ("train", "validation")}
        )

    def predict_key(self, cell: Cell) -> str:
        """Return the key of a cell's predictions."""
        trainable = self.registry.method(cell.method.name).spec.trainable
        parent = self.train_key(cell) if trainable else ""
        return digest(
            self._method_facts(cell)
            | {"train": parent, "data": self.data_key(cell, cell.split), "facts": FACTS}
        )

    def _method_facts(self, cell: Cell) -> dict[str, Any]:
        spec = self.registry.method(cell.method.name).spec
        return {
            "method": spec.name,
            "source": source_sha256(spec.target, learned=spec.trainable),
            "params": self._params(cell),
            "scale": cell.scale,
            "seed": cell.seed,
        }

    def _params(self, cell: Cell) -> dict[str, Value]:
        return identity(self.registry.method(cell.method.name).spec.parameters, cell.method)

    def train(self, cell: Cell, report: Callable[[EpochReport], None]) -> Trained:
        """Train a cell's method, or find that it has been.

        Raises:
            Incompatible: if the data set has no splits to train on.
            CellError: if the method fails.
        """
        spec = self.registry.dataset(cell.dataset.name).spec
        if not {"train", "validation"} <= set(spec.splits):
            raise Incompatible(f"{spec.name} has nothing to train {cell.method.name} on")
        key = self.train_key(cell)
        with self.store.lock(key):
            facts = self.store.find("train", key)
            if facts is None:
                facts = self._fit(cell, key, report)
        folder = self.store.folder("train", key) / "checkpoint"
        curve = tuple(facts.get("curve", ()))
        return Trained(key, folder, facts["train_s"], facts["trained_on"], curve)

    def _fit(self, cell: Cell, key: str, report: Callable[[EpochReport], None]) -> dict[str, Any]:
        method = self.method(cell.method)
        assert isinstance(method, TrainableMethod)
        train = self.dataset(cell.dataset, "train", cell.scale)
        validation = self.dataset(cell.dataset, "validation", cell.scale)
        curve: list[dict[str, float]] = []
        workspace = self.store.workspace(key)
        clock = Stopwatch(workspace / "seconds")

        def heard(each: EpochReport) -> None:
            clock.keep()
            curve.append({"epoch": each.epoch, **each.values})
            report(each)

        context = TrainingContext(cell.seed, cell.scale, workspace, heard, self.device)
        with as_cell_error(cell, "while training"):
            method.fit(train, validation, context)
        facts = {
            "train_s": clock.seconds,
            "trained_on": f"{cell.dataset}:train ({cell.scale})",
            "curve": curve,
            "cell": str(cell),
        }

        def fill(folder: Path) -> None:
            (folder / "checkpoint").mkdir()
            method.save(folder / "checkpoint")

        self.store.put("train", key, facts, fill)
        self.store.forget_workspace(key)
        return facts

    def predict(self, cell: Cell, report: Callable[[EpochReport], None]) -> Predicted:
        """Let a cell's method answer every recording, or find that it has.

        Raises:
            Incompatible: if the method cannot answer such recordings.
            DataError: if a recording cannot be read.
            CellError: if the method fails, or answers what was not asked.
        """
        key = self.predict_key(cell)
        path = self.store.folder("predict", key) / "predictions.npz"
        with self.store.lock(key):
            facts = None if self.fresh else self.store.find("predict", key)
            if facts is not None and _readable(path):
                return Predicted(key, path, facts, reused=True)
            method, trained = self._ready(cell, report)
            facts, predictions = self._answer(cell, method)
            facts |= trained | self._provenance()
            self.store.put(
                "predict",
                key,
                facts,
                lambda folder: _write(folder / "predictions.npz", dump_predictions(predictions)),
            )
        return Predicted(key, path, facts)

    def _ready(
        self, cell: Cell, report: Callable[[EpochReport], None]
    ) -> tuple[Method | Oracle, dict[str, Any]]:
        method = self.method(cell.method)
        if not isinstance(method, TrainableMethod):
            return method, {"train_s": 0.0, "trained_on": "", "curve": []}
        trained = self.train(cell, report)
        method.device = self.device
        method.load(trained.checkpoint)
        facts = {"train_s": trained.seconds, "trained_on": trained.trained_on}
        return method, {**facts, "curve": trained.curve}

    def _provenance(self) -> dict[str, Any]:
        # Taken when the method answers: scoring may be done later, by other code.
        return {
            "environment": environment(call_hooks(self.registry, "sslbench_provenance")),
            "source": source().model_dump(),
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
        }

    def _answer(
        self, cell: Cell, method: Method | Oracle
    ) -> tuple[dict[str, Any], dict[str, Prediction]]:
        dataset = self.dataset(cell.dataset, cell.split, cell.scale)
        dataset.prepare()
        answers = Answers(cell, self.registry.method(cell.method.name).spec, method)
        with progress_bar(str(cell.method), "recording", len(dataset)) as bar:
            for batch in _batches(len(dataset)):
                answers.add([dataset.scene(index) for index in batch])
                bar.update(len(batch))
        return answers.facts(), answers.predictions


def open_dataset(
    registry: Registry, cache: Path, choice: Choice, split: str, scale: Scale
) -> Dataset:
    """Open one split of a data set.

    Args:
        registry: what is installed.
        cache: folder for scenes that can be made again.
        choice: the data set with its parameters.
        split: name of the split.
        scale: how much of it.

    Raises:
        DataError: if it is not on this machine or cannot be read.
        BrokenPluginError: if its class cannot be imported.
    """
    offer = registry.dataset(choice.name)
    root = None if offer.spec.simulated else registry.locate_data(choice.name)
    request = DatasetRequest(split, scale, choice.params, root, cache)
    dataset = load_target(offer.spec.target, _who(offer))(request)
    if not isinstance(dataset, Dataset):
        raise BrokenPluginError(f"{offer.spec.target} is no Dataset", where=_who(offer))
    return dataset


def _batches(recordings: int) -> Iterator[range]:
    for start in range(0, recordings, BATCH):
        yield range(start, min(start + BATCH, recordings))


def _readable(path: Path) -> bool:
    try:
        read_predictions(path)
    except FormatError:
        return False
    return True


def _write(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def _who(offer: Offer[MethodSpec] | Offer[DatasetSpec]) -> str:
    return f"{offer.spec.name} (plugin {offer.plugin} of {offer.distribution})"
