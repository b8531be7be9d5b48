"""A relation network over pairs of microphones (Grinstein, Brookes and Naylor 2023)."""

from __future__ import annotations

from collections.abc import Sequence

from sslbench.hookspecs import hookimpl
from sslbench.specs import MethodSpec, Parameter, Published

__all__ = ["sslbench_methods"]

TABLE = "Berg et al. 2024, table I"

PUBLISHED = {"music": (0.170, 90.7), "speech": (0.319, 71.2)}
"""Capped error in metres and share within 30 cm in %, by split."""


@hookimpl
def sslbench_methods() -> Sequence[MethodSpec]:
    """Return the spec of the method."""
    return [
        MethodSpec(
            name="gnn",
            target="sslbench_gnn.method:Gnn",
            summary="relation network over the GCC-PHAT of pairs of any number of microphones",
            outputs=("position",),
            licence="MIT",
            parameters=(
                Parameter(
                    "width",
                    0,
                    "units per layer; 0: the paper's 625 at paper scale, 256 at quick, 128 at"
                    " smoke",
                    minimum=0,
                ),
                Parameter(
                    "whitening",
                    "robust",
                    "of the GCC-PHAT: phat, as published, or the one that srp-phat uses (robust)",
                    choices=("phat", "robust"),
                ),
                Parameter(
                    "symmetrize",
                    False,
                    "average over both orders of each pair, so that the order of the microphones"
                    " does not matter",
                ),
            ),
            min_channels=4,
            trainable=True,
            selection=("position-error-capped",),
            paper="Grinstein et al. 2023; Berg et al. 2024",
            published=tuple(
                Published(
                    "luvira",
                    metric,
                    value,
                    TABLE,
                    {"held_out": 3},
                    {"width": 0, "whitening": "phat", "symmetrize": False},
                    split=split,
                )
                for split, values in PUBLISHED.items()
                for metric, value in zip(
                    ("position-error-capped", "position-accuracy[within=30cm]"), values, strict=True
                )
            ),
        )
    ]
