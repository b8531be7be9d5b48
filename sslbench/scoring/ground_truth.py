"""The ground truth of one split of a data set, and what predictions for it must fulfil."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from sslbench.array_types import Floats
from sslbench.contracts import Dataset
from sslbench.errors import FormatError
from sslbench.metrics.corpus import TIME_TOLERANCE
from sslbench.scene import Condition, Kind, Prediction, Recording, Tracks
from sslbench.scoring.conditions import scene_conditions

__all__ = ["GroundTruth", "Request", "check_predictions", "open_ground_truth", "request_fault"]


@dataclass(frozen=True, eq=False)
class Request:
    """What is requested of a method for one recording.

    Args:
        times: seconds, shape (frames,).
        kind: what is requested.
        max_sources: largest number of sources at once.
    """

    times: Floats
    kind: Kind
    max_sources: int

    @classmethod
    def of(cls, recording: Recording) -> Request:
        """Return what a recording requests."""
        return cls(recording.times, recording.kind, recording.max_sources)


@dataclass(frozen=True, eq=False)
class GroundTruth:
    """The ground truth of every recording of a split, by recording id.

    Args:
        truth: where the sources are, and the microphones that are to be located.
        requests: what predictions must fulfil.
        conditions: those stored with the recording, and those that follow from the ground truth.
        clusters: groups that a recording shares with others, by kind.
        scenes_sha256: over everything that determines the scenes.
    """

    truth: Mapping[str, Prediction]
    requests: Mapping[str, Request]
    conditions: Mapping[str, Mapping[str, Condition]]
    clusters: Mapping[str, Mapping[str, str]]
    scenes_sha256: str

    @property
    def tracks(self) -> dict[str, Tracks]:
        """The sources by recording id."""
        return {name: truth.tracks for name, truth in self.truth.items()}

    @property
    def cluster_numbers(self) -> dict[str, list[int]]:
        """By kind, the number of the cluster of each recording, in the order of the recordings."""
        kinds = dict.fromkeys(kind for own in self.clusters.values() for kind in own)
        found = {}
        for kind in kinds:
            names = [self.clusters[name].get(kind, name) for name in self.truth]
            number = {name: index for index, name in enumerate(dict.fromkeys(names))}
            found[kind] = [number[name] for name in names]
        return found


def open_ground_truth(dataset: Dataset, scenes_sha256: str, where: str) -> GroundTruth:
    """Read the ground truth of a split; of long recordings, one frame of audio only.

    Args:
        dataset: the split.
        scenes_sha256: over everything that determines its scenes.
        where: the split, for error messages.

    Raises:
        FormatError: if there is no recording, or two have the same id.
        DataError: if a recording cannot be read.
    """
    dataset.prepare()
    truth, requests, conditions, clusters = {}, {}, {}, {}
    for index in range(len(dataset)):
        name, truth[name] = dataset.truth(index)
        tracks = truth[name].tracks
        first = dataset.window(index, slice(0, 1))
        requests[name] = Request(tracks.times, tracks.kind, first.recording.max_sources)
        whole = replace(first, truth=truth[name])
        conditions[name] = scene_conditions(whole) | dict(first.recording.conditions)
        clusters[name] = dict(first.clusters)
    if not truth or len(truth) < len(dataset):
        raise FormatError(
            f"{len(dataset)} recordings with {len(truth)} ids",
            where=where,
            expected="at least one recording, each with an id of its own",
        )
    return GroundTruth(truth, requests, conditions, clusters, scenes_sha256)


def request_fault(request: Request, prediction: Prediction) -> tuple[str, str] | None:
    """Return in what a prediction is not what was requested, and what would be; None if nothing.

    Times may differ by a millisecond: predictions files keep them in single precision.
    """
    tracks = prediction.tracks
    if len(tracks.times) != len(request.times) or tracks.kind != request.kind:
        return (
            f"{len(tracks.times)} times of {tracks.kind}",
            f"{len(request.times)} times of {request.kind}, those of the recording",
        )
    apart = np.abs(tracks.times - request.times).max(initial=0)
    if apart > TIME_TOLERANCE:
        return (f"times that differ by up to {apart:.3g} s", "the times of the recording")
    most = int(tracks.active.sum(axis=1).max(initial=0))
    if most > request.max_sources:
        # Otherwise the nearest of many guesses would count as the estimate.
        return (
            f"{most} sources active at once",
            f"at most {request.max_sources}, as the recording requests",
        )
    return None


def check_predictions(
    predictions: Mapping[str, Prediction], ground_truth: GroundTruth, where: str
) -> None:
    """Check that there is a valid prediction for every recording, and no other.

    Raises:
        FormatError: if one is missing, superfluous, or not what was requested.
    """
    different = sorted(set(predictions) ^ set(ground_truth.truth))
    if different:
        raise FormatError(
            f"{len(different)} recordings are only among the predictions or only in the data set,"
            f" such as {different[0]}",
            where=where,
            expected="one prediction for each recording of the split",
        )
    for name, request in ground_truth.requests.items():
        fault = request_fault(request, predictions[name])
        if fault:
            raise FormatError(fault[0], where=f"{where}: recording {name}", expected=fault[1])
