"""A metric for the height of estimated positions."""

import numpy as np
from numpy.typing import NDArray

from sslbench.contracts import Metric
from sslbench.scene import Tracks


class HeightError(Metric):
    r"""Mean absolute error of the height in metres, $\frac{1}{n} \sum |z - \hat z|$.

    The first track of the prediction is compared with the first track of the ground truth, in the
    n frames in which both are active.
    """

    def components(self, prediction: Tracks, truth: Tracks) -> NDArray[np.float64]:
        """Return the absolute error and the number of comparisons per frame, shape (frames, 2)."""
        # Slices, not indices: a prediction or a ground truth may have no track at all.
        both = prediction.active[:, :1] & truth.active[:, :1]
        error = np.abs(prediction.xyz[:, :1, 2] - truth.xyz[:, :1, 2])
        return np.stack([np.where(both, error, 0.0).sum(axis=1), both.sum(axis=1)], axis=1)

    def value(self, rows: NDArray[np.float64]) -> float:
        """Return the mean over all compared frames, NaN if there are none."""
        total, count = rows.sum(axis=0)
        return float(total / count) if count else float("nan")
