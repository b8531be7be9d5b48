"""A plugin for tests: data sets of noise, methods that behave and methods that do not."""

from importlib.metadata import EntryPoint

from helpers import world_methods, world_scenes
from helpers.world_methods import (
    Corner,
    Detector,
    Height,
    Late,
    Learner,
    Loudness,
    NameReader,
    Spread,
    Stacked,
)
from helpers.world_scenes import Counted, Noise, Square, Walk
from sslbench.datasets.alterations import ALTERATIONS
from sslbench.hookspecs import hookimpl
from sslbench.registry import Registry
from sslbench.specs import (
    DatasetSpec,
    ExecutorSpec,
    MethodSpec,
    Parameter,
    Part,
    Shipped,
    TrackerSpec,
)
from sslbench_trackers import sslbench_trackers

__all__ = [
    "WORLD",
    "Corner",
    "Counted",
    "Detector",
    "Height",
    "Late",
    "Learner",
    "Loudness",
    "NameReader",
    "Noise",
    "Spread",
    "Square",
    "Stacked",
    "Walk",
    "make_registry",
    "reset",
]

HEIGHT = Parameter("height", 1.0, "metres", minimum=0)
BROKEN = Parameter("broken", False, "whether a recording is damaged")

OWN_PART = Part(
    name="height",
    target=f"{world_methods.__name__}:Height",
    data="own",
    parameters=("height",),
    shipped=Shipped(folder="shipped_weights:height", params={"height": 2.0}),
)
TRAINING_PART = Part(
    name="spread", target=f"{world_methods.__name__}:Spread", when={"scaled": True}
)


def method(name, target, *parameters, **facts):
    return MethodSpec(
        name=name,
        target=f"{world_methods.__name__}:{target}",
        summary=name,
        licence="MIT",
        parameters=parameters,
        **({"outputs": ("position",)} | facts),
    )


def dataset(name, target, *parameters, **facts):
    return DatasetSpec(
        name=name,
        target=f"{world_scenes.__name__}:{target}",
        summary=name,
        version="1",
        kind="position",
        array="four",
        licence="MIT",
        parameters=parameters,
        **({"simulated": True, "primary_metric": "position-error-mean"} | facts),
    )


class World:
    """The plugin that offers all of the above, and remembers what it observes."""

    def __init__(self):
        self.seen = []

    @hookimpl
    def sslbench_datasets(self):
        return [
            dataset("noise", "Noise", BROKEN, Parameter("folder", "", "where", identity=False)),
            dataset("square", "Square", primary_metric="position-error-capped"),
            dataset("walk", "Walk", max_sources=2),
            dataset("untrainable", "Noise", BROKEN, splits=("test",)),
        ]

    @hookimpl
    def sslbench_alterations(self):
        return ALTERATIONS

    @hookimpl
    def sslbench_methods(self):
        return [
            method("corner", "Corner", HEIGHT, max_sources=None),
            method("raising", "Raising", Parameter("unless", "nowhere", "file", identity=False)),
            method("late", "Late"),
            method("crashing", "Crashing"),
            method("greedy", "Greedy"),
            method("name-reader", "NameReader"),
            method("unconstructible", "Unconstructible"),
            method("loudness", "Loudness", max_sources=None, frame_wise=True),
            method("detector", "Detector", max_sources=2),
            method("finder", "Finder", unknown_microphones=True),
            method("learner", "Learner", trainable=True, max_sources=2),
            method(
                "stacked",
                "Stacked",
                HEIGHT,
                Parameter("scaled", False, "whether the spread is learned too"),
                trainable=True,
                selection=("position-error-mean", "angular-error-mean"),
                parts=(OWN_PART, TRAINING_PART),
                shipped=Shipped(folder="shipped_weights:stacked", params={"height": 2.0}),
            ),
            method("borrower", "Borrower", HEIGHT, parts=(OWN_PART,)),
            method("needs-many", "Corner", HEIGHT, min_channels=9),
        ]

    @hookimpl
    def sslbench_trackers(self):
        target = f"{world_methods.__name__}:Doubling"
        doubling = TrackerSpec(name="doubling", target=target, summary="too many", licence="MIT")
        return [*sslbench_trackers(), doubling]

    @hookimpl
    def sslbench_executors(self):
        return [
            ExecutorSpec(
                name="limited",
                target=f"{world_methods.__name__}:Limited",
                summary="the first cells only",
                parameters=(Parameter("most", 1, "number of cells", minimum=0),),
            )
        ]

    @hookimpl
    def sslbench_cell_started(self, cell):
        self.seen.append("started")

    @hookimpl
    def sslbench_epoch_finished(self, report):
        self.seen.append(f"epoch {report.epoch}")

    @hookimpl
    def sslbench_cell_finished(self, outcome):
        self.seen.append(outcome.status)


class _Given(EntryPoint):
    """An entry point to an object that is there already."""

    def load(self):
        return WORLD


WORLD = World()
CORE = {
    "metrics": "sslbench.metrics",
    "protocols": "sslbench.scoring",
    "executors": "sslbench.running",
}


def make_registry():
    """Return a registry of this world and of the core's metrics and executors."""
    points = [EntryPoint(name, value, "sslbench") for name, value in CORE.items()]
    return Registry([*points, _Given("world", "world", "sslbench")], strict=True)


def reset():
    """Clear everything that the classes of this world have noted."""
    for noted in (
        WORLD.seen,
        Counted.opened,
        Counted.fingerprinted,
        Learner.fits,
        Stacked.fits,
        Spread.fits,
        Spread.contexts,
        Stacked.contexts,
        NameReader.names,
        Loudness.windows,
    ):
        noted.clear()
    Corner.calls = Detector.calls = Height.fits = 0
