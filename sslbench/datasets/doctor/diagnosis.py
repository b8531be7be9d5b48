"""Checking a data set against its own audio.

Files are checked for silent, clipped and duplicated channels. Then the delays between microphones
that are measured in the audio (GCC-PHAT) are compared with those that the labels imply, as given
and with each of the common labelling mistakes corrected. A mistake is reported if the corrected
labels match the measured delays clearly better. Recordings that differ from the others are named.

Some mistakes cannot be distinguished, and all that match equally well are reported: a symmetric
array cannot distinguish some channel orders from mirrored axes; sources on one line or in one
direction hide further mistakes; small arrays cannot distinguish sample rates of 44.1 and 48 kHz.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from sslbench.contracts import Dataset
from sslbench.datasets.doctor.check_result import CheckResult
from sslbench.datasets.doctor.delays import Observation, observe
from sslbench.datasets.doctor.label_check import check_labels
from sslbench.datasets.real.recording_files import evenly
from sslbench.errors import DataError
from sslbench.scene import Recording, Scene

__all__ = ["diagnose"]

OBSERVATIONS = 64
"""Number of frames, over all recordings, in which delays are measured."""

CLIPPED = 3
"""A channel counts as clipped if three samples in a row are at the peak this many times."""


def diagnose(dataset: Dataset, limit: int = 20) -> list[CheckResult]:
    """Check at most `limit` evenly spaced recordings of a data set.

    Returns:
        Results for the files first, then those for the labels. There is always a result for the
        labels.
    """
    indices = evenly(range(len(dataset)), limit)
    per_recording = max(1, OBSERVATIONS // max(1, len(indices)))
    results: dict[CheckResult, list[str]] = {}
    observations: dict[str, list[Observation]] = {}
    rates: dict[str, int] = {}
    for index in indices:
        try:
            scene = dataset.scene(index)
        except DataError as error:
            results[CheckResult("unreadable", "error", str(error), hint=error.hint)] = []
            continue
        for result in (*_channel_faults(scene.recording), *_outside_region(scene)):
            results.setdefault(result, []).append(scene.recording.id)
        rates[scene.recording.id] = scene.recording.sample_rate
        observations[scene.recording.id] = observe(scene, per_recording)
    placed = [result.at(ids) for result, ids in results.items()]
    return [*placed, *_mixed_rates(rates), *check_labels(observations)]


def _mixed_rates(rates: Mapping[str, int]) -> Iterator[CheckResult]:
    counts = Counter(rates.values()).most_common()
    if len(counts) > 1:
        listed = ", ".join(f"{count} with {rate} Hz" for rate, count in counts)
        yield CheckResult(
            "mixed-sample-rates",
            "error",
            f"the recordings of this data set have different sample rates: {listed}",
            hint="correct the sample rate in these files or, if it is right, resample them",
        ).at([name for name, rate in rates.items() if rate != counts[0][0]])


def _channel_faults(recording: Recording) -> Iterator[CheckResult]:
    audio = recording.audio
    for channel, samples in enumerate(audio):
        name = f"channel {channel}"
        if not np.isfinite(samples).all():
            yield CheckResult("not-finite", "error", f"{name} has NaN or infinite samples")
        elif not samples.any():
            yield CheckResult(
                "silent-channel", "error", f"{name} is silent", hint="remove this microphone"
            )
        elif _flat_tops(samples) >= CLIPPED:
            yield CheckResult(
                "clipped", "warning", f"{name} is clipped", hint="record at a lower level"
            )
    for i, j in _equal_channels(recording):
        yield CheckResult(
            "duplicate-channels",
            "error",
            f"channels {i} and {j} contain the same samples",
            hint="one of them is a copy: export the recording again or remove one of them",
        )


def _flat_tops(samples: NDArray[np.float32]) -> int:
    # Relative to the peak, because floating-point files can be clipped at any level.
    size = np.abs(samples)
    at = size >= 0.9999 * size.max()
    return int((at[2:] & at[1:-1] & at[:-2]).sum())


def _equal_channels(recording: Recording) -> Iterator[tuple[int, int]]:
    first: dict[bytes, int] = {}
    for channel, samples in enumerate(recording.audio):
        other = first.setdefault(samples.tobytes(), channel)
        if other != channel and samples.any():
            yield other, channel


def _outside_region(scene: Scene) -> Iterator[CheckResult]:
    region = scene.recording.region
    if region is None or scene.truth.tracks.kind != "position":
        return
    if not region.contains(scene.truth.tracks.xyz[scene.truth.tracks.active], margin=0.01).all():
        yield CheckResult(
            "outside-region",
            "error",
            f"sources are outside the search region from {region.low} to {region.high} m",
            hint="enlarge `search` or correct the positions",
        )
