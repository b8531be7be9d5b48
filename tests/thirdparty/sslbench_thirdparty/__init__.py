"""An example plugin: what sslbench loads to list what there is. Nothing heavy is imported."""

from pathlib import Path

from sslbench.hookspecs import hookimpl
from sslbench.specs import DatasetSpec, MethodSpec, MetricSpec, Parameter

__all__ = ["sslbench_datasets", "sslbench_methods", "sslbench_metrics", "sslbench_provenance"]


@hookimpl
def sslbench_methods() -> list[MethodSpec]:
    """Offer one method."""
    return [
        MethodSpec(
            name="loudest-microphone",
            target="sslbench_thirdparty.method:LoudestMicrophone",
            summary="place of the microphones, weighted by loudness",
            outputs=("position",),
            licence="MIT",
            parameters=(
                Parameter("power", 4.0, "exponent of the loudness", minimum=0, maximum=100),
            ),
            min_channels=2,
        )
    ]


@hookimpl
def sslbench_datasets() -> list[DatasetSpec]:
    """Offer one data set."""
    return [
        DatasetSpec(
            name="whistle",
            target="sslbench_thirdparty.dataset:Whistle",
            summary="a noise source among eight microphones in free field",
            version="1",
            kind="position",
            array="eight microphones in the corners of a 4 m cube",
            licence="MIT",
            primary_metric="position-error-mean",
            parameters=(Parameter("snr_db", 30.0, "signal-to-noise ratio in dB"),),
            simulated=True,
        )
    ]


@hookimpl
def sslbench_metrics() -> list[MetricSpec]:
    """Offer one metric."""
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
    """Add a fact to the environment of every record."""
    return {"thirdparty": Path(__file__).parent.name}
