"""DOAnet: directions of moving sources by a recurrent network (Adavanne et al., WASPAA 2021).

`features` turns audio into spectrograms, `network` is the network, `targets` the ground truth that
it learns, `losses` and `tracking_losses` are the losses, `association` and `hnet` assign outputs to
sources, `distance_matrices` is what Hnet learns from, and `method` combines them.
"""

from __future__ import annotations

from collections.abc import Sequence

from sslbench.hookspecs import hookimpl
from sslbench.specs import MethodSpec, Parameter, Part, Published, Shipped, Value

__all__ = ["sslbench_methods"]

TRACKING = ("dmotp", "dmotp+act", "dmotp+dmota+act")

PARAMETERS = (
    Parameter(
        "loss",
        "dmotp+dmota+act",
        "mse, as published; mse-masked: over active sources only; pit: of the best permutation at"
        " each time; adpit: multi-ACCDOA without classes; dmotp: distance after association; +act:"
        " estimates activity; +dmota: misses, false estimates and identity switches",
        choices=("mse", "mse-masked", "pit", "adpit", *TRACKING),
    ),
    Parameter(
        "association",
        "hnet",
        "of outputs with sources in dmotp and dmota: the network Hnet, or exact, which has no"
        " gradient of its own",
        choices=("hnet", "exact"),
    ),
    Parameter(
        "variant",
        "deepmot",
        "equations of dmotp and dmota: those of Xu et al. 2020 (deepmot), or of the published code",
        choices=("deepmot", "code"),
    ),
    Parameter(
        "distance",
        "chord",
        "of pit: between unit vectors, or its square",
        choices=("chord", "squared"),
    ),
    Parameter("match_threshold", 0.5, "association from which a pair is matched", 0.01, 0.99),
    Parameter("softmax_scale", 10.0, "of the softmax in dmota (deepmot)", 1, 1000),
    Parameter("switch_weight", 1.0, "of identity switches in dmota", 0),
    Parameter(
        "distance_weight",
        5.0,
        "of dmotp in relation to dmota and activity (deepmot)",
        0,
        neutral=True,
    ),
    Parameter("n_max", 2, "largest number of sources at a time", 1, 4),
    Parameter(
        "width",
        0,
        "of all layers; 0: the paper's 128 at paper scale, 32 at quick, 16 at smoke",
        minimum=0,
    ),
    Parameter(
        "activity_threshold",
        0.5,
        "activity above which an output is a source",
        0,
        1,
        training=False,
    ),
)

TABLE = "Adavanne et al. 2021, table I"

CODE: dict[str, Value] = {"association": "hnet", "variant": "code", "width": 0, "n_max": 2}

PUBLISHED: dict[tuple[str, str], dict[str, float]] = {
    ("foa", "mse"): {"localization-error": 25.4},
    ("foa", "dmotp"): {"localization-error": 13.7},
    ("mic", "mse"): {"localization-error": 25.3},
    ("mic", "dmotp"): {"localization-error": 13.6},
}
"""By format and loss, without augmentation."""


def _published() -> tuple[Published, ...]:
    return tuple(
        Published(
            "tau-nigens-2020",
            metric,
            value,
            TABLE,
            {"format": array_format},
            {**CODE, "loss": loss},
        )
        for (array_format, loss), values in PUBLISHED.items()
        for metric, value in values.items()
    )


@hookimpl
def sslbench_methods() -> Sequence[MethodSpec]:
    """Return the spec of the method."""
    return [
        MethodSpec(
            name="doanet",
            target="sslbench_doanet.method:DoaNet",
            summary="recurrent network for moving sources, with losses from object tracking",
            outputs=("direction",),
            licence="MIT",
            parameters=PARAMETERS,
            formats=("mics", "foa"),
            max_sources=None,
            min_channels=2,
            trainable=True,
            selection=("localization-error", "gospa[cutoff=30deg]"),
            parts=(
                Part(
                    name="hnet",
                    target="sslbench_doanet.hnet:Hnet",
                    data="own",
                    parameters=("n_max",),
                    when={"association": "hnet", "loss": TRACKING},
                    shipped=Shipped(folder="sslbench_doanet:weights/hnet"),
                ),
            ),
            paper="Adavanne et al., WASPAA 2021",
            published=_published(),
        )
    ]
