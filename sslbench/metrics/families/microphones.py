"""Errors of estimated microphones, for methods that estimate them together with the sources.

A recording is one frame, and each channel is one column. Channels are identified, so an estimate is
compared with the microphone of its own column, and no matching is needed.
"""

from __future__ import annotations

import numpy as np

from sslbench.array_types import Floats
from sslbench.errors import FormatError
from sslbench.metrics.aggregation import Additive, ratio_of
from sslbench.metrics.corpus import Corpus
from sslbench.metrics.declaration import metric
from sslbench.scene import Tracks  # noqa: F401  # the example uses it

__all__ = ["error_mean"]


@metric(
    name="microphone-error-mean",
    summary="Mean distance between estimated and true microphones",
    unit="m",
    higher_is_better=False,
    kinds=("position",),
    reference="Berg et al. 2024, wav2pos, table III",
    subject="microphones",
)
def error_mean() -> Additive:
    """Return the mean distance between estimated and true microphones, in metres.

    Berg et al. 2024, table III: the mean is over all microphones whose position is unknown to the
    method, of all recordings. Microphones without an estimate (NaN) do not count; NaN if there is
    no estimate.

    Raises:
        FormatError: for a recording in which the numbers of estimates and microphones differ.

    >>> truth = Tracks.of([0], [[[0, 0, 0], [4, 0, 0], [0, 5, 0]]], "position")
    >>> estimate = Tracks.of([0], [[[0, 0, 1], [4, 3, 0], [np.nan] * 3]], "position")
    >>> error_mean()(estimate, truth)
    2.0
    """
    return ratio_of(_summed_distance, _estimated, kind="position")


def _estimated(corpus: Corpus) -> Floats:
    microphones, estimates = corpus.active_sources, corpus.active_estimates
    if microphones.shape != estimates.shape:
        raise FormatError(
            f"{estimates.shape[1]} estimates for {microphones.shape[1]} microphones",
            expected="one column per channel in both, NaN where there is no estimate",
            hint="this metric compares microphones; use position-error-mean for sources",
        )
    return (microphones & estimates).astype(float)


def _summed_distance(corpus: Corpus) -> Floats:
    estimated = _estimated(corpus) > 0
    distance = np.linalg.norm(corpus.prediction.xyz - corpus.truth.xyz, axis=-1)
    return np.where(estimated, distance, 0.0)
