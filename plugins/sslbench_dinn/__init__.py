"""DI-NN, a convolutional recurrent network with metadata (Grinstein, Neo and Naylor 2023)."""

from __future__ import annotations

from collections.abc import Sequence

from sslbench.hookspecs import hookimpl
from sslbench.specs import MethodSpec, Parameter, Published

__all__ = ["sslbench_methods"]

TABLE = "Berg et al. 2024, table I"

PUBLISHED = {"music": (0.260, 73.0), "speech": (0.447, 45.9)}
"""Capped error in metres and share within 30 cm in %, by split.

The paper gives 73.0 % an interval of +-0.2, beside 1 to 2 in the other rows: likely a typing error.
"""


@hookimpl
def sslbench_methods() -> Sequence[MethodSpec]:
    """Return the spec of the method."""
    return [
        MethodSpec(
            name="di-nn",
            target="sslbench_dinn.method:DiNn",
            summary="convolutional recurrent network from spectra and microphone positions",
            outputs=("position",),
            licence="MIT",
            parameters=(
                Parameter(
                    "width",
                    0,
                    "filters of the first block; 0: the paper's 64 at paper scale, 16 at quick, 8"
                    " at smoke",
                    minimum=0,
                ),
            ),
            min_channels=4,
            trainable=True,
            selection=("position-error-capped",),
            paper="Grinstein et al. 2023; Berg et al. 2024",
            published=tuple(
                Published(
                    "luvira", metric, value, TABLE, {"held_out": 3}, {"width": 0}, split=split
                )
                for split, values in PUBLISHED.items()
                for metric, value in zip(
                    ("position-error-capped", "position-accuracy[within=30cm]"), values, strict=True
                )
            ),
        )
    ]
