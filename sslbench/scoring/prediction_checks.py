"""Whether predictions are what the recordings of a data set request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sslbench.array_types import Floats
from sslbench.errors import FormatError
from sslbench.metrics.corpus import TIME_TOLERANCE
from sslbench.scene import Kind, Prediction, Recording

__all__ = ["Request", "check_predictions", "request_fault"]


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
    predictions: Mapping[str, Prediction], requests: Mapping[str, Request], where: str
) -> None:
    """Check that there is a valid prediction for every recording, and no other.

    Args:
        predictions: by recording id.
        requests: by recording id.
        where: the predictions, for error messages.

    Raises:
        FormatError: if one is missing, superfluous, or not what was requested.
    """
    different = sorted(set(predictions) ^ set(requests))
    if different:
        raise FormatError(
            f"{len(different)} recordings are only among the predictions or only in the data set,"
            f" such as {different[0]}",
            where=where,
            expected="one prediction for each recording of the split",
        )
    for name, request in requests.items():
        fault = request_fault(request, predictions[name])
        if fault:
            raise FormatError(fault[0], where=f"{where}: recording {name}", expected=fault[1])
