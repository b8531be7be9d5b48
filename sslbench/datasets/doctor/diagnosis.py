"""The doctor: what is wrong with a data set, found by listening to it.

Files are looked at for dead, clipped and doubled channels. Then the delays between microphones
that are heard (GCC-PHAT) are held against those that the labels imply, as they are and with each
of the common mistakes undone; a mistake is reported if undoing it explains the delays clearly
better. Recordings that are unlike the others are named.

What cannot be told apart is said: a symmetric array cannot tell some channel orders from mirrored
axes; sources that all lie on one line or in one direction hide more; small arrays cannot tell
sample rates of 44.1 and 48 kHz apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from sslbench.contracts import Dataset
from sslbench.datasets.doctor.delays import Observation, observe
from sslbench.datasets.doctor.findings import Finding, Severity
from sslbench.datasets.doctor.label_check import listen
from sslbench.datasets.real.recording_files import evenly
from sslbench.errors import DataError
from sslbench.scene import Recording, Scene

__all__ = ["Finding", "Severity", "diagnose"]

OBSERVATIONS = 64
"""Times at which delays are measured, over all recordings."""

CLIPPED = 3
"""Times that three samples in a row stay at the peak, from which a channel counts as clipped."""


def diagnose(dataset: Dataset, limit: int = 20) -> list[Finding]:
    """Examine at most `limit` recordings of a data set, evenly spread.

    Returns:
        What was found: files first, labels last. The labels always get a finding.
    """
    indices = evenly(range(len(dataset)), limit)
    most = max(1, OBSERVATIONS // max(1, len(indices)))
    faults: dict[Finding, list[str]] = {}
    heard: dict[str, list[Observation]] = {}
    rates: dict[str, int] = {}
    for index in indices:
        try:
            scene = dataset.scene(index)
        except DataError as error:
            faults[Finding("unreadable", "error", str(error), hint=error.hint)] = []
            continue
        for finding in (*_examine(scene.recording), *_outside(scene)):
            faults.setdefault(finding, []).append(scene.recording.id)
        rates[scene.recording.id] = scene.recording.sample_rate
        heard[scene.recording.id] = observe(scene, most)
    placed = [finding.at(ids) for finding, ids in faults.items()]
    return [*placed, *_mixed(rates), *listen(heard)]


def _mixed(rates: Mapping[str, int]) -> Iterator[Finding]:
    counts = Counter(rates.values()).most_common()
    if len(counts) > 1:
        listed = ", ".join(f"{count} of {rate} Hz" for rate, count in counts)
        yield Finding(
            "mixed-sample-rates",
            "error",
            f"recordings of one data set name different sample rates: {listed}",
            hint="correct the rate that the odd ones name or, if it is right, resample them",
        ).at([name for name, rate in rates.items() if rate != counts[0][0]])


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
    if region is None or scene.truth.tracks.kind != "position":
        return
    if not region.contains(scene.truth.tracks.xyz[scene.truth.tracks.active], margin=0.01).all():
        yield Finding(
            "outside-region",
            "error",
            f"sources lie outside the region from {region.low} to {region.high} m in which "
            "methods search",
            hint="widen `search`, or correct the positions",
        )
