"""Trackers over the estimates of any method, as in ``srp-phat+nearest``."""

from __future__ import annotations

from collections.abc import Sequence

from sslbench.hookspecs import hookimpl
from sslbench.specs import Parameter, TrackerSpec

__all__ = ["sslbench_trackers"]


@hookimpl
def sslbench_trackers() -> Sequence[TrackerSpec]:
    """Offer the trackers."""
    return [
        TrackerSpec(
            name="nearest",
            target="sslbench_trackers.nearest:NearestNeighbour",
            summary="nearest neighbour from frame to frame, with birth and death of tracks",
            licence="MIT",
            parameters=(
                Parameter(
                    "gate_m", 0.5, "largest step of a position from frame to frame in m", minimum=0
                ),
                Parameter(
                    "gate_deg",
                    20.0,
                    "largest step of a direction from frame to frame in degrees",
                    minimum=0,
                    maximum=180,
                ),
                Parameter("birth", 3, "detections that a track needs to be kept", minimum=1),
                Parameter("death", 5, "frames without a detection after which it ends", minimum=1),
            ),
        )
    ]
