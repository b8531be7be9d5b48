"""Scenes in which sources and answers are born, die, are mistaken for each other or silent."""

from dataclasses import dataclass

import numpy as np

from sslbench.scene import Tracks


def scene(seed, kind="position", many=False):
    """Return answer and truth of 1 to 3 sources (4 or 5 if many), now and then without answers."""
    rng = np.random.default_rng(seed)
    frames, sources = rng.integers(6, 20), rng.integers(4, 6) if many else rng.integers(1, 4)
    answers = rng.integers(4, 6) if many else rng.integers(1, 4)
    spread = 0.7 if kind == "direction" else 1.0
    truth = spread * rng.normal(size=(1, sources, 3))
    truth = truth + np.cumsum(0.05 * rng.normal(size=(frames, sources, 3)), axis=0)
    answer = _answers(rng, truth, answers, spread)
    if kind == "direction":
        truth, answer = (x / np.linalg.norm(x, axis=-1, keepdims=True) for x in (truth, answer))
    heard = _lives(rng, frames, answers) & (rng.random((frames, answers)) < 0.92)
    heard &= rng.random() < 0.97
    sounding = _lives(rng, frames, sources)
    times = 0.1 * np.arange(frames)
    return Tracks.of(times, answer, kind, heard), Tracks.of(times, truth, kind, sounding)


def scenes(kind, count=600, many=60):
    """Return scenes of up to 3 sources, and so many of 4 or 5."""
    return [scene(n, kind) for n in range(count)] + [scene(n, kind, many=True) for n in range(many)]


def _answers(rng, truth, answers, spread):
    frames, sources, _ = truth.shape
    answer = spread * rng.normal(size=(frames, answers, 3))
    shared = min(sources, answers)
    follows = rng.permutation(sources)[:shared]
    noise = rng.exponential(0.12) * rng.normal(size=(frames, shared, 3))
    answer[:, :shared] = truth[:, follows] + noise
    swap = rng.integers(1, frames + 6)
    answer[swap:, :shared] = answer[swap:, rng.permutation(shared)]
    gross = rng.random((frames, answers, 1)) < 0.05
    return np.where(gross, spread * rng.normal(size=answer.shape), answer)


def _lives(rng, frames, tracks):
    born = rng.integers(-frames, frames * 3 // 4, tracks)
    died = born + rng.integers(frames // 3, 3 * frames, tracks)
    now = np.arange(frames)[:, None]
    return (now >= born) & (now < died)


@dataclass
class Frame:
    """Identities of a frame and the distances between them, as other libraries want them."""

    sources: np.ndarray
    answers: np.ndarray
    distance: np.ndarray


def frames_of(answer, truth):
    """Return a `Frame` for each frame; distances by formulas of their own, in metres or degrees."""
    found = []
    for frame in range(len(truth.times)):
        sources, answers = (np.flatnonzero(t.active[frame]) for t in (truth, answer))
        between = truth.xyz[frame, sources][:, None] - answer.xyz[frame, answers]
        length = np.sqrt((between**2).sum(axis=-1))
        if truth.kind == "direction":
            length = np.degrees(2 * np.arcsin(np.minimum(length / 2, 1)))
        found.append(Frame(sources, answers, length))
    return found


def trackeval_data(answer, truth):
    """Return a scene as TrackEval wants it: similarity 0.5 is at 20 degrees or half a metre."""
    zero = 40.0 if truth.kind == "direction" else 1.0
    frames = frames_of(answer, truth)
    # Its ids count from 0, and each occurs.
    source_ids, answer_ids = (np.flatnonzero(t.active.any(axis=0)) for t in (truth, answer))
    return {
        "num_gt_dets": int(truth.active.sum()),
        "num_tracker_dets": int(answer.active.sum()),
        "num_gt_ids": len(source_ids),
        "num_tracker_ids": len(answer_ids),
        "gt_ids": [np.searchsorted(source_ids, frame.sources) for frame in frames],
        "tracker_ids": [np.searchsorted(answer_ids, frame.answers) for frame in frames],
        "similarity_scores": [np.maximum(0, 1 - frame.distance / zero) for frame in frames],
    }
