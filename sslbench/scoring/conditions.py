"""Conditions computed from the ground truth, by which results can be split into strata.

They are not stored in a `Recording`, because a method could read from them where the sources are.
They are computed separately, for scoring.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from sslbench.array_types import Booleans, Floats, Integers
from sslbench.geometry import angle_between, azimuth_elevation
from sslbench.metrics.corpus import Corpus
from sslbench.scene import Condition, Kind, MicArray, Scene

__all__ = ["scene_conditions"]


DECIMALS = 3
"""Decimals that are kept: noise of 1e-12 would put equal distances into different bins."""

NEGLIGIBLE = 1e-6
"""Length below which a mean of unit vectors has no direction."""

NEAR: Mapping[Kind, float] = {"position": 0.5, "direction": 20.0}
"""Distance in metres, or angle in degrees, below which two sources are crossing."""

STILL = 1e-6
"""Path from one time to the next, in metres or degrees, below which a source stands still."""

PAUSE = 0.3
"""Shortest pause in seconds."""

ON_HULL = 1e-9
"""Distance in metres outside of the convex hull that still counts as on it, for rounding."""


def scene_conditions(scene: Scene) -> dict[str, Condition]:
    """Return the conditions that follow from the ground truth of a scene and from its array.

    Only active sources count. Undefined conditions are left out. Numbers are rounded to 3 decimals.

    ====================  ======================================================================
    `microphones`         number of channels
    `sources`             largest number of simultaneous sources
    `distance_m`          mean distance from the array's centre; positions only
    `azimuth_deg`         of the mean of the unit vectors from the array's centre to the sources;
    `elevation_deg`       left out if they cancel out, the azimuth also if it points up or down
    `separation_m`        mean distance of two sources while both are active, smallest over all
    `separation_deg`      pairs; metres for positions, degrees for directions
    `speed_m_s`           path over time while a source is active at consecutive times;
    `speed_deg_s`         metres for positions, degrees for directions
    `in_hull`             whether all places are in the convex hull of the microphones. For a flat
                          array, places are first projected onto its plane. Left out for
                          directions, for linear arrays and for encoded formats
    `overlap`             share of the times with a source at which there are several; this and the
                          next two are given only where a source moves
    `crossing`            whether two active sources are ever closer than 20 degrees, or 0.5 m
    `pausing`             whether a source that moves stands still for at least 0.3 s
    ====================  ======================================================================

    Raises:
        FormatError: if one id is in two places at once, or a direction is not a unit vector.
    """
    recording = scene.recording
    # The ground truth as its own estimate: distances are between sources, and columns with the
    # same id are merged.
    corpus = Corpus.of([(scene.truth.tracks, scene.truth.tracks)])
    places: Floats = corpus.truth.xyz[corpus.active_sources]
    unit = "m" if corpus.kind == "position" else "deg"
    speed = _speed(corpus)
    measured = {f"separation_{unit}": _separation(corpus), f"speed_{unit}_s": speed}
    found: dict[str, Condition] = {
        "microphones": recording.array.channels,
        "sources": int(corpus.active_sources.sum(axis=1).max(initial=0)),
    }
    if corpus.kind == "position" and len(places):
        offset = places - recording.array.centre
        distance = float(np.linalg.norm(offset, axis=1).mean())
        measured |= {"distance_m": distance, **_direction(offset)}
        found |= _hull(places, recording.array)
    elif len(places):
        measured |= _direction(places)
    if speed is not None and round(speed, DECIMALS) > 0:
        found |= _movement(corpus)
    rounded = {n: round(v, DECIMALS) + 0.0 for n, v in measured.items() if v is not None}
    return found | dict(sorted(rounded.items()))


def _direction(vectors: Floats) -> dict[str, float | None]:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    mean = np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 0).mean(axis=0)
    if np.linalg.norm(mean) < NEGLIGIBLE:
        return {}
    azimuth, elevation = (float(np.degrees(angle)) for angle in azimuth_elevation(mean))
    if np.hypot(*mean[:2]) < NEGLIGIBLE:
        return {"elevation_deg": elevation}
    # Straight behind is one direction, whatever sign rounding gives it.
    behind = round(azimuth, DECIMALS) == -180
    return {"azimuth_deg": 180.0 if behind else azimuth, "elevation_deg": elevation}


def _separation(corpus: Corpus) -> float | None:
    both = corpus.both_active & np.triu(np.ones(corpus.both_active.shape[1:], bool), k=1)
    frames = both.sum(axis=0)
    total = np.where(both, corpus.distance, 0.0).sum(axis=0)
    return float((total[frames > 0] / frames[frames > 0]).min()) if frames.any() else None


def _movement(corpus: Corpus) -> dict[str, Condition]:
    """Return the conditions that tell how sources move and meet."""
    count = corpus.active_sources.sum(axis=1)
    near = corpus.both_active & (corpus.distance < NEAR[corpus.kind])
    between = np.triu(np.ones(near.shape[1:], bool), k=1)
    path, both = _paths(corpus)
    still = both & (path < STILL)
    moving = (both & ~still).any(axis=0)
    step = np.median(np.diff(corpus.truth.times))
    pauses = np.round(_longest(still[:, moving]) * step, DECIMALS) >= PAUSE
    return {
        "overlap": round(float((count > 1).sum() / (count > 0).sum()), DECIMALS),
        "crossing": bool((near & between).any()),
        "pausing": bool(pauses.any()),
    }


def _longest(rows: Booleans) -> Integers:
    """Return the length of the longest run of true values in each column."""
    longest = length = np.zeros(rows.shape[1], dtype=np.int64)
    for row in rows:
        length = (length + 1) * row
        longest = np.maximum(longest, length)
    return longest


def _paths(corpus: Corpus) -> tuple[Floats, Booleans]:
    """Return the path of each source from time to time, and whether it is active at both."""
    xyz = corpus.truth.xyz
    if corpus.kind == "position":
        path = np.linalg.norm(np.diff(xyz, axis=0), axis=-1)
    else:
        path = np.degrees(angle_between(xyz[1:], xyz[:-1]))
    return path, corpus.active_sources[1:] & corpus.active_sources[:-1]


def _speed(corpus: Corpus) -> float | None:
    path, both = _paths(corpus)
    seconds = (np.diff(corpus.truth.times)[:, None] * both).sum()
    return float(path[both].sum() / seconds) if seconds > 0 else None


def _hull(places: Floats, array: MicArray) -> dict[str, Condition]:
    if array.positions is None or array.rank < 2:
        return {}
    from scipy.spatial import ConvexHull

    # Along its principal axes an array of rank 2 has two coordinates that differ.
    axes = np.linalg.svd(array.known - array.centre, full_matrices=False)[2][: array.rank].T
    normals, offsets = np.split(ConvexHull((array.known - array.centre) @ axes).equations, [-1], 1)
    outside = (places - array.centre) @ axes @ normals.T + offsets.T
    return {"in_hull": bool((outside <= ON_HULL).all())}
