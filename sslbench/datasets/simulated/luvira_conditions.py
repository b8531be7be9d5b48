"""The acoustic conditions of `luvira-sim`: presets, and parameters that override them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sslbench.datasets.simulated.ranges import Range
from sslbench.specs import Parameter, Value

__all__ = ["CONDITIONS", "Conditions", "conditions"]

AS_PRESET = "preset"
"""Value of a text parameter that leaves the choice to the preset."""

NUMBER_AS_PRESET = -1.0

CONDITIONS = (
    Parameter(
        "preset",
        "standard",
        "T60 of 0.2 to 0.4 s and white noise at 10 to 30 dB (standard), 0 to 0.4 s and 30 dB (easy,"
        " as in version 1), or all of the following as in a real hall (hall)",
        choices=("standard", "easy", "hall"),
    ),
    Parameter(
        "t60", AS_PRESET, "target T60 in s, one number or a range as in 0.2..0.4; 0 is anechoic"
    ),
    Parameter(
        "snr_db",
        AS_PRESET,
        "signal-to-noise ratio in dB, mean over microphones, one number or a range as in 10..30",
    ),
    Parameter(
        "noise",
        AS_PRESET,
        "white and independent between microphones, or diffuse and pink",
        choices=(AS_PRESET, "white", "diffuse"),
    ),
    Parameter(
        "directivity_db",
        NUMBER_AS_PRESET,
        "how much less the source emits to its back, in dB; -1: as the preset says",
        minimum=NUMBER_AS_PRESET,
        maximum=40,
    ),
    Parameter(
        "obstructed",
        NUMBER_AS_PRESET,
        "share of direct paths that an obstacle attenuates by 6 to 15 dB; -1: as the preset says",
        minimum=NUMBER_AS_PRESET,
        maximum=1,
    ),
    Parameter(
        "mic_error_cm",
        NUMBER_AS_PRESET,
        "RMS error in cm of the microphone positions that methods are given; -1: as the preset"
        " says",
        minimum=NUMBER_AS_PRESET,
        maximum=100,
    ),
)


@dataclass(frozen=True)
class Conditions:
    """What is drawn for each scene, and from what.

    Args:
        t60: target T60 in s.
        snr_db: signal-to-noise ratio in dB.
        noise: `white`, or `diffuse` and pink.
        directivity_db: how much less the source emits to its back.
        obstructed: share of attenuated direct paths.
        mic_error_cm: RMS error of the microphone positions.
    """

    t60: Range
    snr_db: Range
    noise: str = "white"
    directivity_db: float = 0.0
    obstructed: float = 0.0
    mic_error_cm: float = 0.0


PRESETS = {
    "standard": Conditions(Range(0.2, 0.4), Range(10.0, 30.0)),
    "easy": Conditions(Range(0.0, 0.4), Range(30.0, 30.0)),
    "hall": Conditions(
        Range(0.2, 0.4),
        Range(15.0, 30.0),
        noise="diffuse",
        directivity_db=6.0,
        obstructed=0.15,
        mic_error_cm=1.0,
    ),
}


def conditions(params: Mapping[str, Value]) -> Conditions:
    """Return the conditions of a preset, with the parameters that override it.

    Raises:
        ParameterError: if a range cannot be read or is out of bounds.
    """
    found = PRESETS[str(params["preset"])]
    if params["t60"] != AS_PRESET:
        found = replace(found, t60=Range.parse(str(params["t60"]), "t60", 0, 1))
    if params["snr_db"] != AS_PRESET:
        found = replace(found, snr_db=Range.parse(str(params["snr_db"]), "snr_db", -20, 100))
    if params["noise"] != AS_PRESET:
        found = replace(found, noise=str(params["noise"]))
    numbers = {
        name: float(params[name])
        for name in ("directivity_db", "obstructed", "mic_error_cm")
        if float(params[name]) >= 0
    }
    return replace(found, **numbers)  # type: ignore[arg-type]  # the names are those of numbers
