"""Peak picking in correlations."""

import torch

from sslbench.acoustics.peaks import correlation_peaks


def test_the_vertex_of_a_parabola_is_found_exactly() -> None:
    lags = torch.arange(-5.0, 6.0, dtype=torch.float64)
    lag, height = correlation_peaks((1 - 0.01 * (lags - 1.3) ** 2)[None], 1)
    assert abs(float(lag) - 1.3) < 1e-9
    assert float(height) == 1 - 0.01 * (1 - 1.3) ** 2


def test_peaks_come_highest_first_and_nan_where_missing() -> None:
    row = torch.tensor([[0.0, 1, 0, 3, 0, 0, 2, 0, 0]])
    lags, heights = correlation_peaks(row, 4)
    assert lags[0, :3].tolist() == [-1, 2, -3]
    assert heights[0, :3].tolist() == [3, 2, 1]
    assert lags[0, 3].isnan()
    assert heights[0, 3].isnan()


def test_zero_and_negative_maxima_are_not_peaks() -> None:
    rows = torch.stack([torch.zeros(9), torch.tensor([-3.0, -2, -1, -2, -3, -3, -1, -2, -3])])
    assert correlation_peaks(rows, 2)[0].isnan().all()


def test_more_peaks_than_lags_can_be_requested() -> None:
    lags, _ = correlation_peaks(torch.tensor([[0.0, 1, 0]]), 5)
    assert lags.shape == (1, 5)
    assert int(lags.isfinite().sum()) == 1


def test_leading_dimensions_are_kept() -> None:
    values = torch.rand(2, 3, 21, generator=torch.Generator().manual_seed(0))
    lags, _ = correlation_peaks(values, 3)
    assert lags.shape == (2, 3, 3)
    torch.testing.assert_close(lags[1, 2], correlation_peaks(values[1, 2], 3)[0])
