"""Trackers over the estimates of any method, as in ``srp-phat+nearest``."""

from __future__ import annotations

from collections.abc import Sequence

from sslbench.hookspecs import hookimpl
from sslbench.specs import Parameter, TrackerSpec

__all__ = ["sslbench_trackers"]

BIRTH = Parameter("birth", 3, "detections that a track needs to be kept", minimum=1)
CONFIDENCE = Parameter(
    "confidence",
    0.0,
    "detections of less confidence are ignored; those of a method that gives none are all used",
    minimum=0,
    maximum=1,
    neutral=True,
)
DEATH = Parameter("death", 5, "frames without a detection after which it ends", minimum=1)

MOTION = (
    Parameter("noise_m", 0.2, "standard deviation of a position in m", minimum=1e-6),
    Parameter("noise_deg", 8.0, "of a direction in degrees", minimum=1e-6),
    Parameter("acceleration_m", 2.0, "of the acceleration in m/s^2", minimum=0),
    Parameter("acceleration_deg", 60.0, "likewise in degrees/s^2", minimum=0),
    Parameter("speed_m", 1.0, "of the speed of a new source in m/s", minimum=0),
    Parameter("speed_deg", 30.0, "likewise in degrees/s", minimum=0),
    Parameter(
        "gate",
        3.5,
        "largest distance of a detection from its prediction, in standard deviations",
        minimum=0,
    ),
    BIRTH,
    DEATH,
    CONFIDENCE,
)


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
                BIRTH,
                DEATH,
                CONFIDENCE,
            ),
        ),
        TrackerSpec(
            name="kalman",
            target="sslbench_trackers.kalman:Kalman",
            summary="Kalman filters for positions, and for directions on the sphere",
            licence="MIT",
            paper="Bar-Shalom, Li and Kirubarajan 2001, Estimation with applications to tracking",
            parameters=MOTION,
        ),
        TrackerSpec(
            name="particle",
            target="sslbench_trackers.particle:Particle",
            summary="particle filters for positions, and for directions on the sphere",
            licence="MIT",
            paper="Gordon, Salmond and Smith 1993, bootstrap filter",
            parameters=(
                Parameter("particles", 200, "particles of each source", minimum=10),
                *MOTION,
            ),
        ),
    ]
