"""wav2pos as a method: what it learns from, its inputs and its loss."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sslbench.acoustics.gcc import largest_lag
from sslbench.acoustics.learned_delays import delay_estimator
from sslbench.array_types import Floats
from sslbench.contracts import Dataset, Incompatible, Windowing
from sslbench.datasets.windows import Windows
from sslbench.errors import FormatError, ParameterError
from sslbench.scene import Prediction, Recording, Scene, Tracks
from sslbench.specs import Scale, Value
from sslbench.training.examples import Arrays, Batch, batches, to_device
from sslbench.training.learned import LearnedMethod
from sslbench.training.loop import Settings, Step
from sslbench.training.normalization import Statistics
from sslbench.training.schedules import Cosine, epochs_for
from sslbench_wav2pos.features import (
    correlations,
    log_probabilities,
    normalized,
)
from sslbench_wav2pos.masking import draw_masks, noisy
from sslbench_wav2pos.network import HEADS, Autoencoder, Output, Shape
from sslbench_wav2pos.recordings import (
    RATE,
    centred_sources,
    fault,
    longest_delay,
    sources,
)
from sslbench_wav2pos.refine import searched

__all__ = ["Wav2pos"]

SAMPLES = 2048
"""Length of an audio token."""

WIDTH: dict[Scale, int] = {"smoke": 32, "quick": 64, "paper": 256}
DEPTH: dict[Scale, int] = {"smoke": 1, "quick": 2, "paper": 4}

SMALLEST = 0.1
"""Deviation in metres at least, for sources that are all at one height."""

AUDIO_WEIGHT = 0.1
"""Of the error of the audio; the errors of source and microphones have weight 1."""

GAIN_FRAMES = 256
"""Validation frames, evenly spread, of which the gain of the audio output is measured, at most."""

GAIN_BATCH = 32


class Wav2pos(LearnedMethod):
    """Locates a source, and microphones of unknown position, by masked autoencoding.

    The recording's reference, the signal of a microphone at the source, becomes the audio of the
    source. Coordinates are z-scored by mean and deviation per axis of the training sources; with
    `centred` they are relative to the mean of the known microphones instead.

    Args:
        refine: `srp` searches around each estimate, see `refine`.
        params: the other parameters by name; see the plugin.

    Raises:
        ParameterError: if the width is not a multiple of the number of heads.
    """

    name = "wav2pos"
    cache_inputs = True
    feature_parameters = ("features", "symmetrize", "channels", "centred")
    training_windows = Windowing(rows=1, context=SAMPLES / RATE)

    def __init__(self, *, refine: str, **params: Value) -> None:
        super().__init__(**params)  # a checkpoint serves both values of `refine`
        self.refine = refine
        if int(params["width"]) % HEADS:
            raise ParameterError(
                f"parameter width={params['width']} is not allowed",
                expected=f"a multiple of {HEADS}, the number of attention heads",
            )

    def configure(self, train: Dataset, scale: Scale) -> dict[str, Any]:
        """Return the form of a clip, where sources are, and the longest delay.

        Raises:
            Incompatible: if recordings have several sources, an encoded format, fewer than four
                known microphones, or no source.
        """
        recording = train.scene(0).recording
        if reason := fault(recording):
            raise Incompatible(f"{self.name} {reason}")
        train.prepare()
        centred = bool(self.params["centred"])
        places = centred_sources(train) if centred else sources(train)
        if not len(places):
            raise Incompatible(f"{self.name}: there is no source in the training recordings")
        mean = np.zeros(3) if centred else places.mean(axis=0)
        return {
            "scale": scale,
            "sample_rate": RATE,
            "samples": SAMPLES,
            "examples": len(Windows(train, self.training_windows)),
            "reference": recording.reference is not None,
            "mean": mean.tolist(),
            "deviation": np.maximum(places.std(axis=0), SMALLEST).tolist(),
            "max_lag": min(longest_delay(train), SAMPLES),
        }

    def settings(self, scale: Scale) -> Settings:
        """Return the paper's settings; below paper scale a fixed number of steps."""
        if scale == "paper":
            return self._settings(500, 256, 5e-4)
        steps, batch = {"smoke": (450, 16), "quick": (4500, 64)}[scale]
        return self._settings(epochs_for(steps, self.config["examples"], batch), batch, 1.5e-3)

    def _settings(self, epochs: int, batch: int, rate: float) -> Settings:
        return Settings(epochs, batch, rate, Cosine(), weight_decay=0.1, decay_vectors=False)

    def inputs(self, recording: Recording) -> Arrays:
        """Return audio, known coordinates and features, in half precision where they are large.

        The source's own audio is row 0 of `audio`, zero where there is none.
        """
        mics = recording.array.positions
        assert mics is not None, "`configure` and `check` refuse encoded formats"
        audio = normalized(recording.audio)
        has_source = bool(self.config["reference"]) and recording.reference is not None
        source = np.zeros((1, audio.shape[1]), np.float32)
        if has_source:
            assert recording.reference is not None
            source = normalized(recording.reference[None])
        every = np.concatenate([source, audio])
        known = np.asarray(np.isfinite(mics).all(axis=1))
        arrays: dict[str, NDArray[Any]] = {
            "audio": every.astype(np.float16),
            "audio_kept": np.array([has_source, *(True for _ in audio)]),
            "coordinates": np.nan_to_num(self._scaled(mics, recording)).astype(np.float32),
            "coordinates_kept": known,
        }
        pairs = self._pairs(every if has_source else audio)
        return arrays if pairs is None else arrays | {"pairs": pairs}

    def _pairs(self, audio: NDArray[np.float32]) -> NDArray[np.float16] | None:
        """Return the time-delay features of all pairs; None if there are none."""
        max_lag, features = self.config["max_lag"], self.params["features"]
        if features == "none":
            return None
        if features == "gcc":
            found = correlations(audio, max_lag)
        else:
            part = delay_estimator(self.parts, self.name)
            symmetric = bool(self.params["symmetrize"])
            found = log_probabilities(part, audio, max_lag, symmetric=symmetric)
        return found.numpy().astype(np.float16)

    def targets(self, scene: Scene) -> Arrays:
        """Return z-scored positions of source and microphones; NaN where a position is unknown."""
        recording, truth = scene.recording, scene.truth
        mics = np.array(recording.array.positions, dtype=float)
        if truth.microphones is not None:
            mics = np.where(np.isfinite(mics), mics, truth.microphones)
        active = truth.tracks.active[0]
        source = truth.tracks.xyz[0, active] if active.any() else np.full((1, 3), np.nan)
        return {
            "source": self._scaled(source[0], recording).astype(np.float32),
            "microphones": self._scaled(mics, recording).astype(np.float32),
        }

    def build(self, config: Mapping[str, Any], statistics: Statistics) -> nn.Module:
        """Return the autoencoder; statistics are not used."""
        del statistics
        scale: Scale = config["scale"]
        lags = 2 * config["max_lag"] + 1
        return Autoencoder(
            Shape(
                width=int(self.params["width"]) or WIDTH[scale],
                depth=int(self.params["depth"]) or DEPTH[scale],
                samples=config["samples"],
                lags=0 if self.params["features"] == "none" else lags,
                pairwise=bool(self.params["pairwise"]),
                max_pool=bool(self.params["max_pool"]),
            )
        )

    def forward(self, network: nn.Module, batch: Batch) -> Output:
        """Return the estimates."""
        output: Output = network(batch)
        return Output(*(each.float() for each in output))

    def loss(self, network: nn.Module, batch: Batch, step: Step) -> Tensor:
        """Return the weighted sum of the errors of audio, source and masked microphones.

        The target of the audio is the normalized input without the noise that is added here. All
        errors are means of squares, over x, y and z or over samples (the paper: sums).
        """
        shown = self._masked(batch, step.rng)
        clean = batch["audio"].float()
        output = self.forward(network, shown | {"audio": noisy(clean, step.rng)})
        audio = (output.audio - clean).square()[shown["audio_kept"]].mean()
        source = (output.source - batch["source"]).square()
        # Squares of NaN would be NaN in the gradient of the others, so they are selected first.
        sought = ~shown["coordinates_kept"] & batch["microphones"].isfinite().all(dim=-1)
        mics = (output.microphones[sought] - batch["microphones"][sought]).square()
        located = source.isfinite().all(dim=-1)
        return AUDIO_WEIGHT * audio + _mean(source[located]) + _mean(mics)

    def _masked(self, batch: Batch, rng: torch.Generator) -> Batch:
        """Return a batch with what the network is shown in training."""
        size, count = batch["coordinates_kept"].shape
        sound, place = torch.ones(size, count).bool(), torch.ones(size, count).bool()
        source = torch.zeros(size, 1).bool()
        if self.params["masking"]:
            sound, place = draw_masks(size, count, rng)
            source = torch.rand(size, 1, generator=rng) < 0.5
        shown = torch.cat([source, sound], dim=1).to(batch["audio_kept"].device)
        return batch | {
            "audio_kept": batch["audio_kept"] & shown,
            "coordinates_kept": batch["coordinates_kept"] & place.to(shown.device),
        }

    def curve_values(self, network: nn.Module, device: torch.device) -> dict[str, float]:
        """Return the gain of the audio output over noise of 0 dB, in dB, on validation frames."""
        examples = self.validation_inputs
        rows = np.linspace(0, len(examples) - 1, GAIN_FRAMES).round().astype(int)
        rng = torch.Generator().manual_seed(0)
        noise = error = 0.0
        for batch in batches(examples, np.unique(rows), min(GAIN_BATCH, len(examples))):
            placed = to_device(batch, device)
            kept, clean = placed["audio_kept"], placed["audio"].float()
            shown = noisy(clean, rng, (0.0, 0.0))
            output = self.forward(network, placed | {"audio": shown})
            noise += float((shown - clean).square()[kept].sum())
            error += float((output.audio - clean).square()[kept].sum())
        return {"audio_snr_gain_db": 10 * math.log10(noise / error)}

    def decode(self, output: Output, recordings: Sequence[Recording]) -> list[Prediction]:
        """Return the position of the source, and of microphones whose position is unknown."""
        rows = zip(recordings, output.source, output.microphones, strict=True)
        return [self._prediction(*row) for row in rows]

    def _prediction(self, recording: Recording, place: Tensor, places: Tensor) -> Prediction:
        source, microphones = (self._metres(each, recording) for each in (place, places))
        if self.refine == "srp":
            source = searched(recording, source)
        tracks = Tracks.still(recording, source)
        mics = recording.array.positions
        if mics is None or recording.array.complete:
            return Prediction(tracks)
        known = np.isfinite(mics).all(axis=1, keepdims=True)
        return Prediction(tracks, np.where(known, np.nan, microphones))

    def check(self, recording: Recording) -> None:
        """Check that the network can process a recording.

        Raises:
            FormatError: if it cannot.
        """
        reason = fault(recording) or self._untrained_fault(recording)
        if reason:
            raise FormatError(f"{self.name} {reason}", where=recording.id)

    def _untrained_fault(self, recording: Recording) -> str:
        """Return what the training did not prepare the network for; empty if nothing."""
        if recording.reference is not None and not (
            self.config["reference"] and self.params["masking"]
        ):
            return (
                "was trained without the signal of a microphone at the source; train it with"
                " masking=true on recordings that have it, or leave it out (+reference[show=false])"
            )
        known = recording.array.known
        if self.params["features"] != "none":
            lag = largest_lag(known, RATE, recording.speed_of_sound)
            if lag > self.config["max_lag"]:
                longest = self.config["max_lag"] / RATE * recording.speed_of_sound
                return (
                    f"was trained on arrays of up to {longest:.1f} m, this one spans"
                    f" {recording.array.aperture:.1f} m"
                )
        return ""

    def _scaled(self, positions: Floats, recording: Recording) -> Floats:
        """Return z-scored positions."""
        return np.asarray((positions - self._origin(recording)) / self.config["deviation"])

    def _metres(self, scaled: Tensor, recording: Recording) -> Floats:
        """Return positions in metres."""
        places = scaled.double().cpu().numpy()
        return np.asarray(places * self.config["deviation"] + self._origin(recording))

    def _origin(self, recording: Recording) -> Floats:
        """Return the position in metres whose z-score is 0."""
        if self.params["centred"]:
            return np.asarray(recording.array.known.mean(axis=0))
        return np.asarray(self.config["mean"])


def _mean(errors: Tensor) -> Tensor:
    """Return the mean, or 0 if there is nothing: all microphones may be kept."""
    return errors.mean() if len(errors) else errors.sum()
