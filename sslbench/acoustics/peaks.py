"""Peak picking in correlations with sub-sample resolution."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["correlation_peaks"]


def correlation_peaks(correlation: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Find the highest local maxima above zero, highest first.

    The lag is that of the vertex of the parabola through a maximum and its two neighbours.

    Args:
        correlation: shape (..., 2 * max_lag + 1), lag 0 in the middle.
        count: number of peaks to return.

    Returns:
        Lags in steps of the correlation, and heights, each of shape (..., count); NaN where there
        are fewer peaks.
    """
    middle, left, right = correlation[..., 1:-1], correlation[..., :-2], correlation[..., 2:]
    is_peak = (middle > left) & (middle >= right) & (middle > 0)
    candidates = torch.where(is_peak, middle, -torch.inf)
    missing = max(0, count - candidates.shape[-1])
    candidates = torch.nn.functional.pad(candidates, (0, missing), value=-torch.inf)
    heights, places = candidates.topk(count, dim=-1)
    index = places.clamp_max(middle.shape[-1] - 1)
    before, top, after = (side.gather(-1, index) for side in (left, middle, right))
    # A maximum is strictly above its left neighbour, so the denominator is not zero.
    shift = 0.5 * (before - after) / (before - 2 * top + after)
    lags = places + 1 - (correlation.shape[-1] - 1) // 2 + shift
    found = heights.isfinite()
    nan = torch.tensor(torch.nan, dtype=correlation.dtype, device=correlation.device)
    return torch.where(found, lags, nan), torch.where(found, heights, nan)
