"""A metric of one's own."""

import numpy as np

from sslbench.contracts import Metric
from sslbench.scene import Tracks


class HeightError(Metric):
    r"""Mean absolute error of the height, in metres: $\sum |z - \hat z| / n$.

    Tracks are compared in their order, and only where both are active.
    """

    def components(self, prediction: Tracks, truth: Tracks) -> np.ndarray:
        """Return the summed error and the number of compared tracks of each frame."""
        both = prediction.active[:, :1] & truth.active[:, :1]
        error = np.abs(prediction.xyz[:, :1, 2] - truth.xyz[:, :1, 2])
        return np.stack([np.where(both, error, 0).sum(axis=1), both.sum(axis=1)], axis=1)

    def value(self, rows: np.ndarray) -> float:
        """Return the pooled mean; NaN if nothing was compared."""
        total, count = rows.sum(axis=0)
        return float(total / count) if count else float("nan")
