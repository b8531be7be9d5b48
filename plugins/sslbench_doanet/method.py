"""DOAnet as a method: what it learns from, its losses and its estimates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from sslbench.array_types import Booleans, Floats
from sslbench.contracts import Dataset, Incompatible, TrainingContext, Windowing
from sslbench.errors import FormatError, ParameterError
from sslbench.scene import Prediction, Recording, Scene, Tracks
from sslbench.specs import Scale, Value
from sslbench.training.devices import find_device
from sslbench.training.examples import Arrays, Batch
from sslbench.training.learned import LearnedMethod
from sslbench.training.loop import Settings, Step
from sslbench.training.normalization import Normalize, Statistics
from sslbench.training.schedules import Cosine, epochs_for
from sslbench_doanet.association import best_assignment, chord
from sslbench_doanet.distance_matrices import FAR
from sslbench_doanet.features import RATE, WINDOW, channels_of, features
from sslbench_doanet.hnet import Hnet
from sslbench_doanet.losses import adpit_loss, masked_mse_loss, mse_loss, pit_loss
from sslbench_doanet.network import Crnn, Output
from sslbench_doanet.targets import Truth, padded, slots
from sslbench_doanet.tracking_losses import (
    code_accuracy_loss,
    code_distance_loss,
    matches,
    mean_distance,
    soft_counts,
)

__all__ = ["DoaNet"]

ROWS = 50
"""Times in a window: 5 s, as published."""

CONTEXT = WINDOW / RATE
"""Seconds of audio around a window, which the spectra at its borders reach into."""

WIDTH: dict[Scale, int] = {"smoke": 16, "quick": 32, "paper": 128}

STEPS: dict[Scale, tuple[int, int]] = {"smoke": (60, 4), "quick": (1200, 32)}
"""Number of steps, and windows per step."""

SAME_PLACE = 0.005
"""Metres by which a microphone may be elsewhere than in training."""

CODE_ACTIVITY_WEIGHT = 10.0
"""Of the activity in the variant `code`; 1 in the other one."""

MERGED = np.radians(15.0)
"""Outputs of `adpit` that are closer are one source, as in Shimada et al. 2022."""

BY_ERROR = "localization-error"
BY_GOSPA = "gospa[cutoff=30deg]"


class DoaNet(LearnedMethod):
    """Locates up to `n_max` moving sources every 100 ms (Adavanne et al., WASPAA 2021).

    Args:
        activity_threshold: probability, or length of a vector of `adpit`, above which an output
            is a source.
        params: the other parameters by name; see the plugin.

    Raises:
        ParameterError: if dMOTa is to be learned from an exact association.
    """

    name = "doanet"
    cache_inputs = True
    feature_parameters = ("n_max",)
    normalize: ClassVar = {"features": (0, 2)}
    training_windows = Windowing(rows=ROWS, context=CONTEXT)

    def __init__(self, *, activity_threshold: float, **params: Value) -> None:
        super().__init__(**params)  # a checkpoint serves all thresholds
        self.activity_threshold = activity_threshold
        self.learned = str(params["loss"])
        self.n_max = int(params["n_max"])
        if "dmota" in self.learned and params["association"] == "exact":
            raise ParameterError(
                "an exact association has no gradient that dMOTa could learn from",
                expected="association=hnet, or a loss without dmota",
            )

    @property
    def estimates_activity(self) -> bool:
        """Whether the network has outputs for activity."""
        return self.learned.endswith("+act")

    def selection(self) -> str:
        """Return the published choice, or GOSPA where the number of sources is estimated."""
        return BY_GOSPA if self.estimates_activity or self.learned == "adpit" else BY_ERROR

    def configure(self, train: Dataset, scale: Scale) -> dict[str, Any]:
        """Return the array, and the number of times in a window: 50, or fewer in short recordings.

        Raises:
            Incompatible: if recordings have positions, too many sources, or too few microphones.
        """
        recording = train.scene(0).recording
        if recording.kind != "direction":
            raise Incompatible(f"{self.name} estimates directions")
        if recording.max_sources > self.n_max:
            raise Incompatible(
                f"{self.name} has n_max={self.n_max}, there can be {recording.max_sources} sources"
                " at a time"
            )
        train.prepare()
        times = [len(train.truth(index)[1].tracks.times) for index in range(len(train))]
        rows = min(ROWS, *times)
        self.training_windows = self.windowing = Windowing(rows=rows, context=CONTEXT)
        array = recording.array
        return {
            "scale": scale,
            "sample_rate": RATE,
            "rows": rows,
            "format": array.format,
            "microphones": None if array.positions is None else _centred(array.positions).tolist(),
            "examples": sum(count // rows for count in times),
        }

    def fit(self, train_on: Dataset, validation: Dataset, context: TrainingContext) -> None:
        """Train; see `TrainedNetwork.fit`."""
        for part in self.parts.values():
            assert isinstance(part, Hnet)
            part.freeze(find_device(context.device))
        super().fit(train_on, validation, context)

    def settings(self, scale: Scale) -> Settings:
        """Return the published settings; below paper scale a fixed number of steps."""
        if scale == "paper":
            return Settings(200, 64, 1e-3)
        steps, batch = STEPS[scale]
        return Settings(epochs_for(steps, self.config["examples"], batch), batch, 2e-3, Cosine())

    def inputs(self, recording: Recording) -> Arrays:
        """Return the features in half precision."""
        return {"features": features(recording).astype(np.float16)}

    def targets(self, scene: Scene) -> Arrays:
        """Return the active sources in slots, see `targets.slots`."""
        return slots(scene.truth.tracks, self.n_max)

    def build(self, config: Mapping[str, Any], statistics: Statistics) -> nn.Module:
        """Return the network with initial weights."""
        microphones = config["microphones"]
        channels = channels_of(4 if microphones is None else len(microphones), config["format"])
        return Crnn(
            Normalize(statistics["features"]),
            channels,
            int(self.params["width"]) or WIDTH[config["scale"]],
            self.n_max,
            activity=self.estimates_activity,
        )

    def forward(self, network: nn.Module, batch: Batch) -> Output:
        """Return the estimates in single precision."""
        output: Output = network(batch)
        activity = None if output.activity is None else output.activity.float()
        return Output(output.vectors.float(), activity)

    def loss(self, network: nn.Module, batch: Batch, step: Step) -> Tensor:
        """Return the loss that the parameter `loss` names."""
        del step
        output, truth = self.forward(network, batch), Truth.of(batch)
        if self.learned == "adpit":
            return adpit_loss(output.vectors, truth)
        directions = nn.functional.normalize(output.vectors, dim=-1, eps=1e-5)
        if self.learned == "mse":
            return mse_loss(directions, truth)
        if self.learned == "mse-masked":
            return masked_mse_loss(directions, truth)
        if self.learned == "pit":
            return pit_loss(directions, truth, squared=self.params["distance"] == "squared")
        return self._tracking_loss(directions, output.activity, truth)

    def _tracking_loss(self, directions: Tensor, activity: Tensor | None, truth: Truth) -> Tensor:
        """Return dMOTp, with dMOTa and the cross entropy of the activity if they are wanted."""
        distances = chord(directions, padded(truth, FAR))
        associations = self._associations(distances, truth.present)
        switch_weight = float(self.params["switch_weight"])
        threshold = float(self.params["match_threshold"])
        code = self.params["variant"] == "code"
        if code:
            loss = code_distance_loss(distances, associations)
        else:
            matched = matches(associations, truth.present, threshold)
            loss = float(self.params["distance_weight"]) * mean_distance(distances, matched)
        if "dmota" in self.learned and code:
            loss = loss + code_accuracy_loss(associations, truth.present, switch_weight)
        elif "dmota" in self.learned:
            scale = float(self.params["softmax_scale"])
            counts = soft_counts(associations, truth, scale=scale, threshold=threshold)
            loss = loss + counts.loss(switch_weight)
        if activity is None:
            return loss
        associated = (associations.amax(dim=-1) > threshold).float()
        # The published code passes the output through tanh first, which keeps it near 0.5.
        logits = torch.tanh(activity) if code else activity
        entropy = nn.functional.binary_cross_entropy_with_logits(logits, associated)
        return loss + (CODE_ACTIVITY_WEIGHT if code else 1.0) * entropy

    def _associations(self, distances: Tensor, present: Tensor) -> Tensor:
        """Return associations of outputs with sources; 0 below `match_threshold`, as published."""
        if self.params["association"] == "exact":
            return best_assignment(distances.detach(), present)
        hnet = self.parts["hnet"]
        assert isinstance(hnet, Hnet)
        found = hnet.associations(distances) * present[..., None, :]
        return found * (found > float(self.params["match_threshold"]))

    def decode(self, output: Output, recordings: Sequence[Recording]) -> list[Prediction]:
        """Return a track per output, with a confidence where activity is estimated."""
        vectors = output.vectors.double().cpu().numpy()
        length = np.linalg.norm(vectors, axis=-1)
        directions = vectors / np.maximum(length, 1e-10)[..., None]
        if self.learned == "adpit":
            confidence = np.minimum(length, 1.0)
        elif output.activity is not None:
            confidence = output.activity.double().sigmoid().cpu().numpy()
        else:
            confidence = None
        found = []
        for row, recording in enumerate(recordings):
            each = None if confidence is None else confidence[row]
            found.append(self._prediction(recording, directions[row], each))
        return found

    def _prediction(
        self, recording: Recording, directions: Floats, confidence: Floats | None
    ) -> Prediction:
        """Return the active ones of directions, shape (times, n, 3)."""
        ranked = np.ones(directions.shape[:2]) if confidence is None else confidence
        active = ranked > (0 if confidence is None else self.activity_threshold)
        if self.learned == "adpit":
            directions, active = _merged(directions, active, ranked)
        # The strongest ones, where the recording cannot have as many sources as there are outputs.
        order = np.argsort(np.argsort(-np.where(active, ranked, -1), axis=1, kind="stable"), axis=1)
        active &= order < recording.max_sources
        xyz = np.where(active[..., None], directions, np.nan)
        tracks = Tracks.of(recording.times, xyz, "direction", confidence=confidence)
        return Prediction(tracks)

    def check(self, recording: Recording) -> None:
        """Check that the network can process a recording.

        Raises:
            FormatError: if it has another format, other microphones, or too many sources.
        """
        fault = self._fault(recording)
        if fault:
            raise FormatError(f"{self.name} {fault}", where=recording.id)

    def _fault(self, recording: Recording) -> str:
        array, learned = recording.array, self.config["microphones"]
        if array.format != self.config["format"]:
            return f"was trained on the format {self.config['format']}, not {array.format}"
        if recording.kind != "direction":
            return "estimates directions"
        if recording.max_sources > self.n_max:
            return f"has n_max={self.n_max}, there can be {recording.max_sources} sources at a time"
        if learned is None:
            return ""
        assert array.positions is not None
        if len(learned) != array.channels:
            return f"was trained on {len(learned)} microphones, not {array.channels}"
        if not np.allclose(_centred(array.positions), learned, atol=SAME_PLACE):
            return "was trained on microphones at other places of the array"
        return ""

    def load(self, folder: Path) -> None:
        """Read what `save` wrote.

        Raises:
            FormatError: if it is damaged, or of another method, version or parameters.
        """
        super().load(folder)
        self.windowing = Windowing(rows=self.config["rows"], context=CONTEXT)


def _centred(positions: Floats) -> Floats:
    """Return positions relative to their mean."""
    return np.asarray(positions - positions.mean(axis=0))


def _merged(directions: Floats, active: Booleans, weights: Floats) -> tuple[Floats, Booleans]:
    """Replace active directions that are close to an earlier one by their weighted mean there."""
    directions, active = directions.copy(), active.copy()
    for first in range(active.shape[1]):
        for second in range(first + 1, active.shape[1]):
            cosine = (directions[:, first] * directions[:, second]).sum(axis=-1)
            same = active[:, first] & active[:, second] & (cosine > np.cos(MERGED))
            mean = (
                weights[:, [first]] * directions[:, first]
                + weights[:, [second]] * directions[:, second]
            )
            mean /= np.maximum(np.linalg.norm(mean, axis=-1, keepdims=True), 1e-10)
            directions[same, first] = mean[same]
            active[same, second] = False
    return directions, active
