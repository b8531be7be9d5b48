"""What a learned method extends: a network, its examples, its loss, and how its output answers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset as TorchDataset

from sslbench.cache_keys import source_sha256
from sslbench.contracts import Dataset, Scale, TrainableMethod, TrainingContext, Value
from sslbench.errors import CellError
from sslbench.metrics.aggregation import CorpusMetric
from sslbench.metrics.corpus import Corpus
from sslbench.scene import Prediction, Recording, Scene
from sslbench.training.checkpoint import EpochRow
from sslbench.training.devices import find_device, place
from sslbench.training.examples import Batch, Example, Examples, to_device
from sslbench.training.feature_cache import cached_examples
from sslbench.training.loop import Learner, Settings, train
from sslbench.training.weights import read_model, read_weights, write_model

__all__ = ["LearnedMethod"]

ANSWERED_AT_ONCE = 64


class LearnedMethod(TrainableMethod, Learner):
    """A method that is a network.

    A subclass says what the network is built for (`facts`), builds it (`build`), makes inputs
    (`question`) and targets (`target`), gives the loss, and turns outputs into answers (`answer`).

    Args:
        params: the parameters of the method, which the checkpoint must have been trained with.
    """

    name: ClassVar[str]
    version: ClassVar[int]
    """Raised whenever a checkpoint of the same parameters would mean something else."""

    def __init__(self, params: Mapping[str, Value]) -> None:
        self.params = dict(params)
        self.history: list[EpochRow] = []
        self._facts: dict[str, Any] | None = None
        self._network: nn.Module | None = None
        self._validation: Dataset | None = None

    @abstractmethod
    def settings(self, scale: Scale) -> Settings:
        """Return how long and how fast the network learns at a scale."""

    @abstractmethod
    def facts(self, train_on: Dataset, scale: Scale) -> dict[str, Any]:
        """Return what the network is built for, as JSON: sizes, array, room, normalisation.

        Args:
            train_on: training scenes only, so that nothing else can reach the network.
            scale: how much is run.

        Raises:
            Incompatible: if such scenes cannot be learned from.
        """

    @abstractmethod
    def build(self, facts: Mapping[str, Any]) -> nn.Module:
        """Return the network, with initial weights drawn from torch's stream."""

    @abstractmethod
    def question(self, recording: Recording) -> Example:
        """Return the inputs of a recording."""

    @abstractmethod
    def target(self, scene: Scene) -> Example:
        """Return what is to be learned of a scene."""

    @abstractmethod
    def answer(
        self, network: nn.Module, batch: Batch, recordings: Sequence[Recording]
    ) -> list[Prediction]:
        """Return the answers to a batch of questions."""

    @abstractmethod
    def metric(self) -> CorpusMetric:
        """Return the metric by which epochs are chosen on validation scenes."""

    @property
    def higher_is_better(self) -> bool:
        """Direction of that metric."""
        return False

    def features(self, scale: Scale) -> str | None:
        """Return a name for the questions, if making them once and keeping them pays."""
        del scale
        return None

    def check(self, recording: Recording, facts: Mapping[str, Any]) -> None:
        """Check that a recording is such as the network was built for.

        Raises:
            FormatError: if it is not.
        """

    def fit(self, train_on: Dataset, validation: Dataset, context: TrainingContext) -> None:
        """Train, going on from the workspace if earlier work was interrupted there."""
        torch.manual_seed(context.seed)
        # Before scenes are made: they may be such as cannot be learned from.
        network = self.begin(train_on, context.scale)
        for part in (train_on, validation):
            part.prepare()
        self.device = context.device
        self._validation = validation
        settings = self.settings(context.scale)
        trained = train(self, network, self._examples(train_on, context.scale), settings, context)
        network.load_state_dict(trained.weights)
        self._network, self.history = network.eval(), trained.history
        self._validation = None

    def begin(self, train_on: Dataset, scale: Scale) -> nn.Module:
        """Return the untrained network for some training scenes."""
        self._facts = self.facts(train_on, scale)
        return self.build(self._facts)

    def example(self, scene: Scene) -> Example:
        """Return inputs and targets of a scene."""
        return {**self.question(scene.recording), **self.target(scene)}

    def _examples(self, train_on: Dataset, scale: Scale) -> TorchDataset[dict[str, object]]:
        examples = Examples(train_on, self.example)
        features = self.features(scale)
        if features is None:
            return examples
        target = f"{type(self).__module__}:{type(self).__qualname__}"
        return cached_examples(examples, features, source_sha256(target, learned=True))

    def validate(self, network: nn.Module, device: torch.device) -> float:
        """Return the metric over the validation scenes, turned so that less is better."""
        assert self._validation is not None
        pairs = []
        for start in range(0, len(self._validation), ANSWERED_AT_ONCE):
            end = min(start + ANSWERED_AT_ONCE, len(self._validation))
            scenes = [self._validation.scene(index) for index in range(start, end)]
            answers = self._answers(network, [scene.recording for scene in scenes], device)
            pairs += [(a.tracks, s.truth) for a, s in zip(answers, scenes, strict=True)]
        metric = self.metric()
        value = metric.value(metric.rows(Corpus.of(pairs)))
        return -value if self.higher_is_better else value

    def save(self, folder: Path) -> None:
        """Write weights, facts and the learning curve; see `weights`."""
        about = {**self._identity(), "facts": self._facts}
        write_model(folder, self._ready().state_dict(), about, self.history)

    def load(self, folder: Path) -> None:
        """Read what `save` wrote.

        Raises:
            FormatError: if it is damaged, or of another method, version or parameters.
        """
        about = read_model(folder, self._identity())
        self._facts = dict(about["facts"])
        network = self.build(self._facts)
        network.load_state_dict(read_weights(folder, network.state_dict()))
        place(network, find_device(self.device))
        self._network = network.eval()

    def locate(self, recording: Recording) -> Prediction:
        """Answer one recording."""
        return self.locate_many([recording])[0]

    def locate_many(self, recordings: Sequence[Recording]) -> list[Prediction]:
        """Answer recordings in batches.

        Raises:
            CellError: if there was neither `fit` nor `load`.
            FormatError: if a recording is not such as the network was built for.
        """
        network, answers = self._ready(), []
        assert self._facts is not None
        for recording in recordings:
            self.check(recording, self._facts)
        device = next(network.parameters()).device
        with torch.no_grad():
            for start in range(0, len(recordings), ANSWERED_AT_ONCE):
                part = recordings[start : start + ANSWERED_AT_ONCE]
                answers += self._answers(network, part, device)
        return answers

    def _answers(
        self, network: nn.Module, recordings: Sequence[Recording], device: torch.device
    ) -> list[Prediction]:
        """Answer those together whose questions have the same shapes."""
        questions = [self.question(recording) for recording in recordings]
        alike: dict[tuple[tuple[int, ...], ...], list[int]] = {}
        for row, question in enumerate(questions):
            alike.setdefault(tuple(np.shape(value) for value in question.values()), []).append(row)
        answers: dict[int, Prediction] = {}
        for rows in alike.values():
            batch = to_device(_stacked([questions[row] for row in rows]), device)
            found = self.answer(network, batch, [recordings[row] for row in rows])
            answers.update(zip(rows, found, strict=True))
        return [answers[row] for row in range(len(recordings))]

    @property
    def parameter_count(self) -> int:
        """Number of learned weights."""
        return 0 if self._network is None else sum(p.numel() for p in self._network.parameters())

    def _identity(self) -> dict[str, Any]:
        return {"method": self.name, "version": self.version, "params": self.params}

    def _ready(self) -> nn.Module:
        if self._network is None:
            raise CellError(
                "asked for an answer before training",
                where=self.name,
                expected="`fit` or `load` first",
                hint="`sslbench train` makes what is missing",
            )
        return self._network


def _stacked(examples: Sequence[Example]) -> dict[str, Tensor]:
    return {
        name: torch.from_numpy(np.stack([np.asarray(each[name]) for each in examples]))
        for name in examples[0]
    }
