"""A small world to run cells in: one data set of noise, methods that behave and that do not."""

import hashlib
import os
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import ClassVar

import numpy as np

from sslbench.contracts import Dataset, EpochReport, Method, TrainableMethod
from sslbench.geometry import Box
from sslbench.hookspecs import hookimpl
from sslbench.registry import Registry
from sslbench.scene import MicArray, Prediction, Recording, Scene, Tracks
from sslbench.specs import DatasetSpec, MethodSpec, Parameter

MICS = np.array([[0.0, 0, 0], [4, 0, 0], [0, 4, 0], [0, 0, 3]])


class Noise(Dataset):
    """Four recordings of noise in a room; `broken` puts a NaN into one."""

    def __len__(self):
        return 4

    def scene(self, index):
        rng = np.random.default_rng([len(self.request.split), index])
        audio = rng.standard_normal((4, 1600)).astype(np.float32)
        if self.request.params["broken"] and index == 2:
            audio[1, 5] = np.nan
        recording = Recording(
            id=f"noise-{index}",
            audio=audio,
            sample_rate=16000,
            array=MicArray(MICS),
            times=np.array([0.05]),
            region=Box((0, 0, 0), (4, 4, 3)),
            conditions={"snr_db": float(index)},
        )
        return Scene(recording, Tracks.still(recording, rng.uniform(0, 3, 3)))

    def fingerprint(self):
        return hashlib.sha256(self.request.split.encode()).hexdigest()


class Corner(Method):
    """Answers one place and counts how often it is asked."""

    asked = 0

    def __init__(self, height):
        self.height = height

    def locate(self, recording):
        type(self).asked += 1
        return Prediction(Tracks.still(recording, [1, 1, self.height]))


class Raising(Method):
    """Fails while the file that it is given does not exist."""

    def __init__(self, unless):
        self.unless = unless

    def locate(self, recording):
        if not Path(self.unless).exists():
            raise ZeroDivisionError("in the middle")
        return Prediction(Tracks.still(recording, [1, 1, 1]))


class Stillborn(Method):
    """Cannot even be made."""

    def __init__(self):
        raise StopIteration

    def locate(self, recording):
        raise NotImplementedError


class Dying(Method):
    """Takes its whole process with it."""

    def locate(self, recording):
        os._exit(9)


class Greedy(Method):
    """Claims more sources than there can be."""

    def locate(self, recording):
        return Prediction(Tracks.still(recording, np.ones((5, 3))))


class Nosy(Method):
    """Looks for the truth in the name of the recording."""

    names: ClassVar[list[str]] = []

    def locate(self, recording):
        self.names.append(recording.id)
        return Prediction(Tracks.still(recording, [1, 1, 1]))


class Late(Method):
    """Answers at times it was not asked for."""

    def locate(self, recording):
        return Prediction(Tracks.of([9.0], [[[1, 1, 1]]], "position"))


class Learner(TrainableMethod):
    """Learns the mean position; refuses to see the test split."""

    fitted = 0

    def fit(self, train, validation, context):
        assert {train.request.split, validation.request.split} == {"train", "validation"}
        type(self).fitted += 1
        self.mean = np.mean([train.truth(i)[1].xyz[0, 0] for i in range(len(train))], axis=0)
        context.report(EpochReport(1, 1, {"loss": 0.5}))

    def save(self, folder):
        np.save(folder / "mean.npy", self.mean)

    def load(self, folder):
        self.mean = np.load(folder / "mean.npy")

    def locate(self, recording):
        return Prediction(Tracks.still(recording, self.mean))

    @property
    def parameter_count(self):
        return 3


def _method(name, target, *parameters, **facts):
    return MethodSpec(
        name=name,
        target=f"{__name__}:{target}",
        summary=name,
        outputs=("position",),
        licence="MIT",
        parameters=parameters,
        **facts,
    )


class World:
    """The plugin that offers all of the above, and remembers what it observes."""

    def __init__(self):
        self.seen = []

    @hookimpl
    def sslbench_datasets(self):
        return [
            DatasetSpec(
                name="noise",
                target=f"{__name__}:Noise",
                summary="noise",
                version="1",
                kind="position",
                array="four",
                licence="MIT",
                primary_metric="position-error-mean",
                parameters=(
                    Parameter("broken", False, "whether a recording is damaged"),
                    Parameter("folder", "", "where", identity=False),
                ),
                simulated=True,
            )
        ]

    @hookimpl
    def sslbench_methods(self):
        return [
            _method("corner", "Corner", Parameter("height", 1.0, "metres", minimum=0)),
            _method("raising", "Raising", Parameter("unless", "nowhere", "file", identity=False)),
            _method("late", "Late"),
            _method("dying", "Dying"),
            _method("greedy", "Greedy"),
            _method("nosy", "Nosy"),
            _method("stillborn", "Stillborn"),
            _method("learner", "Learner", trainable=True),
            _method("needs-many", "Corner", Parameter("height", 1.0, "m"), min_channels=9),
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
