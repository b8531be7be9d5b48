"""Methods, parts, a tracker and an executor for tests, some of which misbehave."""

import os
from pathlib import Path
from typing import ClassVar

import numpy as np

from sslbench.contracts import (
    EpochReport,
    Method,
    Tracker,
    Trainable,
    TrainableMethod,
    TrainingContext,
)
from sslbench.running.executors import Executor
from sslbench.scene import Prediction, Tracks


class Corner(Method):
    """Estimates one position and counts its calls."""

    calls = 0

    def __init__(self, height):
        self.height = height

    def locate(self, recording):
        type(self).calls += 1
        return Prediction(Tracks.still(recording, [1, 1, self.height]))


class Raising(Method):
    """Fails while the file that it is given does not exist."""

    def __init__(self, unless):
        self.unless = unless

    def locate(self, recording):
        if not Path(self.unless).exists():
            raise ZeroDivisionError("in the middle")
        return Prediction(Tracks.still(recording, [1, 1, 1]))


class Unconstructible(Method):
    """Fails when it is constructed."""

    def __init__(self):
        raise StopIteration

    def locate(self, recording):
        raise NotImplementedError


class Crashing(Method):
    """Ends its whole process."""

    def locate(self, recording):
        os._exit(9)


class Greedy(Method):
    """Estimates more sources than there can be."""

    def locate(self, recording):
        return Prediction(Tracks.still(recording, np.ones((5, 3))))


class NameReader(Method):
    """Notes the ids of the recordings that it is given."""

    names: ClassVar[list[str]] = []

    def locate(self, recording):
        self.names.append(recording.id)
        return Prediction(Tracks.still(recording, [1, 1, 1]))


class Late(Method):
    """Returns estimates at times that were not requested."""

    def locate(self, recording):
        return Prediction(Tracks.of([9.0], [[[1, 1, 1]]], "position"))


class Loudness(Method):
    """Mean of the microphone positions, weighted by the power of each frame."""

    windows: ClassVar[list[int]] = []

    def locate(self, recording):
        self.windows.append(len(recording.times))
        power = np.square(recording.frames(), dtype=float).sum(axis=2)
        place = power @ recording.array.positions / power.sum(axis=1, keepdims=True)
        return Prediction(Tracks.of(recording.times, place[:, None], recording.kind))


class Detector(Method):
    """Estimates two sources that walk, whose columns change places in every other frame."""

    calls = 0

    def locate(self, recording):
        type(self).calls += 1
        xyz = np.ones((len(recording.times), 2, 3))
        xyz[:, :, 0] = recording.times[:, None]
        xyz[:, 1, 1] = 3.0
        xyz[1::2] = xyz[1::2, ::-1]
        confidence = np.full(xyz.shape[:2], 0.5)
        return Prediction(Tracks.of(recording.times, xyz, "position", confidence=confidence))


class Finder(Method):
    """Estimates one position for the source and another for every microphone."""

    def locate(self, recording):
        tracks = Tracks.still(recording, [1, 1, 1])
        return Prediction(tracks, np.full((recording.array.channels, 3), 1.0))


class Learner(TrainableMethod):
    """Learns the mean position; when training continues, the mean of both trainings."""

    fits: ClassVar[list[str]] = []

    def fit(self, train, validation, context):
        assert {train.request.split, validation.request.split} == {"train", "validation"}
        self.fits.append(type(train).__name__)
        positions = [train.truth(i)[1].tracks.xyz[0, 0] for i in range(len(train))]
        self.mean = np.mean(positions, axis=0)
        if context.start:
            self.mean = (self.mean + np.load(context.start / "mean.npy")) / 2
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


class Height(Trainable):
    """A part that generates its own data: a height in metres."""

    fits = 0

    def __init__(self, height):
        self.height = height

    def fit(self, train, validation, context):
        assert (len(train), len(validation)) == (0, 0)
        type(self).fits += 1

    def save(self, folder):
        np.save(folder / "height.npy", self.height)

    def load(self, folder):
        self.height = float(np.load(folder / "height.npy"))

    @property
    def report(self):
        return {"height-error": 0.25}

    @property
    def parameter_count(self):
        return 1


class Spread(Trainable):
    """A part that learns from the training data of the method: the spread of the positions."""

    fits: ClassVar[list[str]] = []
    contexts: ClassVar[list[TrainingContext]] = []

    def fit(self, train, validation, context):
        self.fits.append(type(train).__name__)
        positions = [train.truth(i)[1].tracks.xyz[0, 0] for i in range(len(train))]
        self.spread = np.std(positions, axis=0)
        self.contexts.append(context)

    def save(self, folder):
        np.save(folder / "spread.npy", self.spread)

    def load(self, folder):
        self.spread = np.load(folder / "spread.npy")

    @property
    def parameter_count(self):
        return 3


class Stacked(Learner):
    """Learns a mean position; its height is that of a part."""

    fits: ClassVar[list[str]] = []
    contexts: ClassVar[list[TrainingContext]] = []

    def __init__(self, height, scaled):
        del height
        self.scaled = scaled

    def fit(self, train, validation, context):
        assert set(self.parts) == ({"height", "spread"} if self.scaled else {"height"})
        self.contexts.append(context)
        super().fit(train, validation, context)

    def locate(self, recording):
        return Prediction(Tracks.still(recording, [*self.mean[:2], self.parts["height"].height]))


class Borrower(Method):
    """Learns nothing itself: its height is that of a part."""

    def __init__(self, height):
        del height

    def locate(self, recording):
        return Prediction(Tracks.still(recording, [1, 1, self.parts["height"].height]))


class Doubling(Tracker):
    """Returns more tracks than there can be sources."""

    def track(self, detections, max_sources):
        xyz = np.ones((len(detections.times), max_sources + 1, 3))
        return Tracks.of(detections.times, xyz, detections.kind)


class Limited(Executor):
    """Runs the first cells only, in this process."""

    def __init__(self, jobs, most):
        super().__init__(jobs)
        self.most = most

    def run(self, work, cells):
        yield from map(work, cells[: self.most])
