"""Scenes in which sources and estimates appear, disappear, pause and are confused."""

from dataclasses import dataclass

import numpy as np

from sslbench.scene import Tracks


def scene(seed, kind="position", many=False):
    """Return estimates and ground truth of 1 to 3 sources, or 4 to 5 if `many`.

    A few scenes have no estimate.
    """
    rng = np.random.default_rng(seed)
    frames, sources = rng.integers(6, 20), rng.integers(4, 6) if many else rng.integers(1, 4)
    estimates = rng.integers(4, 6) if many else rng.integers(1, 4)
    spread = 0.7 if kind == "direction" else 1.0
    truth = spread * rng.normal(size=(1, sources, 3))
    truth = truth + np.cumsum(0.05 * rng.normal(size=(frames, sources, 3)), axis=0)
    estimate = _estimates(rng, truth, estimates, spread)
    if kind == "direction":
        truth, estimate = (x / np.linalg.norm(x, axis=-1, keepdims=True) for x in (truth, estimate))
    detected = _lifetimes(rng, frames, estimates) & (rng.random((frames, estimates)) < 0.92)
    detected &= rng.random() < 0.97
    active = _lifetimes(rng, frames, sources)
    times = 0.1 * np.arange(frames)
    return Tracks.of(times, estimate, kind, detected), Tracks.of(times, truth, kind, active)


def scenes(kind, count=600, many=60):
    """Return `count` scenes of up to 3 sources, and `many` scenes of 4 or 5."""
    return [scene(n, kind) for n in range(count)] + [scene(n, kind, many=True) for n in range(many)]


def _estimates(rng, truth, estimates, spread):
    frames, sources, _ = truth.shape
    estimate = spread * rng.normal(size=(frames, estimates, 3))
    shared = min(sources, estimates)
    follows = rng.permutation(sources)[:shared]
    noise = rng.exponential(0.12) * rng.normal(size=(frames, shared, 3))
    estimate[:, :shared] = truth[:, follows] + noise
    swap = rng.integers(1, frames + 6)
    estimate[swap:, :shared] = estimate[swap:, rng.permutation(shared)]
    gross = rng.random((frames, estimates, 1)) < 0.05
    return np.where(gross, spread * rng.normal(size=estimate.shape), estimate)


def _lifetimes(rng, frames, tracks):
    start = rng.integers(-frames, frames * 3 // 4, tracks)
    end = start + rng.integers(frames // 3, 3 * frames, tracks)
    now = np.arange(frames)[:, None]
    return (now >= start) & (now < end)


@dataclass
class Frame:
    """Identities of a frame and their distances, as other libraries expect them."""

    sources: np.ndarray
    estimates: np.ndarray
    distance: np.ndarray


def frames_of(estimate, truth):
    """Return a `Frame` for each frame, with distances computed independently of sslbench."""
    found = []
    for frame in range(len(truth.times)):
        sources, estimates = (np.flatnonzero(t.active[frame]) for t in (truth, estimate))
        between = truth.xyz[frame, sources][:, None] - estimate.xyz[frame, estimates]
        length = np.sqrt((between**2).sum(axis=-1))
        if truth.kind == "direction":
            length = np.degrees(2 * np.arcsin(np.minimum(length / 2, 1)))
        found.append(Frame(sources, estimates, length))
    return found


def trackeval_data(estimate, truth):
    """Return a scene for TrackEval, with similarity 0.5 at 20 degrees or half a metre."""
    zero = 40.0 if truth.kind == "direction" else 1.0
    frames = frames_of(estimate, truth)
    # TrackEval expects ids without gaps, starting at 0.
    source_ids, answer_ids = (np.flatnonzero(t.active.any(axis=0)) for t in (truth, estimate))
    return {
        "num_gt_dets": int(truth.active.sum()),
        "num_tracker_dets": int(estimate.active.sum()),
        "num_gt_ids": len(source_ids),
        "num_tracker_ids": len(answer_ids),
        "gt_ids": [np.searchsorted(source_ids, frame.sources) for frame in frames],
        "tracker_ids": [np.searchsorted(answer_ids, frame.estimates) for frame in frames],
        "similarity_scores": [np.maximum(0, 1 - frame.distance / zero) for frame in frames],
    }
