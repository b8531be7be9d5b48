"""Small and trained methods, and a stand-in for NGCC-PHAT, for the tests of wav2pos."""

from dataclasses import replace

import torch

from helpers.seven_microphones import frames
from helpers.toy_learner import context, selection
from sslbench.acoustics.gcc import gcc_phat
from sslbench.contracts import Trainable
from sslbench_wav2pos import PARAMETERS
from sslbench_wav2pos.method import Wav2pos


class Brief(Wav2pos):
    """Trains for two epochs."""

    def settings(self, scale):
        return replace(super().settings(scale), epochs=2, batch=8)


def make(kind=Brief, **params):
    defaults = {parameter.name: parameter.default for parameter in PARAMETERS}
    return kind(**defaults | {"width": 8} | params)


def fitted(folder, method=None, train=None, work="work"):
    """Train a method on seven microphones."""
    method = method or make()
    train = train or frames("train", folder / "cache")
    options = {"reference": train.scene(0).recording.reference is not None}
    validation = frames("validation", folder / "cache", count=6, **options)
    chosen = selection("position-error-capped")
    method.fit(train, validation, context(folder / work, selection=chosen))
    return method


class FakeNgcc(Trainable):
    """Delays that are not symmetric, in place of a trained estimator."""

    sample_rate = 16000
    samples = 2048

    def fit(self, train, validation, context):
        pass

    def save(self, folder):
        pass

    def load(self, folder):
        pass

    def delays(self, frames, max_lag):
        skewed = gcc_phat(frames, max_lag) * torch.linspace(0.5, 1, 2 * max_lag + 1)
        return (10 * skewed).log_softmax(dim=-1)

    def evidence(self, frames, max_lag):
        return self.delays(frames, max_lag)

    def symmetric_delays(self, frames, max_lag):
        return (10 * gcc_phat(frames, max_lag)).log_softmax(dim=-1)
