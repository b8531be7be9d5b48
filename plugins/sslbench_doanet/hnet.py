"""Hnet, the Hungarian network: a differentiable association of estimates with references.

Adavanne et al. 2021, section 2.2. The layers are those of the published code (hungarian-net),
where the paper leaves them open.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sslbench.contracts import Dataset, TrainingContext
from sslbench.errors import FormatError
from sslbench.specs import Scale
from sslbench.training.examples import Arrays, Batch, ExampleSet
from sslbench.training.loop import Settings, Step
from sslbench.training.normalization import Statistics
from sslbench.training.schedules import Cosine
from sslbench.training.trained_network import Config, TrainedNetwork
from sslbench_doanet.distance_matrices import RESOLUTIONS, Matrices, generate

__all__ = ["Hnet", "HnetNetwork", "Logits", "f1_score"]

HIDDEN = 128

LARGEST = 4.0
"""Distances above this are set to it. Those between directions are at most 2, and all larger ones,
up to 350, mean that something is missing."""

BLOCK = 64
"""Matrices per example. One by one, reading them would take longer than learning from them."""

BLOCKS = 4
"""Examples per step: 256 matrices, as published."""

EPOCHS: dict[Scale, int] = {"smoke": 3, "quick": 12, "paper": 60}
SHARES: dict[Scale, float] = {"smoke": 0.1, "quick": 1.0, "paper": 1.0}
"""Of the published number of matrices."""

VALIDATED = 0.1
"""Share of the published number that chooses the epoch, and again for the report."""


class Logits(NamedTuple):
    """What Hnet returns.

    Args:
        pairs: of each pair, shape (batch, n, n).
        rows: of each row having a pair, shape (batch, n).
        columns: of each column having a pair, shape (batch, n).
    """

    pairs: Tensor
    rows: Tensor
    columns: Tensor


class HnetNetwork(nn.Module):
    """A recurrent layer over the rows of a distance matrix, then attention of a single head.

    Args:
        n_max: rows and columns of a matrix. With 2 there are 100,098 parameters.
    """

    def __init__(self, n_max: int) -> None:
        super().__init__()
        self.recurrent = nn.GRU(n_max, HIDDEN, batch_first=True)
        self.query = nn.Linear(HIDDEN, HIDDEN, bias=False)
        self.key = nn.Linear(HIDDEN, HIDDEN, bias=False)
        self.value = nn.Linear(HIDDEN, HIDDEN, bias=False)
        self.output = nn.Linear(HIDDEN, n_max)

    def forward(self, distances: Tensor) -> Logits:
        """Return logits of associations for distances, shape (batch, n, n)."""
        hidden = self.recurrent(distances.clamp_max(LARGEST))[0]
        # The attention is not scaled by the root of its width, as in the published code.
        weights = (self.query(hidden) @ self.key(hidden).transpose(1, 2)).softmax(dim=-1)
        pairs = self.output(torch.tanh(weights @ self.value(hidden)))
        return Logits(pairs, pairs.amax(dim=2), pairs.amax(dim=1))


class Hnet(TrainedNetwork):
    """The association of estimates with references as a trained network.

    It generates its own training data, see `distance_matrices`.

    Args:
        n_max: largest number of references, and of estimates.
    """

    name = "hnet"

    def __init__(self, *, n_max: int = 2) -> None:
        super().__init__(n_max=n_max)
        self.n_max = n_max
        self._validation: Matrices | None = None
        self._seed = 0

    def associations(self, distances: Tensor) -> Tensor:
        """Return the probability of each pair, differentiable in the distances.

        Args:
            distances: Euclidean, between unit vectors; 10 for each coordinate of what is missing.
                Shape (..., n_max, n_max).

        Raises:
            CellError: before `fit` and `load`.
            FormatError: if matrices have another size.
        """
        if distances.shape[-2:] != (self.n_max, self.n_max):
            raise FormatError(
                f"distances of shape {tuple(distances.shape)}",
                where=self.name,
                expected=f"{self.n_max} rows and columns, for which it was trained",
            )
        # cuDNN computes gradients through recurrent layers in training mode only, and in half
        # precision similar distances would be equal.
        exact = torch.autocast(distances.device.type, enabled=False)
        with torch.backends.cudnn.flags(enabled=False), exact:
            pairs: Tensor = self.network(distances.float().flatten(0, -3)).pairs
        return pairs.sigmoid().reshape(distances.shape)

    def freeze(self, device: torch.device) -> None:
        """Move the trained network to a device, and exclude its weights from learning."""
        self.network.to(device).requires_grad_(False)

    def configure(self, train: Dataset, scale: Scale) -> Config:
        """Return the number of rows and columns, and the scale."""
        del train
        return {"n_max": self.n_max, "scale": scale}

    def settings(self, scale: Scale) -> Settings:
        """Return the published batch; rates and epochs are ours (published: 1e-3, 1,000)."""
        return Settings(EPOCHS[scale], BLOCKS, 2e-3, schedule=Cosine())

    def build(self, config: Config, statistics: Statistics) -> nn.Module:
        """Return the network; statistics are not used."""
        del statistics
        return HnetNetwork(config["n_max"])

    def training_examples(self, train: Dataset, context: TrainingContext) -> ExampleSet:
        """Return blocks of generated matrices."""
        del train
        rng = np.random.default_rng([context.seed, 0])
        return _Blocks(generate(rng, self.n_max, SHARES[context.scale]))

    def begin_validation(self, validation: Dataset, context: TrainingContext) -> None:
        """Generate the matrices that choose the epoch."""
        del validation
        self._seed = context.seed
        self._validation = self._fresh(1)

    def _fresh(self, stream: int) -> Matrices:
        return generate(np.random.default_rng([self._seed, stream]), self.n_max, VALIDATED)

    def loss(self, network: nn.Module, batch: Batch, step: Step) -> Tensor:
        """Return the sum of three cross entropies: of pairs, of rows and of columns."""
        del step
        wanted = batch["associations"].flatten(0, 1).float()
        found = network(batch["distances"].flatten(0, 1))
        entropy = nn.functional.binary_cross_entropy_with_logits
        pairs, rows, columns = (each.float() for each in found)
        return (
            entropy(pairs, wanted)
            + entropy(rows, wanted.amax(dim=2))
            + entropy(columns, wanted.amax(dim=1))
        )

    def validate(self, network: nn.Module, device: torch.device) -> float:
        """Return the F1 score of pairs."""
        assert self._validation is not None, "set by `begin_validation`"
        return f1_score(*_found(network, self._validation, device))

    @property
    def higher_is_better(self) -> bool:
        """Return that the F1 score is better if higher."""
        return True

    def final_report(self, network: nn.Module, device: torch.device) -> dict[str, float]:
        """Return the F1 score of pairs on fresh matrices: of all, and by resolution."""
        fresh = self._fresh(2)
        found, wanted = _found(network, fresh, device)
        report = {"f1": f1_score(found, wanted)}
        for resolution in RESOLUTIONS:
            rows = fresh.resolutions == resolution
            report[f"f1_{resolution}deg"] = f1_score(found[rows], wanted[rows])
        return report


class _Blocks(ExampleSet):
    """Blocks of matrices as examples; the rest that fills no block is left out."""

    def __init__(self, matrices: Matrices) -> None:
        self.matrices = matrices

    def __len__(self) -> int:
        return len(self.matrices) // BLOCK

    def arrays(self, index: int) -> Arrays:
        rows = slice(index * BLOCK, (index + 1) * BLOCK)
        return {
            "distances": self.matrices.distances[rows],
            "associations": self.matrices.associations[rows],
        }


def _found(
    network: nn.Module, matrices: Matrices, device: torch.device
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which pairs the network finds, and which are right, shape (matrices, n, n)."""
    with torch.no_grad():
        pairs = network(torch.from_numpy(matrices.distances).to(device)).pairs
    return np.asarray((pairs > 0).cpu().numpy()), np.asarray(matrices.associations > 0)


def f1_score(found: NDArray[np.bool_], wanted: NDArray[np.bool_]) -> float:
    """Return the F1 score of found pairs, from 0 to 1."""
    hits = int((found & wanted).sum())
    return 2 * hits / max(int(found.sum()) + int(wanted.sum()), 1)
