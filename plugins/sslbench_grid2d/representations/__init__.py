"""Five representations of source positions in the plane of a room as the output of a network.

================ ================================== ==============================
name             ideal output                       reference
================ ================================== ==============================
``tg``           1 in the cell of each source       Le Moing et al. 2019, eq. 2
``hm``           a Gaussian at each source          Le Moing et al. 2019, eq. 4
``rg``           the cell and the position in it    Le Moing et al. 2019, eq. 5
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

_CLASSES: dict[str, Callable[[Options], Representation]] = {
    "tg": TightGrid,
    "hm": HeatMap,
    "rg": RefinedGrid,
    "onehot": OneHot,
    "uld": UnbiasedLabels,
}

NAMES = tuple(_CLASSES)
"""Names of the representations."""


def make_representation(name: str, options: Options) -> Representation:
    """Create the representation with a name.

    Raises:
        UnknownNameError: if there is no representation with that name.
        ParameterError: if it cannot represent that many sources.
    """
    if name not in _CLASSES:
        raise UnknownNameError(
            f"no representation is named {name!r}", expected=nearest(name, list(NAMES))
        )
    return _CLASSES[name](options)
