"""A network that is trained, saved and loaded: the base of learned methods and of their parts."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import nn

from sslbench.cache_keys import digest, source_sha256
from sslbench.contracts import Dataset, Trainable, TrainingContext
from sslbench.errors import BrokenPluginError, CellError
from sslbench.specs import Scale, Value
from sslbench.training.checkpoint import EpochRow
from sslbench.training.devices import find_device, place
from sslbench.training.examples import ExampleSet
from sslbench.training.feature_cache import cached_examples
from sslbench.training.loop import Learner, Settings, train
from sslbench.training.normalization import Statistics, input_statistics
from sslbench.training.weights import read_model, read_statistics, read_weights, write_model

__all__ = ["Config", "TrainedNetwork"]

Config = Mapping[str, Any]
"""What a network is built for, as JSON: sizes, array, region, sample rate."""


class TrainedNetwork(Trainable, Learner):
    """A network with its training.

    A subclass says what the network is built for (`configure`), builds it (`build`), and gives its
    examples, its loss and its validation value.

    Args:
        params: parameters by name, which a checkpoint must have been trained with.

    Attributes:
        name: of the method or part.
        version: raised whenever a checkpoint of the same parameters would mean something else.
        normalize: by the name of an input, the axes that keep normalization statistics of their
            own; see `normalization.input_statistics`.
        feature_parameters: parameters that cached examples depend on, so that trainings which
            differ in others share them; None for all.
        history: one row per epoch, after `fit`.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    normalize: ClassVar[Mapping[str, tuple[int, ...]]] = {}
    feature_parameters: ClassVar[tuple[str, ...] | None] = None

    def __init__(self, **params: Value) -> None:
        self.params = params
        self.history: list[EpochRow] = []
        self._config: Config | None = None
        self._statistics: Statistics = {}
        self._network: nn.Module | None = None
        self._report: dict[str, float] = {}

    @abstractmethod
    def configure(self, train: Dataset, scale: Scale) -> Config:
        """Return what the network is built for, as JSON.

        Args:
            train: training scenes only, so that nothing else can influence the network.
            scale: size of the run.

        Raises:
            Incompatible: if it cannot learn from such scenes.
        """

    @abstractmethod
    def settings(self, scale: Scale) -> Settings:
        """Return how long and how fast the network learns; `config` is known."""

    @abstractmethod
    def build(self, config: Config, statistics: Statistics) -> nn.Module:
        """Return the network, with initial weights from torch's random stream."""

    @abstractmethod
    def training_examples(self, train: Dataset, context: TrainingContext) -> ExampleSet:
        """Return the examples to learn from."""

    @abstractmethod
    def begin_validation(self, validation: Dataset, context: TrainingContext) -> None:
        """Prepare validation data for `validate`."""

    def fine_tuning(self, settings: Settings) -> Settings:
        """Return the settings for continuing from another training: a tenth of the rate."""
        return replace(settings, learning_rate=settings.learning_rate / 10)

    def final_report(self, network: nn.Module, device: torch.device) -> dict[str, float]:  # noqa: ARG002
        """Return scores of the trained network on validation data, for `report`."""
        return {}

    @property
    def config(self) -> Config:
        """What the network is built for; set by `fit` and `load`.

        Raises:
            CellError: before that.
        """
        if self._config is None:
            raise self._untrained()
        return self._config

    @config.setter
    def config(self, config: Config) -> None:
        # The same after `fit` as after `load`, and refused before training rather than after it.
        try:
            self._config = json.loads(json.dumps(config))
        except (TypeError, ValueError) as error:
            raise BrokenPluginError(
                f"the configuration cannot be written as JSON: {error}",
                where=self.name,
                expected="numbers, texts, lists and mappings from `configure`",
            ) from error

    @property
    def network(self) -> nn.Module:
        """The trained network.

        Raises:
            CellError: before `fit` and `load`.
        """
        if self._network is None:
            raise self._untrained()
        return self._network

    @property
    def report(self) -> Mapping[str, float]:
        """Scores on validation data."""
        return self._report

    @property
    def parameter_count(self) -> int:
        """Number of learned weights."""
        return 0 if self._network is None else sum(p.numel() for p in self._network.parameters())

    def fit(self, train_on: Dataset, validation: Dataset, context: TrainingContext) -> None:
        """Train, resuming from the workspace if earlier work was interrupted there.

        Raises:
            Incompatible: if it cannot learn from such scenes.
            FormatError: if the weights to continue from do not fit the network.
        """
        # Before scenes are rendered: they may be such as cannot be learned from.
        self.config = self.configure(train_on, context.scale)
        for data in (train_on, validation):
            data.prepare()
        self.device = context.device
        self.begin_validation(validation, context)
        examples = self.training_examples(train_on, context)
        network = self._initial(examples, context)
        settings = self.settings(context.scale)
        if context.start is not None:
            settings = self.fine_tuning(settings)
        trained = train(self, network, examples, settings, context)
        network.load_state_dict(trained.weights)
        self._network, self.history = network.eval(), trained.history
        with torch.no_grad():
            self._report = self.final_report(network, find_device(self.device))

    def _initial(self, examples: ExampleSet, context: TrainingContext) -> nn.Module:
        """Return the network with initial weights, or with those of another training."""
        if context.start is None:
            self._statistics = input_statistics(examples, self.normalize)
            # Seeded here, so that what was done before does not change the initial weights.
            torch.manual_seed(context.seed)
            return self.build(self.config, self._statistics)
        read_model(context.start, self.identity)
        # With other statistics the weights to start from would mean something else.
        hint = "continue on data for which the network has the same shape, or train on it alone"
        return self._restored(context.start, hint)

    def _restored(self, folder: Path, hint: str) -> nn.Module:
        """Return the network with the weights and statistics of a finished training."""
        self._statistics = read_statistics(folder)
        network = self.build(self.config, self._statistics)
        network.load_state_dict(read_weights(folder, network.state_dict(), hint))
        return network

    def cached(
        self, examples: ExampleSet, data: Dataset, context: TrainingContext, content: str = ""
    ) -> ExampleSet:
        """Return examples that are made once and kept in the cache folder of a data set.

        They are identified by scenes, code, parameters, configuration and parts.

        Args:
            examples: to cache.
            data: the scenes that they are made from.
            context: of the training.
            content: what examples hold, if a network caches several things of the same scenes.
        """
        used = self.params if self.feature_parameters is None else self.feature_parameters
        target = f"{type(self).__module__}:{type(self).__qualname__}"
        key = digest(
            {
                "scenes": data.fingerprint(),
                "content": content,
                "target": target,
                "code": source_sha256(target),
                "params": {name: self.params[name] for name in used},
                "config": self.config,
                "parts": context.parts_key,
            }
        )
        return cached_examples(examples, data.request.cache / "features" / key[:16])

    def save(self, folder: Path) -> None:
        """Write weights, configuration, report and the learning curve; see `weights`."""
        about = {**self.identity, "config": self.config, "report": self._report}
        write_model(folder, self.network.state_dict(), about, self._statistics, self.history)

    def load(self, folder: Path) -> None:
        """Read what `save` wrote.

        Raises:
            FormatError: if it is damaged, or of another method, version or parameters.
        """
        about = read_model(folder, self.identity)
        self.config, self._report = about["config"], about["report"]
        network = self._restored(folder, "train the method again")
        place(network, find_device(self.device))
        self._network = network.eval()

    @property
    def identity(self) -> dict[str, Any]:
        """Name, version and parameters, which a checkpoint must agree with."""
        return {"method": self.name, "version": self.version, "params": self.params}

    def _untrained(self) -> CellError:
        return CellError(
            "used before it was trained",
            where=self.name,
            expected="`fit` or `load` first",
            hint="`sslbench train` trains it",
        )
