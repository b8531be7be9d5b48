"""Learned methods: a network, its inputs and targets, its loss, and how its output is decoded."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sslbench.contracts import (
    Dataset,
    Incompatible,
    SelectionMetric,
    TrainableMethod,
    TrainingContext,
    Windowing,
)
from sslbench.datasets.windows import Windows
from sslbench.errors import BrokenPluginError, FormatError
from sslbench.scene import Prediction, Recording, Scene
from sslbench.scoring.selection_metric import corpus_value
from sslbench.specs import Value
from sslbench.training.clips import cut_clips, resampled
from sslbench.training.examples import Arrays, Batch, ExampleSet, SceneExamples
from sslbench.training.trained_network import TrainedNetwork

__all__ = ["LearnedMethod"]

AT_ONCE = 64
"""Recordings, or clips of recordings, that are processed together."""


@dataclass(frozen=True)
class _Validation:
    """Validation data and the metric by which it chooses the epoch."""

    scenes: Dataset
    inputs: ExampleSet
    selection: SelectionMetric


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

    Two entries of the configuration mean something to this class. `sample_rate`: recordings are
    resampled to it, in Hz. `samples`: they are cut into clips of that many samples, one around
    each of their times. Without these entries recordings stay as they are. What holds for
    prediction also holds for training and validation, where such a recording has one time.

    Attributes:
        training_windows: how training and validation recordings are cut; None to keep them whole.
        cache_inputs: whether inputs are made once and kept on disk.
    """

    training_windows: Windowing | None = None
    cache_inputs: bool = False

    def __init__(self, **params: Value) -> None:
        super().__init__(**params)
        self._validation: _Validation | None = None

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
        """Check that a recording, or a clip of it, is like those the network was built for.

        Raises:
            FormatError: if it is not.
        """

    def selection(self) -> str:
        """Return which of the spec's selection metrics chooses the epoch; empty for the first."""
        return ""

    @property
    def validation_inputs(self) -> ExampleSet:
        """The inputs of the validation scenes, for `curve_values`; known while training."""
        assert self._validation is not None, "set by `begin_validation`"
        return self._validation.inputs

    @property
    def higher_is_better(self) -> bool:
        """Direction of the selection metric; known while training."""
        assert self._validation is not None, "set by `begin_validation`"
        return self._validation.selection.higher_is_better

    def training_examples(self, train: Dataset, context: TrainingContext) -> ExampleSet:
        """Return inputs and targets of the training scenes, or of windows of them.

        Raises:
            Incompatible: if no recording is as long as a window.
        """
        scenes = self._windows(train)
        if self.augments:
            return SceneExamples(scenes, self._example, self.augment)
        examples = SceneExamples(scenes, self._example)
        if not self.cache_inputs:
            return examples
        return self.cached(examples, scenes, context, "inputs and targets")

    def begin_validation(self, validation: Dataset, context: TrainingContext) -> None:
        """Prepare the inputs of validation scenes and the metric that chooses the epoch."""
        selection, scenes = self._selected(context), self._windows(validation)
        inputs: ExampleSet = SceneExamples(
            scenes, lambda scene: self.inputs(self._clipped(scene).recording)
        )
        if self.cache_inputs:
            inputs = self.cached(inputs, scenes, context, "inputs")
        self._validation = _Validation(scenes, inputs, selection)

    def validate(self, network: nn.Module, device: torch.device) -> float:
        """Return the selection metric over the validation scenes."""
        assert self._validation is not None, "set by `begin_validation`"
        scenes, inputs = self._validation.scenes, self._validation.inputs
        pairs = []
        for start in range(0, len(scenes), AT_ONCE):
            indices = range(start, min(start + AT_ONCE, len(scenes)))
            arrays = [inputs.arrays(index) for index in indices]
            batch = [self._clipped(scenes.scene(index)) for index in indices]
            found = self._predict(network, arrays, [scene.recording for scene in batch], device)
            pairs += [
                (prediction.tracks, scene.truth.tracks)
                for prediction, scene in zip(found, batch, strict=True)
            ]
        return corpus_value(self._validation.selection.metric, pairs)

    def load(self, folder: Path) -> None:
        """Read what `save` wrote.

        Raises:
            FormatError: if it is damaged, or of another method, version or parameters.
        """
        super().load(folder)
        rate, samples = self._clip_format
        if self.windowing is None and rate is not None and samples is not None:
            # An estimate depends on the clip around its time only: long recordings may be cut.
            self.windowing = Windowing(context=samples / rate)

    def locate(self, recording: Recording) -> Prediction:
        """Localize the sources of one recording."""
        return self.locate_many([recording])[0]

    def locate_many(self, recordings: Sequence[Recording]) -> list[Prediction]:
        """Localize the sources of recordings in batches.

        Recordings are resampled and cut into clips as the configuration says, and the predictions
        for the clips of a recording are joined along time.

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
                found += self._predict(network, inputs, batch, device)
        ends = np.cumsum([len(each) for each in clips])
        return [
            Prediction.join(found[end - len(each) : end], recording.times)
            for each, end, recording in zip(clips, ends, recordings, strict=True)
        ]

    def _windows(self, scenes: Dataset) -> Dataset:
        if self.training_windows is None:
            return scenes
        windows = Windows(scenes, self.training_windows)
        if not len(windows):
            raise Incompatible(
                f"{self.name} learns from windows of {self.training_windows.rows} times;"
                f" no recording of the split {scenes.request.split} is as long"
            )
        return windows

    @property
    def _clip_format(self) -> tuple[int | None, int | None]:
        """Sample rate and number of samples of the clips of the training; None for any."""
        return self.config.get("sample_rate"), self.config.get("samples")

    def _clips(self, recording: Recording) -> list[Recording]:
        rate, samples = self._clip_format
        adapted = recording if rate is None else resampled(recording, rate)
        return [adapted] if samples is None else cut_clips(adapted, samples)

    def _clipped(self, scene: Scene) -> Scene:
        """Return a training or validation scene with the clip of its recording."""
        clips = self._clips(scene.recording)
        if len(clips) != 1:
            raise FormatError(
                f"a training recording with {len(clips)} times",
                where=scene.recording.id,
                expected="one time, since the configuration has the `samples` of a clip",
                hint="let `training_windows` cut recordings into windows of one row",
            )
        if clips[0] is scene.recording:
            return scene
        tracks = replace(scene.truth.tracks, times=clips[0].times)
        return replace(scene, recording=clips[0], truth=replace(scene.truth, tracks=tracks))

    def _example(self, scene: Scene) -> Arrays:
        clipped = self._clipped(scene)
        return {**self.inputs(clipped.recording), **self.targets(clipped)}

    def _selected(self, context: TrainingContext) -> SelectionMetric:
        offered = context.selection
        label = self.selection() or next(iter(offered), "")
        if label not in offered:
            raise BrokenPluginError(
                f"{self.name} chooses epochs by {label!r}",
                expected="one of " + ", ".join(offered or ("its spec's `selection`",)),
            )
        return offered[label]

    def _predict(
        self,
        network: nn.Module,
        inputs: Sequence[Arrays],
        recordings: Sequence[Recording],
        device: torch.device,
    ) -> list[Prediction]:
        """Return predictions; inputs of the same shapes are processed together."""
        groups: dict[tuple[tuple[int, ...], ...], list[int]] = {}
        for row, arrays in enumerate(inputs):
            groups.setdefault(tuple(np.shape(value) for value in arrays.values()), []).append(row)
        predictions: dict[int, Prediction] = {}
        for rows in groups.values():
            batch = _stacked([inputs[row] for row in rows], device)
            output = self.forward(network, batch)
            found = self.decode(output, [recordings[row] for row in rows])
            predictions.update(zip(rows, found, strict=True))
        return [predictions[row] for row in range(len(recordings))]


def _stacked(examples: Sequence[Arrays], device: torch.device) -> dict[str, Tensor]:
    return {
        name: torch.from_numpy(np.stack([np.asarray(each[name]) for each in examples])).to(device)
        for name in examples[0]
    }
