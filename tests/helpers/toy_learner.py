"""A learner for the training loop: it finds the slope of a line within milliseconds."""

from importlib.metadata import EntryPoint

import torch
from torch import nn

from sslbench.contracts import TrainingContext
from sslbench.registry import Registry
from sslbench.scoring.selection_metric import selection_metrics
from sslbench.training.examples import ExampleSet
from sslbench.training.loop import Learner, Settings


class Line(ExampleSet):
    """Points on a line."""

    def __init__(self, length=64):
        self.x = torch.randn(length, 3, generator=torch.Generator().manual_seed(0)).numpy()

    def __len__(self):
        return len(self.x)

    def arrays(self, index):
        return {"x": self.x[index]}


class Slope(Learner):
    """Learns y = 2 x, with noise and dropout.

    Args:
        values: validation values to return in place of the error.
        nan_at: step whose loss is NaN.
        higher_is_better: direction of the values.
    """

    def __init__(self, values=(), nan_at=None, *, higher_is_better=False):
        self.values = list(values)
        self.nan_at = nan_at
        self.better = higher_is_better
        self.steps = 0

    @property
    def higher_is_better(self):
        return self.better

    def loss(self, network, batch, step):
        self.steps += 1
        noise = torch.randn(len(batch["x"]), 3, generator=step.rng)
        loss = ((network(batch["x"]) - 2 * batch["x"] + 0.1 * noise) ** 2).mean()
        return loss * float("nan") if self.steps == self.nan_at else loss

    def validate(self, network, device):
        if self.values:
            return self.values.pop(0)
        x = torch.eye(3, device=device)
        return float(((network(x) - 2 * x) ** 2).mean())


def network():
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(3, 8), nn.Dropout(0.3), nn.Linear(8, 3))


def settings(**changes):
    return Settings(**({"epochs": 4, "batch": 16, "learning_rate": 1e-2} | changes))


def selection(*labels, kind="position"):
    """Return selection metrics by label."""
    registry = Registry([EntryPoint("metrics", "sslbench.metrics", "sslbench")], strict=True)
    return selection_metrics(registry, labels, kind)


def context(folder, reports=None, **changes):
    """Return a training context in a folder, with a selection metric for positions."""
    folder.mkdir(parents=True, exist_ok=True)
    report = (lambda each: None) if reports is None else reports.append
    facts = {"seed": 1, "scale": "smoke", "workspace": folder, "report": report}
    metrics = changes.pop("selection", None)
    facts["selection"] = selection("position-error-mean") if metrics is None else metrics
    return TrainingContext(**(facts | changes))
