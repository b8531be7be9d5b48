"""The parameters of the grid methods: names, defaults and bounds.

This module is imported to list the methods, so it does not import torch.
"""

from __future__ import annotations

from sslbench.specs import Parameter

__all__ = [
    "BY_DISTANCE",
    "BY_F1",
    "CELLS",
    "DECODER",
    "ENCODER",
    "FEATURES",
    "REPRESENTATION",
    "SHARED",
    "THRESHOLD",
    "VARIANCE",
    "WIDTH",
]

REPRESENTATION = Parameter(
    "representation",
    "uld",
    "meaning of the map: tight grid (tg), heat map (hm), refined grid (rg), cells as classes"
    " (onehot) or unbiased label distribution (uld)",
    choices=("tg", "hm", "rg", "onehot", "uld"),
)

CELLS = Parameter(
    "cells",
    0,
    "grid resolution I, cells along each side; 0: the grid of the paper",
    minimum=0,
    maximum=81,
)

VARIANCE = Parameter(
    "variance",
    0.1,
    "variance of the Gaussians of hm in m²; Feng et al. use 0.01",
    minimum=1e-4,
)

DECODER = Parameter(
    "decoder",
    "improved",
    "decoder of tg: with smoothing and non-maximum suppression (improved) or the highest cells as"
    " they are (baseline)",
    choices=("improved", "baseline"),
    training=False,
)

THRESHOLD = Parameter(
    "threshold",
    0.0,
    "activity above which a source is detected; 0: the threshold of the paper",
    minimum=0,
    maximum=1,
    training=False,
)

SHARED = (REPRESENTATION, CELLS, VARIANCE, DECODER, THRESHOLD)
"""Parameters that all grid methods have."""

ENCODER = Parameter(
    "encoder",
    "array",
    "input of the encoder: all channels together (single), each array separately (array), or the"
    " pairs of microphones of each array (combined)",
    choices=("single", "array", "combined"),
)

FEATURES = Parameter(
    "features",
    "phase",
    "phase difference between each microphone and the next one of its array (phase), or the real"
    " and imaginary parts of the papers, divided by the RMS of the clip (raw)",
    choices=("phase", "raw"),
)

WIDTH = Parameter(
    "width", 0, "filters per layer of the encoder; 0: 128 at paper scale, otherwise 32", minimum=0
)

BY_DISTANCE = "position-error-capped"
"""Selection metric where the number of sources is fixed."""

BY_F1 = "resolution-f1[within=0.3m]"
"""Selection metric where the number of sources varies."""
