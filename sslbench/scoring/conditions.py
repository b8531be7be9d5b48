"""Conditions that follow from the truth, by which results can be split into strata.

A `Recording` carries none of them, so that no method can read there where the sources are. They
are computed apart, when answers are scored.
"""

from __future__ import annotations

import numpy as np

from sslbench.array_types import Floats
from sslbench.geometry import angle_between, azimuth_elevation
from sslbench.metrics.corpus import Corpus
from sslbench.scene import Condition, MicArray, Scene

__all__ = ["scene_conditions"]


DECIMALS = 3
"""Digits kept: noise of 1e-12 would put sources at one distance into different bins."""

NEGLIGIBLE = 1e-6
"""A mean of unit vectors that is shorter points nowhere."""


def scene_conditions(scene: Scene) -> dict[str, Condition]:
    """Return what follows from the truth of a scene and from its array.

    Only sources that sound count. What is undefined is left out; numbers are rounded to 3 decimals.

    ====================  ======================================================================
    `microphones`         channels
    `sources`             most sources at once
    `distance_m`          mean distance from the array's centre; positions only
    `azimuth_deg`         of the mean of the unit vectors from the array's centre to the sources;
    `elevation_deg`       left out where they cancel out, the azimuth also straight up or down
    `separation_m`        smallest, over pairs of sources, of the mean distance while both sound;
    `separation_deg`      metres for positions, degrees for directions
    `speed_m_s`           path over time while a source sounds at neighbouring times;
    `speed_deg_s`         metres for positions, degrees for directions
    `in_hull`             whether all places lie in the convex hull of the microphones. Places are
                          first projected onto the plane of an array that is flat. Left out for
                          directions, for arrays along a line and for encoded formats
    ====================  ======================================================================

    Raises:
        FormatError: if one identity is in two places at once, or a direction is no unit vector.
    """
    recording = scene.recording
    # The truth beside itself: columns of one identity are merged, distances are between sources.
    corpus = Corpus.of([(scene.truth.tracks, scene.truth.tracks)])
    places: Floats = corpus.truth.xyz[corpus.sounding]
    unit = "m" if corpus.kind == "position" else "deg"
    measured = {f"separation_{unit}": _separation(corpus), f"speed_{unit}_s": _speed(corpus)}
    found: dict[str, Condition] = {
        "microphones": recording.array.channels,
        "sources": int(corpus.sounding.sum(axis=1).max(initial=0)),
    }
    if corpus.kind == "position" and len(places):
        seen = places - recording.array.centre
        measured |= {"distance_m": float(np.linalg.norm(seen, axis=1).mean()), **_direction(seen)}
        found |= _hull(places, recording.array)
    elif len(places):
        measured |= _direction(places)
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
    # Straight behind is one direction, whichever sign the last bit gives.
    behind = round(azimuth, DECIMALS) == -180
    return {"azimuth_deg": 180.0 if behind else azimuth, "elevation_deg": elevation}


def _separation(corpus: Corpus) -> float | None:
    both = corpus.possible & np.triu(np.ones(corpus.possible.shape[1:], bool), k=1)
    frames = both.sum(axis=0)
    total = np.where(both, corpus.distance, 0.0).sum(axis=0)
    return float((total[frames > 0] / frames[frames > 0]).min()) if frames.any() else None


def _speed(corpus: Corpus) -> float | None:
    xyz = corpus.truth.xyz
    if corpus.kind == "position":
        path = np.linalg.norm(np.diff(xyz, axis=0), axis=-1)
    else:
        path = np.degrees(angle_between(xyz[1:], xyz[:-1]))
    both = corpus.sounding[1:] & corpus.sounding[:-1]
    seconds = (np.diff(corpus.truth.times)[:, None] * both).sum()
    return float(path[both].sum() / seconds) if seconds > 0 else None


def _hull(places: Floats, array: MicArray) -> dict[str, Condition]:
    if array.positions is None or array.rank < 2:
        return {}
    from scipy.spatial import Delaunay

    # Along its principal axes an array of rank 2 has two coordinates that differ.
    axes = np.linalg.svd(array.known - array.centre)[2][: array.rank].T
    hull = Delaunay((array.known - array.centre) @ axes)
    return {"in_hull": bool((hull.find_simplex((places - array.centre) @ axes) >= 0).all())}
