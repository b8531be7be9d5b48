"""The ground truth of one split of a data set, and what predictions for it must fulfil."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sslbench.contracts import Dataset
from sslbench.errors import FormatError
from sslbench.scene import Condition, Prediction, Tracks
from sslbench.scoring.conditions import scene_conditions
from sslbench.scoring.prediction_checks import Request

__all__ = ["GroundTruth", "open_ground_truth"]


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
