"""Maps with a peak at each source: tight grid and heat map."""

import math

import pytest
import torch

from helpers.plane_cases import ROOM, decoded, errors, make, places, scattered


def test_the_published_map_extends_a_metre_beyond_the_room():
    points = make("hm").lattice.points(ROOM)[0, 0]
    torch.testing.assert_close(points, torch.linspace(-1, 7, 81, dtype=torch.float64))


def test_the_map_is_scaled_with_the_room():
    room = torch.tensor([[12.0, 3.0]], dtype=torch.float64)
    points = make("tg").lattice.points(room)[0]
    ends = torch.tensor([[-2.0, 14.0], [-0.5, 3.5]], dtype=torch.float64)
    torch.testing.assert_close(points[:, [0, -1]], ends)


@pytest.mark.parametrize(
    ("name", "options", "limit"),
    [
        # Half the diagonal of a cell of 0.1 m.
        ("tg", {"decoder": "improved"}, math.hypot(0.05, 0.05) + 1e-9),
        # Measured: at most 1.1 mm, caused by the tails of the other Gaussians; 0.4 mm without.
        ("hm", {}, 2e-3),
    ],
)
@pytest.mark.parametrize("sources", [1, 2, 3])
def test_an_ideal_map_gives_sources_at_a_distance_of_2_m(name, options, limit, sources):
    positions = scattered(100, sources)
    room = ROOM.expand(len(positions), 2)
    assert errors(decoded(name, positions, room, **options), positions).max() < limit


def test_an_ideal_map_gives_the_cells_with_the_baseline_decoder():
    positions = scattered(100, 2)
    found = decoded("tg", positions, ROOM.expand(100, 2), decoder="baseline")
    assert errors(found, positions).max() < math.hypot(0.05, 0.05) + 1e-9


def test_the_narrow_gaussians_of_feng_et_al_are_decoded():
    positions = scattered(100, 2)
    found = decoded("hm", positions, ROOM.expand(100, 2), variance=0.01)
    assert errors(found, positions).max() < 0.005


def test_hm_has_no_bias_towards_the_points_of_the_map():
    x = torch.linspace(2, 2.1, 21, dtype=torch.float64)
    positions = torch.stack([x, 4.3 - x], -1)[:, None]
    found = decoded("hm", positions, ROOM.expand(21, 2))
    # With a fixed window the bias is 32 mm.
    assert (found - positions).abs().max() < 5e-4
    # The remaining errors have both signs.
    assert (found - positions).mean().abs() < 2e-5


def test_only_the_baseline_decoder_returns_several_cells_of_a_source():
    output = torch.full((1, 1, 81, 81), -9.0)
    output[0, 0, 30, 30:33] = torch.tensor([2.0, 3.0, 2.5])
    baseline = make("tg", decoder="baseline").decode(output, ROOM, 2)
    improved = make("tg").decode(output, ROOM, 2)
    torch.testing.assert_close(baseline, torch.tensor([[[2.1, 2.0], [2.2, 2.0]]]))
    assert improved.isnan().all(-1).tolist() == [[False, True]]


def test_saturated_neighbouring_cells_give_one_estimate():
    output = torch.full((1, 1, 81, 81), -99.0)
    output[0, 0, 28:33, 40:45] = 99.0
    found = make("tg").decode(output, ROOM, 2)
    assert (found[0, 0] - torch.tensor([3.2, 2.0])).abs().max() <= 0.21
    assert found[0, 1].isnan().all()


def test_a_peak_below_the_threshold_is_not_detected():
    representation, positions = make("hm"), places((2.0, 3.0))
    target = representation.target(positions, ROOM)
    assert representation.decode(0.58 * target, ROOM, 1).isnan().all()
    assert not representation.decode(0.62 * target, ROOM, 1).isnan().any()


def test_the_threshold_can_be_chosen():
    target = make("hm").target(places((2.0, 3.0)), ROOM)
    assert not make("hm", threshold=0.3).decode(0.4 * target, ROOM, 1).isnan().any()


def test_the_loss_of_tg_is_a_weighted_sum_over_cells():
    representation, output = make("tg", cells=2), torch.zeros(1, 1, 2, 2)
    output[0, 0, 0, 1] = 2.0
    softplus = math.log1p(math.exp(-2.0))
    expected = softplus + 0.01 * 3 * math.log(2)
    assert representation.loss(output, places((4.0, 1.0)), ROOM).item() == pytest.approx(expected)


def test_two_sources_in_one_cell_of_tg_count_once():
    assert make("tg").target(places((2.0, 2.0), (2.01, 2.01)), ROOM).sum() == 1


def test_the_target_of_hm_is_the_maximum_of_gaussians():
    target = make("hm").target(places((1.0, 2.0), (1.0, 4.03)), ROOM)[0, 0]
    for row, column in [(30, 20), (34, 26), (41, 20), (50, 22)]:
        x, y = column / 10 - 1, row / 10 - 1
        distance = min(math.hypot(x - 1, y - 2), math.hypot(x - 1, y - 4.03))
        assert target[row, column].item() == pytest.approx(math.exp(-(distance**2) / 0.2))


def test_the_loss_of_hm_is_a_mean_over_cells():
    representation, positions = make("hm"), places((1.0, 2.0))
    output = representation.target(positions, ROOM)
    output[0, 0, 0, 0] += 3.0
    assert representation.loss(output, positions, ROOM).item() == pytest.approx(9 / 81**2)


def test_a_gaussian_narrower_than_a_cell_has_a_height_of_1_at_its_cell():
    target = make("hm", cells=6, variance=0.01).target(places((2.0, 3.1), (5.4, 5.6)), ROOM)
    assert target[0, 0, 3, [1, 2]].tolist() == [1, 1]
    assert target[0, 0, 5, 5] == 1


@pytest.mark.parametrize("cells", [2, 4, 8, 16])
@pytest.mark.parametrize("variance", [0.1, 0.01])
def test_hm_on_cells_is_more_accurate_than_their_centres(cells, variance):
    positions = scattered(500, 1, 4.0)
    room = torch.full((500, 2), 4.0).double()
    found = decoded("hm", positions, room, cells=cells, variance=variance)
    quantised = decoded("onehot", positions, room, cells=cells)
    assert errors(found, positions).mean() < errors(quantised, positions).mean()
