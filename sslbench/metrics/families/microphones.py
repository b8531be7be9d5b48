"""Metrics of estimated microphones, for methods that find these as well as the sources.

A recording is one frame, a channel one column. Channels have names, so an estimate belongs to the
microphone of its own column, and there is nothing to permute.
"""

from __future__ import annotations

import numpy as np

from sslbench.array_types import Floats
from sslbench.errors import FormatError
from sslbench.metrics.aggregation import Additive, ratio_of
from sslbench.metrics.corpus import Corpus
from sslbench.scene import Tracks  # noqa: F401  # the example uses it
from sslbench.specs import MetricSpec

__all__ = ["SPECS", "error_mean"]


SPECS = (
    MetricSpec(
        name="microphone-error-mean",
        target="sslbench.metrics.families.microphones:error_mean",
        summary="Mean distance of the estimated microphones from the true ones",
        unit="m",
        higher_is_better=False,
        kinds=("position",),
        reference="Berg et al. 2024, wav2pos, table III",
        subject="microphones",
    ),
)


def error_mean() -> Additive:
    """Return the mean distance between estimated and true microphones, in metres.

    Berg et al. 2024, table III: over all microphones whose place is unknown to the method, of all
    recordings. Microphones without an estimate (NaN) do not count; NaN if there is no estimate.

    Raises:
        FormatError: on reading a recording with more or fewer estimates than microphones.

    >>> truth = Tracks.of([0], [[[0, 0, 0], [4, 0, 0], [0, 5, 0]]], "position")
    >>> estimate = Tracks.of([0], [[[0, 0, 1], [4, 3, 0], [np.nan] * 3]], "position")
    >>> error_mean()(estimate, truth)
    2.0
    """
    return ratio_of(_summed_distance, _estimated, kind="position")


def _estimated(corpus: Corpus) -> Floats:
    if corpus.sounding.shape != corpus.claimed.shape:
        raise FormatError(
            f"{corpus.claimed.shape[1]} estimates for {corpus.sounding.shape[1]} microphones",
            expected="one column a channel in both, NaN where there is no estimate",
            hint="this metric compares microphones; for sources take position-error-mean",
        )
    return (corpus.sounding & corpus.claimed).astype(float)


def _summed_distance(corpus: Corpus) -> Floats:
    estimated = _estimated(corpus) > 0
    apart = np.linalg.norm(corpus.prediction.xyz - corpus.truth.xyz, axis=-1)
    return np.where(estimated, apart, 0.0)
