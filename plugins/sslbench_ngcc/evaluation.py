"""How often delays are right: NGCC-PHAT beside GCC-PHAT on the same frames."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import torch
from torch import Tensor

from sslbench.acoustics.gcc import PHAT, ROBUST, Whitening, gcc_phat
from sslbench.array_types import Booleans
from sslbench.geometry import microphone_pairs
from sslbench_ngcc.frames import Frame

__all__ = ["TOLERANCE", "delay_report"]

TOLERANCE = 0.1
"""Largest error of a delay that counts as right, as a path length in metres (Berg et al., 2022)."""

Correlate = Callable[[Tensor, int], Tensor]
"""From frames, shape (batch, microphones, samples), and the largest lag to values per lag."""


def delay_report(ngcc: Correlate, frames: Iterable[Frame]) -> dict[str, float]:
    """Return the share of pairs whose highest value is within `TOLERANCE` of the true delay.

    Args:
        ngcc: the network.
        frames: to evaluate on; pairs of inactive sources do not count.

    Returns:
        `within_10cm_ngcc`, `within_10cm_phat` for textbook PHAT, `within_10cm_whitened` for the
        whitening `acoustics.gcc.ROBUST`; NaN if there is no pair.
    """
    estimators = {"ngcc": ngcc, "phat": _gcc(PHAT), "whitened": _gcc(ROBUST)}
    right: dict[str, list[Booleans]] = {name: [] for name in estimators}
    for frame in frames:
        for name, correlate in estimators.items():
            right[name].append(_within(frame, correlate))
    return {
        f"within_10cm_{name}": float(np.concatenate(each).mean()) if each else float("nan")
        for name, each in right.items()
    }


def _gcc(whitening: Whitening) -> Correlate:
    def correlate(frames: Tensor, max_lag: int) -> Tensor:
        return gcc_phat(frames, max_lag, whitening=whitening)

    return correlate


def _within(frame: Frame, correlate: Correlate) -> Booleans:
    """Return which pairs of a frame are right, shape (pairs with a true delay,)."""
    found = correlate(torch.tensor(frame.audio)[None], frame.max_lag)[0].argmax(dim=-1)
    i, j = microphone_pairs(len(frame.audio))
    delays = frame.arrivals[i] - frame.arrivals[j]
    error = np.abs(found.cpu().numpy() - frame.max_lag - delays)
    right: Booleans = error[np.isfinite(delays)] <= TOLERANCE * frame.samples_per_metre
    return right
