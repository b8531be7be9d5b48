"""Metrics: arrays in, numbers out. This module offers those of sslbench to the registry.

`scoring.score` computes them, `uncertainty` gives their intervals, `protocols` names the rules
and `strata` splits recordings by their conditions.
"""

from __future__ import annotations

from sslbench.contracts import MetricSpec
from sslbench.hookspecs import hookimpl
from sslbench.scene import Kind

__all__ = ["sslbench_metrics"]

BERG = "Berg et al. 2024, wav2pos"


def _position(name: str, function: str, summary: str, reference: str = "") -> MetricSpec:
    return MetricSpec(
        name=name,
        target=f"sslbench.metrics.position:{function}",
        summary=summary,
        unit="%" if name.startswith("accuracy") else "m",
        higher_is_better=name.startswith("accuracy"),
        kinds=("position",),
        reference=reference,
    )


def _direction(name: str, function: str, summary: str, reference: str = "") -> MetricSpec:
    return MetricSpec(
        name=name,
        target=f"sslbench.metrics.direction:{function}",
        summary=summary,
        unit="%" if name.startswith("accuracy") else "deg",
        higher_is_better=name.startswith("accuracy"),
        kinds=("direction",),
        reference=reference,
    )


_BOTH: tuple[Kind, ...] = ("position", "direction")

_POSITION = (
    _position("position-error-mean", "error_mean", "Mean distance of the answers from the truth"),
    _position("position-error-median", "error_median", "Median distance from the truth"),
    _position("position-error-rmse", "error_rmse", "Root of the mean squared distance"),
    _position("position-error-p90", "error_p90", "Distance that 90 % of the answers keep"),
    _position("position-error-p95", "error_p95", "Distance that 95 % of the answers keep"),
    _position(
        "position-error-truncated",
        "error_truncated",
        "Mean distance, each at most 3 m; no answer counts as 3 m",
        BERG,
    ),
    _position("accuracy-10cm", "accuracy_10cm", "Share of sources located within 10 cm"),
    _position("accuracy-30cm", "accuracy_30cm", "Share of sources located within 30 cm", BERG),
    _position("accuracy-1m", "accuracy_1m", "Share of sources located within 1 m"),
)

_DIRECTION = (
    _direction("angular-error-mean", "error_mean", "Mean great-circle angle from the truth"),
    _direction("angular-error-median", "error_median", "Median great-circle angle"),
    _direction("angular-error-p90", "error_p90", "Angle that 90 % of the answers keep"),
    _direction(
        "angular-error-truncated",
        "error_truncated",
        "Mean angle, each at most 90 degrees; no answer counts as 90 degrees",
        "sslbench; the counterpart of position-error-truncated",
    ),
    _direction("azimuth-error-mean", "azimuth_error_mean", "Mean absolute azimuth difference"),
    _direction("accuracy-5deg", "accuracy_5deg", "Share of sources found within 5 degrees"),
    _direction("accuracy-10deg", "accuracy_10deg", "Share of sources found within 10 degrees"),
    _direction("accuracy-20deg", "accuracy_20deg", "Share of sources found within 20 degrees"),
)

_DETECTION = (
    MetricSpec(
        name="coverage",
        target="sslbench.metrics.detection:coverage",
        summary="Share of sounding sources for which there is an answer, right or wrong",
        unit="%",
        higher_is_better=True,
        kinds=_BOTH,
    ),
    MetricSpec(
        name="false-alarms",
        target="sslbench.metrics.detection:false_alarms",
        summary="Answers beyond the number of sounding sources, per frame",
        unit="per frame",
        higher_is_better=False,
        kinds=_BOTH,
    ),
)


@hookimpl
def sslbench_metrics() -> list[MetricSpec]:
    """Offer the metrics of this package."""
    return [*_POSITION, *_DIRECTION, *_DETECTION]
