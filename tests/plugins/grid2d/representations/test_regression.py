"""Cells with the position of the source within each."""

import math

import pytest
import torch

from helpers.plane_cases import ROOM, decoded, errors, ideal, make, places, scattered


@pytest.mark.parametrize("cells", [1, 3, 6, 16])
def test_rg_is_exact(cells):
    positions = scattered(200, 1)
    found = decoded("rg", positions, ROOM.expand(200, 2), cells=cells)
    assert errors(found, positions).max() < 1e-9


@pytest.mark.parametrize("sources", [2, 3])
def test_rg_is_exact_for_sources_2_m_apart_even_in_cells_that_touch(sources):
    positions = torch.cat([scattered(300, sources)[:, :2], places((0.1, 0.1), (1.6, 1.6))])
    room = ROOM.expand(len(positions), 2)
    assert errors(decoded("rg", positions, room), positions).max() < 1e-9


def test_rg_gives_one_estimate_for_a_source_on_an_edge():
    representation = make("rg")
    output = ideal("rg", representation.target(places((1.98, 2.5)), ROOM))
    # The cell beyond the edge is active too, with the source at its own edge.
    output[0, :, 2, 2] = torch.tensor([3.0, -4.0, 0.0])
    found = representation.decode(output, ROOM, 2)
    torch.testing.assert_close(found[0, 0], torch.tensor([1.98, 2.5], dtype=torch.float64))
    assert found[0, 1].isnan().all()


def test_the_loss_of_rg_includes_positions_in_active_cells_only():
    representation, output = make("rg", cells=2), torch.zeros(1, 3, 2, 2)
    output[0, 1:] = torch.tensor([0.3, -0.7])[:, None, None]
    dx, dy = 1 / (1 + math.exp(-0.3)) - 0.25, 1 / (1 + math.exp(0.7)) - 2 / 3
    expected = math.log(2) * (1 + 0.25 * 3) + 10 * (dx**2 + dy**2)
    assert representation.loss(output, places((0.75, 5.0)), ROOM).item() == pytest.approx(expected)


def test_rg_represents_the_first_of_two_sources_in_a_cell():
    target = make("rg").target(places((2.2, 2.2), (2.6, 2.7)), ROOM)
    torch.testing.assert_close(target[0, :, 2, 2], torch.tensor([1, 0.2, 0.2], dtype=torch.float64))
