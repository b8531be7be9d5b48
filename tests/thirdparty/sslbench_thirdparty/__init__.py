"""An example plugin for sslbench: a method, a data set and a metric.

sslbench imports this module to list them, so it must not import heavy packages such as torch. The
classes that the specs name as targets are imported only when they are used.
"""

from sslbench.hookspecs import hookimpl
from sslbench.specs import DatasetSpec, MethodSpec, MetricSpec, Parameter

__all__ = ["sslbench_datasets", "sslbench_methods", "sslbench_metrics", "sslbench_provenance"]

__version__ = "1.0.0"


@hookimpl
def sslbench_methods() -> list[MethodSpec]:
    """Return the specs of the methods of this plugin."""
    return [
        MethodSpec(
            name="loudest-microphone",
            target="sslbench_thirdparty.method:LoudestMicrophone",
            summary="mean of the microphone positions, weighted by level",
            outputs=("position",),
            licence="MIT",
            parameters=(Parameter("power", 4.0, "exponent of the level", minimum=0, maximum=100),),
            min_channels=2,
        )
    ]


@hookimpl
def sslbench_datasets() -> list[DatasetSpec]:
    """Return the specs of the data sets of this plugin."""
    return [
        DatasetSpec(
            name="whistle",
            target="sslbench_thirdparty.dataset:Whistle",
            summary="one noise source among eight microphones in the free field",
            version="1",
            kind="position",
            array="eight microphones at the corners of a cube with sides of 4 m",
            licence="MIT",
            primary_metric="position-error-mean",
            parameters=(Parameter("snr_db", 30.0, "signal-to-noise ratio in dB"),),
            simulated=True,
        )
    ]


@hookimpl
def sslbench_metrics() -> list[MetricSpec]:
    """Return the specs of the metrics of this plugin."""
    return [
        MetricSpec(
            name="height-error",
            target="sslbench_thirdparty.metric:HeightError",
            summary="mean absolute error of the height",
            unit="m",
            higher_is_better=False,
            kinds=("position",),
        )
    ]


@hookimpl
def sslbench_provenance() -> dict[str, str]:
    """Return facts about the environment that are stored in every record."""
    return {"sslbench-thirdparty": __version__}
