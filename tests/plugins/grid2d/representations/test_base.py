"""Properties that all representations have in common."""

import math

import pytest
import torch

from helpers.plane_cases import NAN, ROOM, decoded, errors, ideal, make, places
from sslbench.errors import FormatError, ParameterError, UnknownNameError
from sslbench_grid2d.representations import NAMES, Options

SHAPES = {"tg": (1, 81), "hm": (1, 81), "rg": (3, 6), "onehot": (2, 6), "uld": (2, 7)}


@pytest.mark.parametrize("name", NAMES)
def test_the_grids_of_the_papers_have_the_published_sizes(name):
    representation = make(name, sources=2)
    assert (representation.channels, representation.size) == SHAPES[name]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("cells", [1, 2, 8, 16])
def test_any_number_of_cells_is_possible(name, cells):
    representation = make(name, cells=cells)
    assert representation.size == cells + (name == "uld")
    output = torch.randn(2, representation.channels, *[representation.size] * 2)
    room = torch.tensor([[4.0, 7.0], [10.0, 5.0]])
    assert torch.isfinite(representation.loss(output, torch.full((2, 1, 2), 3.0), room))
    assert representation.decode(output, room, 1).shape == (2, 1, 2)


@pytest.mark.parametrize("name", NAMES)
def test_every_channel_has_a_gradient(name):
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
def test_an_ideal_output_has_less_than_half_of_the_initial_loss(name):
    representation, positions = make(name, sources=2), places((1.3, 2.2), (4.7, 4.1))
    target = representation.target(positions, ROOM)
    initial = torch.zeros_like(target)
    perfect = ideal(name, target).clamp(-40, 40)
    smallest = representation.loss(perfect, positions, ROOM)
    assert smallest < 0.5 * representation.loss(initial, positions, ROOM)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_results_have_the_precision_of_the_output_but_at_least_single(name, dtype):
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
def test_the_likelihood_is_between_0_and_1_and_highest_at_the_source(name):
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
def test_x_is_along_the_last_axis_and_y_along_the_second_to_last(name):
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
def test_a_position_outside_the_room_is_an_error(name, wrong):
    with pytest.raises(
        FormatError, match=r"position \(.*\) m is outside the room of 6 x 6"
    ) as found:
        make(name).target(places((1.0, 1.0), wrong), ROOM)
    assert "source 1" in found.value.where
    assert "corner of the room" in found.value.hint


@pytest.mark.parametrize("name", NAMES)
def test_an_output_of_a_wrong_shape_is_an_error(name):
    with pytest.raises(FormatError, match="the output of the network has shape"):
        make(name).decode(torch.zeros(1, 1, 5, 5), ROOM, 1)


@pytest.mark.parametrize("name", NAMES)
def test_labels_of_another_batch_size_are_an_error(name):
    representation = make(name)
    output = torch.zeros(3, representation.channels, representation.size, representation.size)
    with pytest.raises(FormatError, match="labels of a batch of 3"):
        representation.loss(output, places((1.0, 1.0)), ROOM)


@pytest.mark.parametrize("name", ["tg", "hm", "rg"])
def test_without_a_source_there_is_no_detection(name):
    assert decoded(name, places((NAN, NAN)), sources=2).isnan().all()


@pytest.mark.parametrize("name", NAMES)
def test_items_with_different_rooms_are_independent(name):
    room = torch.tensor([[4.0, 9.0], [10.0, 5.0]], dtype=torch.float64)
    positions = torch.tensor([[[3.1, 8.2]], [[7.7, 1.4]]], dtype=torch.float64)
    together = decoded(name, positions, room)
    alone = [decoded(name, p[None], r[None]) for p, r in zip(positions, room, strict=True)]
    torch.testing.assert_close(together, torch.cat(alone))


def test_an_unknown_name_is_an_error():
    with pytest.raises(UnknownNameError, match="no representation is named 'ul'"):
        make("ul")


@pytest.mark.parametrize(
    ("name", "value"),
    [("cells", -1), ("variance", 0.0), ("decoder", "best"), ("threshold", 1.5), ("cells", 82)],
)
def test_an_option_out_of_bounds_is_an_error(name, value):
    with pytest.raises(ParameterError, match=f"parameter {name}={value} is not allowed"):
        Options(**{name: value})
