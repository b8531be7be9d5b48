"""wav2pos: a masked autoencoder over audio and coordinates (Berg et al. 2024).

`masking` decides what the network is shown in training, `features` computes delays of pairs of
microphones, `network` is the autoencoder, `method` combines them, and `refine` searches around an
estimate.
"""

from __future__ import annotations

from collections.abc import Sequence

from sslbench.hookspecs import hookimpl
from sslbench.specs import MethodSpec, Parameter, Part, Published, Shipped, Value

__all__ = ["sslbench_methods"]

PARAMETERS = (
    Parameter(
        "features",
        "gcc",
        "delays of pairs of microphones that the network is given: none, GCC-PHAT or NGCC-PHAT",
        choices=("none", "gcc", "ngcc"),
    ),
    Parameter(
        "width",
        0,
        "units per token, a multiple of 4; 0: the paper's 256 at paper scale, 64 at quick, 32 at"
        " smoke",
        minimum=0,
    ),
    Parameter(
        "depth",
        0,
        "transformer blocks of the encoder, and as many of the decoder; 0: the paper's 4 at paper"
        " scale, 2 at quick, 1 at smoke",
        minimum=0,
    ),
    Parameter("pairwise", True, "tell the decoder which audio belongs to which microphone"),
    Parameter("masking", True, "hide random microphones and coordinates in training"),
    Parameter("max_pool", True, "give the outputs the maximum over the encoder's tokens"),
    Parameter(
        "symmetrize",
        True,
        "average the delays of both orders of a pair (ngcc), so that the order of the microphones"
        " does not matter; false computes both orders",
    ),
    Parameter(
        "centred",
        False,
        "make coordinates relative to the mean of the known microphones, for arrays that differ",
    ),
    Parameter(
        "channels",
        0,
        "width of NGCC-PHAT; 0: the paper's 128 at paper scale, fewer below",
        minimum=0,
    ),
    Parameter(
        "refine",
        "none",
        "srp: search the steered response power within 0.6 m of the estimate",
        choices=("none", "srp"),
        training=False,
    ),
)

TABLE = "Berg et al. 2024, table I"

PUBLISHED = {"music": (0.142, 95.4), "speech": (0.236, 81.6)}
"""Capped error in metres and share within 30 cm in %, by split."""

PAPER: dict[str, Value] = {
    "features": "ngcc",
    "width": 0,
    "depth": 0,
    "pairwise": True,
    "masking": False,  # table I is without it, table II with it
    "max_pool": True,
    "channels": 0,
    "refine": "none",
}
"""The parameters of the model of table I."""

SHIPPED: dict[str, Value] = {"features": "ngcc", "width": 44, "centred": True}
"""The parameters of the weights in the folder `weights`, trained on `rooms-sim` at quick scale."""


@hookimpl
def sslbench_methods() -> Sequence[MethodSpec]:
    """Return the spec of the method."""
    return [
        MethodSpec(
            name="wav2pos",
            target="sslbench_wav2pos.method:Wav2pos",
            summary="masked autoencoder over audio and coordinates of any number of microphones",
            outputs=("position",),
            licence="MIT",
            parameters=PARAMETERS,
            min_channels=4,
            unknown_microphones=True,
            trainable=True,
            selection=("position-error-capped",),
            parts=(
                Part(
                    name="ngcc",
                    target="sslbench_ngcc.part:NgccPhat",
                    parameters=("channels",),
                    when={"features": "ngcc"},
                    shipped=Shipped(folder="sslbench_ngcc:weights/ngcc"),
                ),
            ),
            shipped=Shipped(folder="sslbench_wav2pos:weights/wav2pos", params=SHIPPED),
            paper="Berg et al. 2024",
            published=tuple(
                Published("luvira", metric, value, TABLE, {"held_out": 3}, PAPER, split=split)
                for split, values in PUBLISHED.items()
                for metric, value in zip(
                    ("position-error-capped", "position-accuracy[within=30cm]"), values, strict=True
                )
            ),
        )
    ]
