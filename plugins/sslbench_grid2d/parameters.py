"""The parameters of the grid methods: their names, defaults and bounds, said once.

Nothing heavy is imported: they are listed without torch.
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
    "what the map means: tight grid (tg), heat map (hm), refined grid (rg), classes of cells"
    " (onehot) or unbiased label distribution (uld)",
    choices=("tg", "hm", "rg", "onehot", "uld"),
)

CELLS = Parameter(
    "cells", 0, "grid resolution I, cells along a side; 0: the paper's", minimum=0, maximum=81
)

VARIANCE = Parameter(
    "variance", 0.1, "of the bump of hm in m2; 0.01 is Feng's reading", minimum=1e-4
)

DECODER = Parameter(
    "decoder",
    "improved",
    "of tg: smoothed and suppressed, or the cells as they are",
    choices=("improved", "baseline"),
    training=False,
)

THRESHOLD = Parameter(
    "threshold",
    0.0,
    "activity above which a source is claimed; 0: the paper's",
    minimum=0,
    maximum=1,
    training=False,
)

SHARED = (REPRESENTATION, CELLS, VARIANCE, DECODER, THRESHOLD)
"""Parameters of every grid method."""

ENCODER = Parameter(
    "encoder",
    "array",
    "all channels at once, each array alone, or pairs of its microphones",
    choices=("single", "array", "combined"),
)

FEATURES = Parameter(
    "features",
    "phase",
    "phase difference of each microphone to the next one of its array (phase), or the papers'"
    " real and imaginary parts, divided by the clip's RMS (raw)",
    choices=("phase", "raw"),
)

WIDTH = Parameter("width", 0, "channels of the encoder; 0: 128 at paper scale, else 32", minimum=0)

BY_DISTANCE = "position-error-truncated"
"""Selection metric where the number of sources is fixed."""

BY_F1 = "resolution-f1[within=0.3m]"
"""Selection metric where the number of sources varies."""
