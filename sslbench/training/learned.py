"""Learned methods: a network, its inputs and targets, its loss, and how its output is decoded."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sslbench.acoustics.resampling import resample
from sslbench.contracts import Dataset, SelectionMetric, TrainableMethod, TrainingContext, Windowing
from sslbench.datasets.windows import Windows
from sslbench.errors import BrokenPluginError
from sslbench.scene import Prediction, Recording, Scene
from sslbench.scoring.selection_metric import corpus_value
from sslbench.training.examples import Arrays, Batch, ExampleSet, SceneExamples, to_device
from sslbench.training.trained_network import TrainedNetwork

__all__ = ["LearnedMethod"]

AT_ONCE = 64
"""Windows that are processed together."""


class LearnedMethod(TrainedNetwork, TrainableMethod):
    """A localization method that is a network.

    The methods to implement, in the order in which they are used:

    1. `configure(train, scale)`: what the network is built for, from training scenes;
    2. `settings(scale)`: epochs, batch, learning rate;
    3. `augment(scene, rng)`: random changes of a training scene (optional);
    4. `inputs(recording)` and `targets(scene)`: arrays for network and loss;
    5. `build(config, statistics)`: the network;
    6. `loss(network, batch, step)`: the loss of a batch;
    7. `decode(output, recordings)`: predictions from the output of the network.

    Attributes:
        training_windows: how training and validation recordings are cut; None to keep them whole.
        cache_inputs: whether inputs are made once and kept on disk.
    """

    training_windows: Windowing | None = None
    cache_inputs: bool = False

    @abstractmethod
    def inputs(self, recording: Recording) -> Arrays:
        """Return the inputs of the network, the same at every call: the place for features."""

    @abstractmethod
    def targets(self, scene: Scene) -> Arrays:
        """Return what is to be learned of a scene."""

    @abstractmethod
    def decode(self, output: Any, recordings: Sequence[Recording]) -> list[Prediction]:
        """Return predictions from the output of the network for a batch of recordings."""

    def augment(self, scene: Scene, rng: np.random.Generator) -> Scene:
        """Return a randomly changed training scene, anew in every epoch; by default unchanged.

        Overriding it turns off the cache of training inputs (see `augments`); validation inputs
        are still cached.

        Args:
            scene: a training scene.
            rng: of this scene and epoch.
        """
        del rng
        return scene

    @property
    def augments(self) -> bool:
        """Whether `augment` changes scenes; by default, whether it is overridden."""
        return type(self).augment is not LearnedMethod.augment

    def forward(self, network: nn.Module, batch: Batch) -> Any:
        """Return the output of the network for a batch; by default, called with the batch."""
        return network(batch)

    def check(self, recording: Recording) -> None:
        """Check that a recording is like those that the network was built for.

        Raises:
            FormatError: if it is not.
        """

    def selection(self) -> str:
        """Return which of the spec's selection metrics chooses the epoch; `config` is known."""
        return next(iter(self._selection))

    _selection: Mapping[str, SelectionMetric] = {}
    _validation: tuple[Dataset, ExampleSet] | None = None

    @property
    def higher_is_better(self) -> bool:
        """Direction of the selection metric."""
        return self._selected.higher_is_better

    @property
    def _selected(self) -> SelectionMetric:
        label = self.selection() if self._selection else ""
        if label not in self._selection:
            raise BrokenPluginError(
                f"{self.name} chooses epochs by {label!r}",
                expected="one of " + ", ".join(self._selection or ("its spec's `selection`",)),
            )
        return self._selection[label]

    def training_examples(self, train: Dataset, context: TrainingContext) -> ExampleSet:
        """Return inputs and targets of the training windows."""
        scenes = self._windows(train)
        if self.augments:
            return SceneExamples(scenes, self._example, self.augment)
        examples = SceneExamples(scenes, self._example)
        return self.cached(examples, scenes, context) if self.cache_inputs else examples

    def begin_validation(self, validation: Dataset, context: TrainingContext) -> None:
        """Prepare the inputs of validation scenes and the metric that chooses the epoch."""
        self._selection = context.selection
        scenes = self._windows(validation)
        examples: ExampleSet = SceneExamples(scenes, lambda scene: self.inputs(scene.recording))
        if self.cache_inputs:
            examples = self.cached(examples, scenes, context)
        self._validation = (scenes, examples)

    def _windows(self, scenes: Dataset) -> Dataset:
        return scenes if self.training_windows is None else Windows(scenes, self.training_windows)

    def _example(self, scene: Scene) -> Arrays:
        return {**self.inputs(scene.recording), **self.targets(scene)}

    def validate(self, network: nn.Module, device: torch.device) -> float:
        """Return the selection metric over the validation scenes."""
        assert self._validation is not None
        scenes, examples = self._validation
        pairs = []
        for start in range(0, len(scenes), AT_ONCE):
            indices = range(start, min(start + AT_ONCE, len(scenes)))
            batch = [scenes.scene(index) for index in indices]
            inputs = [examples.arrays(index) for index in indices]
            found = self._decoded(network, inputs, [scene.recording for scene in batch], device)
            pairs += [
                (prediction.tracks, scene.truth.tracks)
                for prediction, scene in zip(found, batch, strict=True)
            ]
        return corpus_value(self._selected.metric, pairs)

    def locate(self, recording: Recording) -> Prediction:
        """Localize the sources of one recording."""
        return self.locate_many([recording])[0]

    def locate_many(self, recordings: Sequence[Recording]) -> list[Prediction]:
        """Localize the sources of recordings in batches.

        Recordings of another sample rate are resampled to that of the training. If `config` has
        `samples`, the length of the clips that the network was trained on, a recording of another
        length or with several times is cut into one clip around each of its times.

        Raises:
            CellError: if there was neither `fit` nor `load`.
            FormatError: if a recording is not like those that the network was built for.
        """
        network = self.network
        clips = [self._clips(recording) for recording in recordings]
        flat = [clip for each in clips for clip in each]
        for clip in flat:
            self.check(clip)
        device = next(network.parameters()).device
        found: list[Prediction] = []
        with torch.no_grad():
            for start in range(0, len(flat), AT_ONCE):
                batch = flat[start : start + AT_ONCE]
                inputs = [self.inputs(clip) for clip in batch]
                found += self._decoded(network, inputs, batch, device)
        ends = np.cumsum([len(each) for each in clips])
        return [
            Prediction.join(found[end - len(each) : end], recording.times)
            for each, end, recording in zip(clips, ends, recordings, strict=True)
        ]

    def _clips(self, recording: Recording) -> list[Recording]:
        rate, samples = self.config.get("sample_rate"), self.config.get("samples")
        adapted = recording if rate is None else _resampled(recording, rate)
        if samples is None or (adapted.audio.shape[1] == samples and len(adapted.times) == 1):
            return [adapted]
        return _cut(adapted, samples)

    def _decoded(
        self,
        network: nn.Module,
        inputs: Sequence[Arrays],
        recordings: Sequence[Recording],
        device: torch.device,
    ) -> list[Prediction]:
        """Process together the inputs that have the same shapes."""
        groups: dict[tuple[tuple[int, ...], ...], list[int]] = {}
        for row, arrays in enumerate(inputs):
            groups.setdefault(tuple(np.shape(value) for value in arrays.values()), []).append(row)
        predictions: dict[int, Prediction] = {}
        for rows in groups.values():
            batch = to_device(_stacked([inputs[row] for row in rows]), device)
            output = self.forward(network, batch)
            found = self.decode(output, [recordings[row] for row in rows])
            predictions.update(zip(rows, found, strict=True))
        return [predictions[row] for row in range(len(recordings))]


def _resampled(recording: Recording, rate: int) -> Recording:
    if recording.sample_rate == rate:
        return recording
    reference = recording.reference
    if reference is not None:
        reference = resample(reference[None], recording.sample_rate, rate)[0]
    audio = resample(recording.audio, recording.sample_rate, rate)
    return replace(recording, audio=audio, sample_rate=rate, reference=reference)


def _cut(recording: Recording, samples: int) -> list[Recording]:
    """Cut one clip around each time, inside the recording where it is long enough."""
    audio, rate = recording.audio, recording.sample_rate
    if audio.shape[1] < samples:
        audio = np.pad(audio, ((0, 0), (0, samples - audio.shape[1])))
    clips = []
    for time in recording.times:
        first = round(float(time) * rate - samples / 2)
        first = min(max(first, 0), audio.shape[1] - samples)
        clips.append(
            replace(
                recording,
                audio=audio[:, first : first + samples],
                times=np.array([time - first / rate]),
                reference=None,
            )
        )
    return clips


def _stacked(examples: Sequence[Arrays]) -> dict[str, Tensor]:
    return {
        name: torch.from_numpy(np.stack([np.asarray(each[name]) for each in examples]))
        for name in examples[0]
    }
