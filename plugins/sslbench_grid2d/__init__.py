"""Grid representations of source positions in a plane (Le Moing et al. 2019; Feng et al. 2025).

The parameter `representation` selects one-hot, TG, HM, RG or ULD. `representations` defines what a
map means, `networks` and `adhoc` compute a map from audio, and `methods` combines the two.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

from sslbench.hookspecs import hookimpl
from sslbench.specs import MethodSpec, Published, Value
from sslbench_grid2d.parameters import BY_DISTANCE, BY_F1, ENCODER, FEATURES, SHARED, WIDTH

__all__ = ["sslbench_methods"]

FENG = "Feng et al. 2025"
LEMOING = "Le Moing et al. 2019"


@hookimpl
def sslbench_methods() -> Sequence[MethodSpec]:
    """Return the specs of the grid methods."""
    return [
        MethodSpec(
            name="grid2d",
            target="sslbench_grid2d.methods:Grid2d",
            summary="encoder-decoder network from two fixed linear arrays to a map of the plane",
            outputs=("position",),
            licence="MIT",
            parameters=(*SHARED, ENCODER, FEATURES, WIDTH),
            max_sources=3,
            min_channels=8,
            known_height=True,
            trainable=True,
            selection=(BY_DISTANCE, BY_F1),
            version=2,
            paper=f"{LEMOING}; {FENG}",
            published=_published(),
        ),
        MethodSpec(
            name="grid2d-adhoc",
            target="sslbench_grid2d.methods:Grid2dAdhoc",
            summary="network from any number of microphones at any positions to a map of the plane",
            outputs=("position",),
            licence="MIT",
            parameters=SHARED,
            max_sources=3,
            min_channels=3,
            known_height=True,
            trainable=True,
            selection=(BY_DISTANCE, BY_F1),
            version=2,
            paper=FENG,
            published=_published_adhoc(),
        ),
    ]


FENG_HEAT_MAP: dict[str, Value] = {"representation": "hm", "variance": 0.01}
"""Gaussians with a standard deviation of 0.1 m: the reading of Le Moing et al. by Feng et al."""


def _distance(dataset: str, value: float, source: str, params: Mapping[str, Value]) -> Published:
    """Return a published mean distance in metres."""
    return Published(dataset, "utterance-error-mean", value, source, params=params)


def _published() -> tuple[Published, ...]:
    table = f"{FENG}, table 1"
    found = []
    for name, value in {"onehot": 0.384, "rg": 0.104, "uld": 0.031}.items():
        for cells in (0, 6):  # 0 stands for the published I = 6
            params: dict[str, Value] = {"representation": name, "cells": cells}
            found.append(_distance("feng2025-l1", value, table, params))
    found.append(_distance("feng2025-l1", 0.453, table, FENG_HEAT_MAP | {"cells": 6}))
    return (*found, *_published_f1())


def _published_f1() -> tuple[Published, ...]:
    """Return the F1 scores of Le Moing et al. (2019) within 0.3 m and 1 m, in %."""
    all_data = {
        ("tg", "combined", "baseline"): (53, 56),
        ("tg", "combined", "improved"): (85, 94),
        ("hm", "combined", ""): (90, 96),
        ("hm", "array", ""): (89, 95),
        ("hm", "single", ""): (88, 95),
        ("rg", "combined", ""): (89, 96),
    }
    tenth = {("hm", "single", ""): (69, 82), ("hm", "array", ""): (77, 85)}
    tenth["hm", "combined", ""] = (79, 87)
    found = [_f1(key, values, "test", 1.0) for key, values in all_data.items()]
    found += [_f1(key, values, "test", 0.1) for key, values in tenth.items()]
    found.append(_f1(("hm", "combined", ""), (None, 97), "s2", 1.0))
    found.append(_f1(("hm", "combined", ""), (None, 77), "s1", 1.0))
    return tuple(itertools.chain.from_iterable(found))


def _f1(
    method: tuple[str, str, str], values: tuple[int | None, int], split: str, share: float
) -> list[Published]:
    """Return F1 scores within 0.3 m and 1 m of one representation, encoder and decoder."""
    names = ("representation", "encoder", "decoder")
    params: dict[str, Value] = {k: v for k, v in zip(names, method, strict=True) if v}
    return [
        Published(
            dataset="lemoing2019",
            metric=f"resolution-f1[within={within}]",
            value=value,
            source=f"{LEMOING}, table III" if split == "test" else f"{LEMOING}, table IV",
            trained_on="" if share == 1 else f"lemoing2019[train_share={share}]",
            params=params | {"cells": 0},
            split=split,
        )
        for within, value in zip(("0.3m", "1m"), values, strict=True)
        if value is not None
    ]


def _published_adhoc() -> tuple[Published, ...]:
    table = {
        "feng2025-ad1": {
            "onehot": {2: 1.395, 4: 0.765, 8: 0.460, 16: 0.361},
            "hm": {2: 1.468, 4: 0.691, 8: 0.652},
            "rg": {2: 0.253, 4: 0.221, 8: 0.206, 16: 0.322},
            "uld": {1: 0.292, 2: 0.270, 4: 0.217, 8: 0.202, 16: 0.193},
        },
        "feng2025-ad2": {
            # Those of HM and RG are for one map per source, which `grid2d-adhoc` does not have.
            "onehot": {2: 1.401, 4: 0.775, 8: 0.507, 16: 0.435},
            "uld": {1: 1.018, 2: 0.650, 4: 0.462, 8: 0.331, 16: 0.289},
        },
    }
    found = []
    for number, (dataset, rows) in enumerate(table.items(), start=2):
        source = f"{FENG}, table {number} (another network)"
        for name, row in rows.items():
            for cells, value in row.items():
                params: dict[str, Value] = {"representation": name, "cells": cells}
                params |= FENG_HEAT_MAP if name == "hm" else {}
                found.append(_distance(dataset, value, source, params))
    return tuple(found)
