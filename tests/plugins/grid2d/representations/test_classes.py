"""Classes, with one map per source."""

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.plane_cases import NAN, ROOM, decoded, errors, make, places, scattered
from sslbench.errors import FormatError, ParameterError


@pytest.mark.parametrize(("cells", "side"), [(6, 6.0), (16, 8.0)])
def test_the_error_of_onehot_is_the_quantization_error_of_its_cells(cells, side):
    positions, room = scattered(20_000, 1, side), torch.full((20_000, 2), side)
    found = decoded("onehot", positions, room.double(), cells=cells)
    # The mean distance from the centre of a unit square is (sqrt(2) + asinh(1)) / 6.
    expected = (math.sqrt(2) + math.asinh(1)) / 6 * side / cells
    assert errors(found, positions).mean().item() == pytest.approx(expected, abs=0.005)


@settings(max_examples=300)
@given(
    fraction=st.tuples(*[st.floats(0, 1)] * 2),
    sides=st.tuples(*[st.floats(0.5, 20)] * 2),
    cells=st.integers(1, 40),
)
def test_uld_is_exact_at_any_position(fraction, sides, cells):
    room = torch.tensor([sides], dtype=torch.float64)
    positions = (room * torch.tensor(fraction, dtype=torch.float64))[:, None]
    assert (decoded("uld", positions, room, cells=cells) - positions).abs().max() < 1e-6


@pytest.mark.parametrize("cells", [1, 2, 4, 6, 8, 16])
def test_uld_is_exact_on_walls_and_grid_lines(cells):
    room = torch.tensor([[6.0, 9.7]], dtype=torch.float64)
    lines = torch.linspace(0, 1, 2 * cells + 1, dtype=torch.float64)
    positions = torch.cartesian_prod(lines, lines)[:, None] * room
    found = decoded("uld", positions, room.expand(len(positions), 2), cells=cells)
    assert (found - positions).abs().max() < 1e-12


def test_uld_is_exact_to_a_hundredth_of_a_millimetre_in_single_precision():
    positions = scattered(2000, 1, 10.0)
    found = decoded("uld", positions.float(), torch.full((2000, 2), 10.0), cells=16)
    assert (found - positions).abs().max() < 1e-5


def test_the_labels_of_uld_follow_the_paper():
    target = make("uld").target(places((2.3, 6.0)), ROOM)[0, 0]
    expected = torch.zeros(7, 7, dtype=torch.float64)
    expected[6, 2], expected[6, 3] = 0.7, 0.3
    torch.testing.assert_close(target, expected)


def test_a_symmetric_distribution_decodes_to_its_centre():
    marginal = torch.tensor([0, 0.25, 0.5, 0.25, 0, 0, 0])
    output = (marginal[:, None] * marginal).log()[None, None]
    assert make("uld").decode(output, ROOM, 1).tolist() == [[[2.0, 2.0]]]


def test_neighbours_beyond_the_wall_count_as_0():
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
def test_the_loss_is_the_one_of_the_best_assignment(name):
    representation, single = make(name, sources=3), make(name)
    output = torch.randn(1, 3, representation.size, representation.size).double()
    positions = places((1.0, 2.0), (5.0, 2.2), (3.3, 4.4))
    expected = min(
        sum(single.loss(output[:, [m]], positions[:, [s]], ROOM) for m, s in enumerate(order))
        for order in itertools.permutations(range(3))
    )
    torch.testing.assert_close(representation.loss(output, positions, ROOM), expected)


@pytest.mark.parametrize("name", ["onehot", "uld"])
def test_a_missing_source_does_not_add_to_the_loss(name):
    representation, single = make(name, sources=2), make(name)
    output = torch.randn(1, 2, representation.size, representation.size).double()
    expected = min(single.loss(output[:, [m]], places((1.0, 2.0)), ROOM) for m in range(2))
    for positions in [places((1.0, 2.0)), places((NAN, NAN), (1.0, 2.0))]:
        torch.testing.assert_close(representation.loss(output, positions, ROOM), expected)


@pytest.mark.parametrize("sources", [2, 3])
def test_uld_is_exact_for_several_sources(sources):
    representation, positions = make("uld", sources=sources), scattered(100, sources)
    room = ROOM.expand(100, 2)
    output = representation.target(positions, room).log()
    assert errors(representation.decode(output, room, sources), positions).max() < 1e-9


@pytest.mark.parametrize("name", ["onehot", "uld"])
def test_more_sources_than_maps_are_an_error_in_training_and_nan_in_decoding(name):
    representation = make(name, sources=2)
    positions = places((1.0, 1.0), (NAN, NAN), (2.0, 2.0), (3.0, 3.0))
    with pytest.raises(FormatError, match="3 simultaneous sources"):
        representation.target(positions, ROOM)
    output = torch.randn(1, 2, representation.size, representation.size)
    assert representation.decode(output, ROOM, 3).isnan().all(-1).tolist() == [[False, False, True]]


@pytest.mark.parametrize("name", ["onehot", "uld"])
def test_too_many_maps_are_an_error(name):
    with pytest.raises(ParameterError, match="parameter sources=4"):
        make(name, sources=4)
