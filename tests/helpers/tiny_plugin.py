"""The plugin that offers the method of `tiny_network`."""

from sslbench.hookspecs import hookimpl
from sslbench.specs import MethodSpec, Parameter


@hookimpl
def sslbench_methods():
    return [
        MethodSpec(
            name="tiny-network",
            target="helpers.tiny_network:TinyNetwork",
            summary="two layers on the correlation of all pairs of microphones",
            outputs=("position",),
            licence="MIT",
            parameters=(Parameter("hidden", 64, "units of the hidden layer", minimum=1),),
            min_channels=2,
            trainable=True,
            selection=("position-error-mean",),
        )
    ]
