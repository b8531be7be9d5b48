"""Five ways for a network to say where sources are on the plane of a room.

================ ================================== ==============================
name             a perfect network puts out         source
================ ================================== ==============================
``tg``           1 in the cell of each source       Le Moing et al. 2019, eq. 2
``hm``           a Gaussian bump on each source     Le Moing et al. 2019, eq. 4
``rg``           cell, and the place within it      Le Moing et al. 2019, eq. 5
``onehot``       the probability of each cell       Feng et al. 2025, section 3.2
``uld``          probabilities of adjacent nodes    Feng et al. 2025, eq. 1 to 5
================ ================================== ==============================
"""

from __future__ import annotations

from collections.abc import Callable

from sslbench.errors import UnknownNameError
from sslbench.registry import nearest
from sslbench_grid2d.representations.base import Lattice, Options, Representation
from sslbench_grid2d.representations.classes import OneHot, UnbiasedLabels
from sslbench_grid2d.representations.heat import HeatMap, TightGrid
from sslbench_grid2d.representations.regression import RefinedGrid

__all__ = [
    "NAMES",
    "HeatMap",
    "Lattice",
    "OneHot",
    "Options",
    "RefinedGrid",
    "Representation",
    "TightGrid",
    "UnbiasedLabels",
    "make_representation",
]

_KINDS: dict[str, Callable[[Options], Representation]] = {
    "tg": TightGrid,
    "hm": HeatMap,
    "rg": RefinedGrid,
    "onehot": OneHot,
    "uld": UnbiasedLabels,
}

NAMES = tuple(_KINDS)
"""What `make_representation` knows."""


def make_representation(name: str, options: Options) -> Representation:
    """Make the representation of a name.

    Raises:
        UnknownNameError: if there is none of that name.
        ParameterError: if it cannot represent that many sources.
    """
    if name not in _KINDS:
        raise UnknownNameError(f"no representation {name!r}", expected=nearest(name, list(NAMES)))
    return _KINDS[name](options)
