"""The doctor: what is wrong with a data set, found by listening to it.

Files are looked at for dead, clipped and doubled channels. Then the delays between microphones
that are heard (GCC-PHAT) are held against those that the labels imply, as they are and with each
of the common mistakes undone; a mistake is reported if undoing it explains the delays clearly
better.

What cannot be told apart is said: a symmetric array cannot tell some channel orders from mirrored
axes; sources that all lie on one line or in one direction hide more; small arrays cannot tell
sample rates of 44.1 and 48 kHz apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sslbench.contracts import Dataset
from sslbench.datasets.delays import Observation, explained, implied_delays, observe, tolerance
from sslbench.datasets.folder import evenly
from sslbench.datasets.hypotheses import Hypothesis, all_hypotheses
from sslbench.errors import DataError
from sslbench.scene import Recording, Scene

__all__ = ["Finding", "Severity", "diagnose"]

Severity = Literal["ok", "warning", "error"]

OBSERVATIONS = 64
"""Times at which delays are measured, over all recordings."""

CONSISTENT = 0.5
"""Part of the delays that is always enough; good rooms give 0.8, wrong labels up to 0.4."""

ABOVE_CHANCE = 0.3
"""Part above what labels of other times explain that is enough too, in reverberant rooms."""

GAIN = 0.1
"""Part of the delays by which a mistake must explain more than the labels do."""

LEFT_OPEN = 0.5
"""A mistake must leave at most this part of what the labels leave unexplained, or the labels must
explain at most this part of what it explains above chance."""

TIE = 0.02
"""Mistakes whose parts differ by less explain the delays equally well."""

CLIPPED = 3
"""Times that three samples in a row stay at the peak, from which a channel counts as clipped."""


@dataclass(frozen=True)
class Finding:
    """One thing that the doctor has to say.

    Args:
        code: its sort: `consistent`, `mirrored-axes`, `swapped-axes`, `wrong-units`,
            `wrong-sample-rate`, `channel-order`, `clock-offset`, `unexplained`, `unchecked`,
            `outside-region`, `unreadable`, `silent-channel`, `not-finite`, `clipped` or
            `duplicate-channels`.
        severity: `ok`, `warning` or `error`.
        message: what is so.
        where: the recordings it holds for; empty for all.
        hint: what to do.
    """

    code: str
    severity: Severity
    message: str
    where: str = ""
    hint: str = ""


def diagnose(dataset: Dataset, limit: int = 20) -> list[Finding]:
    """Examine at most `limit` recordings of a data set, evenly spread.

    Returns:
        What was found: files first, labels last. The labels always get a finding.
    """
    indices = evenly(range(len(dataset)), limit)
    most = max(1, OBSERVATIONS // max(1, len(indices)))
    faults: dict[Finding, list[str]] = {}
    observations: list[Observation] = []
    for index in indices:
        try:
            scene = dataset.scene(index)
        except DataError as error:
            faults[Finding("unreadable", "error", str(error), hint=error.hint)] = []
            continue
        for finding in (*_examine(scene.recording), *_outside(scene)):
            faults.setdefault(finding, []).append(scene.recording.id)
        observations += observe(scene, most)
    return [_placed(finding, ids) for finding, ids in faults.items()] + [_listen(observations)]


def _placed(finding: Finding, ids: Sequence[str]) -> Finding:
    more = f" and {len(ids) - 1} more" if len(ids) > 1 else ""
    where = f"{ids[0]}{more}" if ids else ""
    return Finding(finding.code, finding.severity, finding.message, where, finding.hint)


def _examine(recording: Recording) -> Iterator[Finding]:
    audio = recording.audio
    for channel, samples in enumerate(audio):
        name = f"channel {channel}"
        if not np.isfinite(samples).all():
            yield Finding("not-finite", "error", f"{name} holds values that are no numbers")
        elif not samples.any():
            yield Finding(
                "silent-channel", "error", f"{name} is silent", hint="leave the microphone out"
            )
        elif _flat_tops(samples) >= CLIPPED:
            yield Finding("clipped", "warning", f"{name} is clipped", hint="record it more quietly")
    for i, j in _equal_channels(recording):
        yield Finding(
            "duplicate-channels",
            "error",
            f"channels {i} and {j} hold the same samples",
            hint="one of them is a copy: export the recording again, or leave one out",
        )


def _flat_tops(samples: NDArray[np.float32]) -> int:
    # Relative to the peak, since floating-point files may be clipped at any level.
    size = np.abs(samples)
    at = size >= 0.9999 * size.max()
    return int((at[2:] & at[1:-1] & at[:-2]).sum())


def _equal_channels(recording: Recording) -> Iterator[tuple[int, int]]:
    first: dict[bytes, int] = {}
    for channel, samples in enumerate(recording.audio):
        other = first.setdefault(samples.tobytes(), channel)
        if other != channel and samples.any():
            yield other, channel


def _outside(scene: Scene) -> Iterator[Finding]:
    region = scene.recording.region
    if region is None or scene.truth.kind != "position":
        return
    if not region.contains(scene.truth.xyz[scene.truth.active], margin=0.01).all():
        yield Finding(
            "outside-region",
            "error",
            f"sources lie outside the region from {region.low} to {region.high} m in which "
            "methods search",
            hint="widen `search`, or correct the positions",
        )


def _listen(observations: Sequence[Observation]) -> Finding:
    """Hold the delays that are heard against those that the labels imply."""
    usable = [o for o in observations if np.isfinite(o.measured[:, 0]).any()]
    if not usable:
        return Finding(
            "unchecked", "warning", "no delays between microphones could be heard: nothing to check"
        )
    within = tolerance(usable)
    given = explained(usable, [implied_delays(o) for o in usable], within)
    scored = [
        (explained(usable, mistake.implied, within), mistake)
        for mistake in all_hypotheses(usable, within)
    ]
    best = max(score for score, _ in scored)
    chance = _chance(usable, within)
    enough = min(CONSISTENT, chance + ABOVE_CHANCE)
    clearly = 1 - best <= LEFT_OPEN * (1 - given) or given - chance <= LEFT_OPEN * (best - chance)
    if best >= max(enough, given + GAIN) and clearly:
        return _mistaken(given, best, [m for score, m in scored if score >= best - TIE])
    return _verdict(given, enough, len(usable))


def _chance(observations: Sequence[Observation], within: float) -> float:
    """Return the part of the delays that labels explain which belong to other times."""
    implied = [implied_delays(o) for o in observations]
    if len({delays.shape[-1] for delays in implied}) > 1:
        return CONSISTENT
    half = len(implied) // 2
    return explained(observations, implied[half:] + implied[:half], within)


def _mistaken(given: float, best: float, equals: Sequence[Hypothesis]) -> Finding:
    named, others = equals[0], dict[str, str]()
    for mistake in equals:
        others.setdefault(mistake.code, mistake.message)
    also = "".join(f"; equally well: {text}" for text in list(others.values())[1:])
    return Finding(
        named.code,
        "error",
        f"{named.message} (explains {best:.0%} of the delays heard, the labels {given:.0%}){also}",
        hint=named.hint,
    )


def _verdict(given: float, enough: float, count: int) -> Finding:
    text = f"the labels explain {given:.0%} of the delays heard at {count} times"
    if given >= enough:
        return Finding("consistent", "ok", text)
    return Finding(
        "unexplained",
        "warning",
        f"{text}, and no common mistake explains more",
        hint="is this the truth of these recordings? Or are they too noisy or reverberant to tell?",
    )
