"""Five ways to say where sources are on the plane of a room."""

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sslbench.errors import FormatError, ParameterError, UnknownNameError
from sslbench_grid2d.representations import NAMES, Options, make_representation
from sslbench_grid2d.representations.peaks import greedy_peaks, local_maxima, smooth

NAN = float("nan")
ROOM = torch.tensor([[6.0, 6.0]], dtype=torch.float64)


def make(name, **options):
    return make_representation(name, Options(**options))


def places(*positions):
    return torch.tensor([positions], dtype=torch.float64)


def ideal(name, target):
    """Return the raw output of a perfect network."""
    if name == "hm":
        return target
    return target.log() if name in {"onehot", "uld"} else target.logit().clamp(-40, 40)


def decoded(name, positions, room=ROOM, sources=None, **options):
    representation = make(name, **options)
    output = ideal(name, representation.target(positions, room))
    return representation.decode(output, room, sources or positions.shape[1])


def errors(found, positions):
    """Return the distances in metres of the best assignment, (batch, sources)."""
    distance = torch.cdist(found, positions)
    orders = list(itertools.permutations(range(positions.shape[1])))
    each = torch.stack([distance[:, torch.arange(len(o)), list(o)] for o in orders], 1)
    return each[torch.arange(len(each)), each.sum(-1).argmin(1)]


def scattered(count, sources, room=6.0, apart=2.0, seed=0):
    """Draw positions that are at least so far apart."""
    drawn = torch.rand(
        40 * count, sources, 2, dtype=torch.float64, generator=torch.manual_seed(seed)
    )
    distance = torch.cdist(drawn * room, drawn * room) + 99 * torch.eye(sources)
    return (drawn * room)[distance.flatten(1).amin(1) >= apart][:count]


# --- what every one of them keeps ---------------------------------------------------------------

SHAPES = {"tg": (1, 81), "hm": (1, 81), "rg": (3, 6), "onehot": (2, 6), "uld": (2, 7)}


@pytest.mark.parametrize("name", NAMES)
def test_the_papers_own_grids_have_their_sizes(name):
    representation = make(name, sources=2)
    assert (representation.channels, representation.size) == SHAPES[name]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("cells", [1, 2, 8, 16])
def test_any_resolution_is_possible(name, cells):
    representation = make(name, cells=cells)
    assert representation.size == cells + (name == "uld")
    output = torch.randn(2, representation.channels, *[representation.size] * 2)
    room = torch.tensor([[4.0, 7.0], [10.0, 5.0]])
    assert torch.isfinite(representation.loss(output, torch.full((2, 1, 2), 3.0), room))
    assert representation.decode(output, room, 1).shape == (2, 1, 2)


@pytest.mark.parametrize("name", NAMES)
def test_a_gradient_reaches_every_channel(name):
    representation = make(name, sources=2)
    shape = (2, representation.channels, representation.size, representation.size)
    output = torch.randn(shape, generator=torch.manual_seed(0), requires_grad=True)
    positions = torch.tensor([[[1.0, 2.0], [4.2, 5.1]], [[3.0, 3.3], [NAN, NAN]]])
    loss = representation.loss(output, positions, torch.full((2, 2), 6.0))
    loss.backward()
    assert loss.shape == ()
    assert torch.isfinite(output.grad).all()
    assert (output.grad.abs().sum((0, 2, 3)) > 0).all()


@pytest.mark.parametrize("name", NAMES)
def test_the_loss_falls_to_that_of_a_perfect_output(name):
    representation, positions = make(name, sources=2), places((1.3, 2.2), (4.7, 4.1))
    target = representation.target(positions, ROOM)
    start = torch.zeros_like(target)
    perfect = ideal(name, target).clamp(-40, 40)
    least = representation.loss(perfect, positions, ROOM)
    assert least < 0.5 * representation.loss(start, positions, ROOM)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_the_answer_has_the_precision_of_the_output_but_never_half(name, dtype):
    representation = make(name)
    output = torch.zeros(1, representation.channels, *[representation.size] * 2, dtype=dtype)
    expected = torch.float64 if dtype == torch.float64 else torch.float32
    assert representation.loss(output, places((1.0, 2.0)), ROOM).dtype == expected
    assert representation.decode(output, ROOM, 1).dtype == expected


@pytest.mark.parametrize("name", NAMES)
def test_mixed_precision_does_not_change_the_loss(name):
    representation = make(name)
    output = torch.randn(1, representation.channels, *[representation.size] * 2)
    loss = representation.loss(output, places((1.0, 2.0)), ROOM)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(representation.loss(output, places((1.0, 2.0)), ROOM), loss)


@pytest.mark.parametrize("name", NAMES)
def test_a_likelihood_is_a_share_and_highest_at_the_source(name):
    representation = make(name, sources=2)
    shape = (3, representation.channels, representation.size, representation.size)
    noise = representation.likelihood(5 * torch.randn(shape))
    assert noise.shape == (3, representation.size, representation.size)
    assert noise.min() >= 0
    assert noise.max() <= 1
    positions = places((1.1, 4.9))
    target = representation.target(positions.expand(1, 2, 2), ROOM)
    likelihood = representation.likelihood(ideal(name, target))[0]
    row, column = divmod(int(likelihood.argmax()), representation.size)
    points = representation.lattice.points(ROOM)[0]
    assert abs(points[0, column] - 1.1) <= 0.5
    assert abs(points[1, row] - 4.9) <= 0.5


@pytest.mark.parametrize("name", NAMES)
def test_x_is_along_the_last_axis_and_y_along_the_one_before(name):
    representation = make(name)
    target = representation.target(places((5.9, 0.1)), ROOM)[0, 0]
    row, column = divmod(int(target.argmax()), representation.size)
    assert row < representation.size / 3 < 2 * representation.size / 3 < column


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("x", [0.0, 6.0, -5e-7, 6.0 + 5e-7])
def test_a_source_on_a_wall_is_represented(name, x):
    found = decoded(name, places((x, 6.0)))
    limit = math.sqrt(0.5) + 1e-6 if name == "onehot" else 1e-3
    assert errors(found, places((x, 6.0))).max() <= limit


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("wrong", [(6.001, 1.0), (1.0, -0.1), (NAN, 1.0), (math.inf, 1.0)])
def test_a_position_outside_the_room_is_refused(name, wrong):
    with pytest.raises(
        FormatError, match=r"position \(.*\) m is outside the room of 6 x 6"
    ) as found:
        make(name).target(places((1.0, 1.0), wrong), ROOM)
    assert "source 1" in found.value.where
    assert "corner of the room" in found.value.hint


@pytest.mark.parametrize("name", NAMES)
def test_an_output_of_another_size_is_refused(name):
    with pytest.raises(FormatError, match="an output of shape"):
        make(name).decode(torch.zeros(1, 1, 5, 5), ROOM, 1)


@pytest.mark.parametrize("name", NAMES)
def test_labels_of_another_batch_are_refused(name):
    representation = make(name)
    output = torch.zeros(3, representation.channels, representation.size, representation.size)
    with pytest.raises(FormatError, match="labels of a batch of 3"):
        representation.loss(output, places((1.0, 1.0)), ROOM)


@pytest.mark.parametrize("name", ["tg", "hm", "rg"])
def test_no_source_is_no_answer(name):
    assert decoded(name, places((NAN, NAN)), sources=2).isnan().all()


@pytest.mark.parametrize("name", NAMES)
def test_items_of_rooms_of_their_own_do_not_mix(name):
    room = torch.tensor([[4.0, 9.0], [10.0, 5.0]], dtype=torch.float64)
    positions = torch.tensor([[[3.1, 8.2]], [[7.7, 1.4]]], dtype=torch.float64)
    together = decoded(name, positions, room)
    alone = [decoded(name, p[None], r[None]) for p, r in zip(positions, room, strict=True)]
    torch.testing.assert_close(together, torch.cat(alone))


def test_an_unknown_name_is_refused():
    with pytest.raises(UnknownNameError, match="no representation 'ul'"):
        make("ul")


@pytest.mark.parametrize(
    ("name", "value"),
    [("cells", -1), ("variance", 0.0), ("decoder", "best"), ("threshold", 1.5), ("pitch", NAN)],
)
def test_an_option_out_of_bounds_is_refused(name, value):
    with pytest.raises(ParameterError, match=f"parameter {name}={value} is not allowed"):
        Options(**{name: value})


# --- tg and hm ------------------------------------------------------------------------------------


def test_the_papers_map_goes_a_metre_beyond_the_room():
    points = make("hm").lattice.points(ROOM)[0, 0]
    torch.testing.assert_close(points, torch.linspace(-1, 7, 81, dtype=torch.float64))


def test_the_map_of_another_room_is_scaled():
    room = torch.tensor([[12.0, 3.0]], dtype=torch.float64)
    points = make("tg").lattice.points(room)[0]
    ends = torch.tensor([[-2.0, 14.0], [-0.5, 3.5]], dtype=torch.float64)
    torch.testing.assert_close(points[:, [0, -1]], ends)


@pytest.mark.parametrize(
    ("name", "options", "limit"),
    [
        # Half the diagonal of a cell of 0.1 m.
        ("tg", {"decoder": "improved"}, math.hypot(0.05, 0.05) + 1e-9),
        # Measured: 1.1 mm at most, from the tails of the other bumps, and 0.4 mm without others.
        ("hm", {}, 2e-3),
    ],
)
@pytest.mark.parametrize("sources", [1, 2, 3])
def test_a_perfect_map_gives_sources_2_m_apart(name, options, limit, sources):
    positions = scattered(100, sources)
    room = ROOM.expand(len(positions), 2)
    assert errors(decoded(name, positions, room, **options), positions).max() < limit


def test_a_perfect_map_of_the_baseline_gives_the_cells():
    positions = scattered(100, 2)
    found = decoded("tg", positions, ROOM.expand(100, 2), decoder="baseline")
    assert errors(found, positions).max() < math.hypot(0.05, 0.05) + 1e-9


def test_feng_s_narrow_bump_is_found_too():
    positions = scattered(100, 2)
    found = decoded("hm", positions, ROOM.expand(100, 2), variance=0.01)
    assert errors(found, positions).max() < 0.005


def test_hm_has_no_bias_towards_the_points_of_the_map():
    x = torch.linspace(2, 2.1, 21, dtype=torch.float64)
    positions = torch.stack([x, 4.3 - x], -1)[:, None]
    found = decoded("hm", positions, ROOM.expand(21, 2))
    # A window that stays at the point pulls by 32 mm.
    assert (found - positions).abs().max() < 5e-4
    # What is left pulls to either side alike.
    assert (found - positions).mean().abs() < 2e-5


def test_the_baseline_may_answer_twice_for_a_source_and_the_improved_does_not():
    output = torch.full((1, 1, 81, 81), -9.0)
    output[0, 0, 30, 30:33] = torch.tensor([2.0, 3.0, 2.5])
    baseline = make("tg", decoder="baseline").decode(output, ROOM, 2)
    improved = make("tg").decode(output, ROOM, 2)
    torch.testing.assert_close(baseline, torch.tensor([[[2.1, 2.0], [2.2, 2.0]]]))
    assert improved.isnan().all(-1).tolist() == [[False, True]]


def test_saturated_neighbours_are_one_answer():
    output = torch.full((1, 1, 81, 81), -99.0)
    output[0, 0, 28:33, 40:45] = 99.0
    found = make("tg").decode(output, ROOM, 2)
    assert (found[0, 0] - torch.tensor([3.2, 2.0])).abs().max() <= 0.21
    assert found[0, 1].isnan().all()


def test_a_bump_below_the_threshold_is_no_source():
    representation, positions = make("hm"), places((2.0, 3.0))
    target = representation.target(positions, ROOM)
    assert representation.decode(0.58 * target, ROOM, 1).isnan().all()
    assert not representation.decode(0.62 * target, ROOM, 1).isnan().any()


def test_the_threshold_can_be_chosen():
    target = make("hm").target(places((2.0, 3.0)), ROOM)
    assert not make("hm", threshold=0.3).decode(0.4 * target, ROOM, 1).isnan().any()


def test_the_loss_of_tg_is_a_weighted_sum():
    representation, output = make("tg", cells=2), torch.zeros(1, 1, 2, 2)
    output[0, 0, 0, 1] = 2.0
    softplus = math.log1p(math.exp(-2.0))
    expected = softplus + 0.01 * 3 * math.log(2)
    assert representation.loss(output, places((4.0, 1.0)), ROOM).item() == pytest.approx(expected)


def test_two_sources_in_a_cell_of_tg_are_one():
    assert make("tg").target(places((2.0, 2.0), (2.01, 2.01)), ROOM).sum() == 1


def test_the_target_of_hm_is_the_highest_of_gaussians():
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


def test_a_bump_narrower_than_a_cell_is_not_lost_between_centres():
    target = make("hm", cells=6, variance=0.01).target(places((2.0, 3.1), (5.4, 5.6)), ROOM)
    assert target[0, 0, 3, [1, 2]].tolist() == [1, 1]
    assert target[0, 0, 5, 5] == 1


@pytest.mark.parametrize("cells", [2, 4, 8, 16])
@pytest.mark.parametrize("variance", [0.1, 0.01])
def test_hm_on_cells_is_nearer_than_their_centres(cells, variance):
    positions = scattered(500, 1, 4.0)
    room = torch.full((500, 2), 4.0).double()
    found = decoded("hm", positions, room, cells=cells, variance=variance)
    quantised = decoded("onehot", positions, room, cells=cells)
    assert errors(found, positions).mean() < errors(quantised, positions).mean()


# --- rg -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cells", [1, 3, 6, 16])
def test_rg_gives_a_source_back(cells):
    positions = scattered(200, 1)
    assert (
        errors(decoded("rg", positions, ROOM.expand(200, 2), cells=cells), positions).max() < 1e-9
    )


@pytest.mark.parametrize("sources", [2, 3])
def test_rg_gives_sources_2_m_apart_back_from_cells_that_touch_too(sources):
    positions = torch.cat([scattered(300, sources)[:, :2], places((0.1, 0.1), (1.6, 1.6))])
    room = ROOM.expand(len(positions), 2)
    assert errors(decoded("rg", positions, room), positions).max() < 1e-9


def test_rg_gives_one_answer_for_a_source_on_an_edge():
    representation = make("rg")
    output = ideal("rg", representation.target(places((1.98, 2.5)), ROOM))
    # The cell beyond the edge is active too, and says that the source is at its own edge.
    output[0, :, 2, 2] = torch.tensor([3.0, -4.0, 0.0])
    found = representation.decode(output, ROOM, 2)
    torch.testing.assert_close(found[0, 0], torch.tensor([1.98, 2.5], dtype=torch.float64))
    assert found[0, 1].isnan().all()


def test_the_loss_of_rg_counts_places_in_active_cells_only():
    representation, output = make("rg", cells=2), torch.zeros(1, 3, 2, 2)
    output[0, 1:] = torch.tensor([0.3, -0.7])[:, None, None]
    dx, dy = 1 / (1 + math.exp(-0.3)) - 0.25, 1 / (1 + math.exp(0.7)) - 2 / 3
    expected = math.log(2) * (1 + 0.25 * 3) + 10 * (dx**2 + dy**2)
    assert representation.loss(output, places((0.75, 5.0)), ROOM).item() == pytest.approx(expected)


def test_of_two_sources_in_a_cell_rg_keeps_the_first():
    target = make("rg").target(places((2.2, 2.2), (2.6, 2.7)), ROOM)
    torch.testing.assert_close(target[0, :, 2, 2], torch.tensor([1, 0.2, 0.2], dtype=torch.float64))


# --- onehot and uld -------------------------------------------------------------------------------


@pytest.mark.parametrize(("cells", "side"), [(6, 6.0), (16, 8.0)])
def test_the_error_of_onehot_is_that_of_its_cells(cells, side):
    positions, room = scattered(20_000, 1, side), torch.full((20_000, 2), side)
    found = decoded("onehot", positions, room.double(), cells=cells)
    # The mean distance from the centre of a unit square is (sqrt(2) + asinh(1)) / 6.
    expected = (math.sqrt(2) + math.asinh(1)) / 6 * side / cells
    assert errors(found, positions).mean().item() == pytest.approx(expected, abs=0.005)


@settings(max_examples=300, deadline=None)
@given(
    share=st.tuples(*[st.floats(0, 1)] * 2),
    sides=st.tuples(*[st.floats(0.5, 20)] * 2),
    cells=st.integers(1, 40),
)
def test_uld_loses_nothing_anywhere(share, sides, cells):
    room = torch.tensor([sides], dtype=torch.float64)
    positions = (room * torch.tensor(share, dtype=torch.float64))[:, None]
    assert (decoded("uld", positions, room, cells=cells) - positions).abs().max() < 1e-6


@pytest.mark.parametrize("cells", [1, 2, 4, 6, 8, 16])
def test_uld_loses_nothing_on_walls_and_grid_lines(cells):
    room = torch.tensor([[6.0, 9.7]], dtype=torch.float64)
    lines = torch.linspace(0, 1, 2 * cells + 1, dtype=torch.float64)
    positions = torch.cartesian_prod(lines, lines)[:, None] * room
    found = decoded("uld", positions, room.expand(len(positions), 2), cells=cells)
    assert (found - positions).abs().max() < 1e-12


def test_uld_loses_under_a_hundredth_of_a_millimetre_in_single_precision():
    positions = scattered(2000, 1, 10.0)
    found = decoded("uld", positions.float(), torch.full((2000, 2), 10.0), cells=16)
    assert (found - positions).abs().max() < 1e-5


def test_the_labels_of_uld_are_those_of_the_paper():
    target = make("uld").target(places((2.3, 6.0)), ROOM)[0, 0]
    expected = torch.zeros(7, 7, dtype=torch.float64)
    expected[6, 2], expected[6, 3] = 0.7, 0.3
    torch.testing.assert_close(target, expected)


def test_a_symmetric_probability_decodes_to_its_middle():
    marginal = torch.tensor([0, 0.25, 0.5, 0.25, 0, 0, 0])
    output = (marginal[:, None] * marginal).log()[None, None]
    assert make("uld").decode(output, ROOM, 1).tolist() == [[[2.0, 2.0]]]


def test_beyond_the_wall_there_is_no_probability():
    marginal = torch.tensor([0.5, 0.25, 0, 0, 0, 0, 0.25])
    output = (marginal[:, None] * marginal).log()[None, None]
    torch.testing.assert_close(make("uld").decode(output, ROOM, 1), torch.full((1, 1, 2), 1 / 3))


def test_the_loss_of_uld_is_the_cross_entropy_of_its_labels():
    output = torch.arange(4.0).reshape(1, 1, 2, 2)
    logs = [value - math.log(sum(map(math.exp, range(4)))) for value in range(4)]
    labels = [0.75 * 0.5, 0.25 * 0.5, 0.75 * 0.5, 0.25 * 0.5]
    expected = -sum(label * log for label, log in zip(labels, logs, strict=True))
    loss = make("uld", cells=1).loss(output, places((1.5, 3.0)), ROOM)
    assert loss.item() == pytest.approx(expected)


@pytest.mark.parametrize("name", ["onehot", "uld"])
def test_the_order_of_sources_does_not_change_the_loss(name):
    representation = make(name, sources=3)
    output = torch.randn(4, 3, representation.size, representation.size).double()
    positions = 6 * torch.rand(4, 3, 2).double()
    room = ROOM.expand(4, 2)
    losses = {
        round(representation.loss(output, positions[:, list(order)], room).item(), 9)
        for order in itertools.permutations(range(3))
    }
    assert len(losses) == 1


@pytest.mark.parametrize("name", ["onehot", "uld"])
def test_the_loss_is_that_of_the_best_assignment(name):
    representation, single = make(name, sources=3), make(name)
    output = torch.randn(1, 3, representation.size, representation.size).double()
    positions = places((1.0, 2.0), (5.0, 2.2), (3.3, 4.4))
    expected = min(
        sum(single.loss(output[:, [m]], positions[:, [s]], ROOM) for m, s in enumerate(order))
        for order in itertools.permutations(range(3))
    )
    torch.testing.assert_close(representation.loss(output, positions, ROOM), expected)


@pytest.mark.parametrize("name", ["onehot", "uld"])
def test_a_source_that_is_not_there_costs_nothing(name):
    representation, single = make(name, sources=2), make(name)
    output = torch.randn(1, 2, representation.size, representation.size).double()
    expected = min(single.loss(output[:, [m]], places((1.0, 2.0)), ROOM) for m in range(2))
    for positions in [places((1.0, 2.0)), places((NAN, NAN), (1.0, 2.0))]:
        torch.testing.assert_close(representation.loss(output, positions, ROOM), expected)


@pytest.mark.parametrize("sources", [2, 3])
def test_uld_gives_several_sources_back(sources):
    representation, positions = make("uld", sources=sources), scattered(100, sources)
    room = ROOM.expand(100, 2)
    output = representation.target(positions, room).log()
    assert errors(representation.decode(output, room, sources), positions).max() < 1e-9


@pytest.mark.parametrize("name", ["onehot", "uld"])
def test_more_sources_than_maps_are_refused_in_training_and_left_open_in_an_answer(name):
    representation = make(name, sources=2)
    positions = places((1.0, 1.0), (NAN, NAN), (2.0, 2.0), (3.0, 3.0))
    with pytest.raises(FormatError, match="3 sources at once"):
        representation.target(positions, ROOM)
    output = torch.randn(1, 2, representation.size, representation.size)
    assert representation.decode(output, ROOM, 3).isnan().all(-1).tolist() == [[False, False, True]]


@pytest.mark.parametrize("name", ["onehot", "uld"])
def test_too_many_maps_are_refused(name):
    with pytest.raises(ParameterError, match="parameter sources=4"):
        make(name, sources=4)


# --- peaks ----------------------------------------------------------------------------------------


def test_matched_smoothing_keeps_the_height_and_the_other_the_sum():
    points = torch.linspace(0, 4, 41, dtype=torch.float64).expand(1, 2, 41)
    squared = (points[0, 0] - 2) ** 2
    bump = torch.exp(-(squared[:, None] + squared) / 0.1)[None]
    assert smooth(bump, points, 0.05, matched=True).amax().item() == pytest.approx(1)
    summed = smooth(bump, points, 0.05, matched=False).sum()
    assert summed.item() == pytest.approx(bump.sum().item())


def test_smoothing_keeps_what_is_even_up_to_the_border():
    points = torch.arange(9.0).expand(1, 2, 9)
    even = torch.ones(1, 9, 9)
    torch.testing.assert_close(smooth(even, points, 2.0, matched=False), even)


def test_smoothing_follows_the_spacing_of_each_axis():
    points = torch.stack([torch.arange(9.0), 100 * torch.arange(9.0)])[None]
    lone = torch.zeros(1, 9, 9)
    lone[0, 4, 4] = 1
    smoothed = smooth(lone, points, 1.0, matched=False)[0]
    assert smoothed[4, 5] > 0.2
    assert smoothed[5, 4] == 0


def test_a_maximum_is_no_lower_than_its_neighbours():
    maps = torch.tensor([[[0.0, 1, 2], [0, 0, 0], [3, 0, 1]]])
    assert torch.isfinite(local_maxima(maps)).nonzero()[:, 1:].tolist() == [[0, 2], [2, 0], [2, 2]]


def test_what_is_close_to_a_higher_peak_is_struck_out():
    scores = torch.tensor([[0.5, 0.9, 0.8, 0.1]])
    line = torch.tensor([[0.0, 0.0], [3.0, 0.0], [3.5, 0.0], [9.0, 0.0]])
    found, at = greedy_peaks(scores, line, 3, radius=1.0)
    torch.testing.assert_close(found, torch.tensor([[0.9, 0.5, 0.1]]))
    assert at[0, :, 0].tolist() == [3, 0, 9]
