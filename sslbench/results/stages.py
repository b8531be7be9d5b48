"""What finished stages leave in the store besides their files, as typed models."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from sslbench.results.record import PartEntry, SourceEntry, TrainingEntry

__all__ = [
    "CHECKPOINT",
    "PREDICTIONS",
    "MeasuredCost",
    "PredictedStage",
    "StageFacts",
    "TrainedStage",
]

CHECKPOINT, PREDICTIONS = "checkpoint", "predictions.npz"
"""Names of the files of the stages `train` and `predict`, in the folder of their key."""


class StageFacts(BaseModel):
    """Base class of what a stage leaves besides its files."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class TrainedStage(StageFacts):
    """What training leaves beside its checkpoint.

    Args:
        cell: in words.
        train_s: seconds of training, without what an interruption made it do twice.
        report: scores of its own on validation data.
        curve: what was reported after each epoch.
    """

    cell: str
    train_s: float
    report: dict[str, float]
    curve: list[dict[str, float | None]]


class PredictedStage(StageFacts):
    """What prediction leaves beside the predictions.

    Args:
        cell: in words.
        infer_s: seconds of inference.
        audio_s: seconds of audio that were processed.
        peak_vram_mb: largest memory on the GPU; None without one.
        parameters: learned parameters of the method, its parts included.
        warnings: what the method warned of.
        train_s: seconds of all trainings that led to it.
        training: the chain of trainings.
        parts: the parts that it used.
        curve: what was reported after each epoch of the last training.
        environment, source, created: when and where the predictions were made.
    """

    cell: str
    infer_s: float
    audio_s: float
    peak_vram_mb: float | None
    parameters: int
    warnings: list[str]
    train_s: float
    training: list[TrainingEntry]
    parts: list[PartEntry]
    curve: list[dict[str, float | None]]
    environment: dict[str, str]
    source: SourceEntry
    created: str


class MeasuredCost(StageFacts):
    """The cost of inference, measured in a fresh process.

    Args:
        real_time_factor: seconds of inference per second of audio.
        peak_ram_mb: memory above that of the process at rest.
        cpu: model of the processor.
        threads: number of threads of the numerical libraries.
        isolated: whether nothing else ran in the process.
    """

    real_time_factor: float
    peak_ram_mb: float
    cpu: str
    threads: int
    isolated: bool
