"""A learner that is small: find the slope of a line."""

import torch
from torch import nn
from torch.utils.data import Dataset as TorchDataset

from sslbench.contracts import TrainingContext
from sslbench.training.loop import Learner, Settings


class Line(TorchDataset):
    def __init__(self, length=64):
        rng = torch.Generator().manual_seed(0)
        self.x = torch.randn(length, 3, generator=rng)

    def __len__(self):
        return len(self.x)

    def __getitem__(self, index):
        return {"x": self.x[index], "index": index}


class Slope(Learner):
    """Learns y = 2 x; dropout makes every step random, and `values` may be given for validation."""

    def __init__(self, values=(), broken_at=None):
        self.values = list(values)
        self.broken_at = broken_at
        self.steps = 0

    def loss(self, network, batch, rng):
        self.steps += 1
        noise = torch.randn(len(batch["x"]), 3, generator=rng)
        loss = ((network(batch["x"]) - 2 * batch["x"] + 0.1 * noise) ** 2).mean()
        return loss * float("nan") if self.steps == self.broken_at else loss

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


def context(folder, reports=None, **changes):
    report = (lambda each: None) if reports is None else reports.append
    facts = {"seed": 1, "scale": "smoke", "workspace": folder, "report": report}
    return TrainingContext(**(facts | changes))
