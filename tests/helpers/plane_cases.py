"""Positions in the plane of a room, and ideal network outputs for them."""

import itertools

import torch

from sslbench_grid2d.representations import Options, make_representation

NAN = float("nan")
ROOM = torch.tensor([[6.0, 6.0]], dtype=torch.float64)


def make(name, **options):
    return make_representation(name, Options(**options))


def places(*positions):
    return torch.tensor([positions], dtype=torch.float64)


def ideal(name, target):
    """Return the raw output of an ideal network for a target."""
    if name == "hm":
        return target
    return target.log() if name in {"onehot", "uld"} else target.logit().clamp(-40, 40)


def decoded(name, positions, room=ROOM, sources=None, **options):
    """Return the positions that are decoded from the ideal output for positions."""
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
    """Draw positions in scenes with a minimum distance in metres between sources."""
    drawn = torch.rand(
        40 * count, sources, 2, dtype=torch.float64, generator=torch.manual_seed(seed)
    )
    distance = torch.cdist(drawn * room, drawn * room) + 99 * torch.eye(sources)
    return (drawn * room)[distance.flatten(1).amin(1) >= apart][:count]
