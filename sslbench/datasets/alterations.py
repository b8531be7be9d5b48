"""Alterations: changed versions of any data set, as in ``luvira+mics[n=7]``."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from sslbench.array_types import Floats, Integers
from sslbench.cell import Choice
from sslbench.contracts import Alteration, Dataset, Incompatible
from sslbench.scene import MicArray, Prediction, Recording, Scene, Tracks
from sslbench.simulation.noise import DiffuseField, add_noise, white_noise
from sslbench.simulation.seeding import stream
from sslbench.specs import AlterationSpec, Parameter

__all__ = [
    "ALTERATIONS",
    "Altered",
    "HidePositions",
    "Microphones",
    "Mix",
    "Noise",
    "Reference",
]

SEED = Parameter("seed", 0, "seed of what is drawn for each recording", minimum=0)

ALTERATIONS = (
    AlterationSpec(
        name="mics",
        target=f"{__name__}:Microphones",
        summary="some of the microphones only",
        parameters=(
            Parameter("n", 4, "number of microphones that are kept", minimum=1),
            Parameter(
                "pick",
                "first",
                "which: the first n, or n drawn at random for each recording",
                choices=("first", "random"),
            ),
            SEED,
        ),
    ),
    AlterationSpec(
        name="hide_positions",
        target=f"{__name__}:HidePositions",
        summary="unknown positions of some microphones, which are to be located",
        parameters=(
            Parameter("n", 1, "number of microphones whose position is hidden", minimum=1),
            SEED,
        ),
    ),
    AlterationSpec(
        name="reference",
        target=f"{__name__}:Reference",
        summary="the source's own microphone, shown to methods or not",
        parameters=(Parameter("show", True, "whether recordings contain it"),),
    ),
    AlterationSpec(
        name="noise",
        target=f"{__name__}:Noise",
        summary="added noise",
        parameters=(
            Parameter("snr_db", 20.0, "signal over added noise in dB", minimum=-40, maximum=100),
            Parameter(
                "kind",
                "white",
                "white and independent between microphones, or diffuse",
                choices=("white", "diffuse"),
            ),
            SEED,
        ),
    ),
    AlterationSpec(
        name="mix",
        target=f"{__name__}:Mix",
        summary="sum of several recordings of the same array, for several sources",
        parameters=(Parameter("n", 2, "number of recordings that are added", minimum=2), SEED),
    ),
)
"""The alterations of sslbench."""


class Altered(Dataset):
    """A data set whose scenes are altered.

    Args:
        inner: the data set that is altered.
        alteration: what changes its scenes.
        choice: name and parameters of the alteration.
        version: of the alteration.
    """

    def __init__(
        self, inner: Dataset, alteration: Alteration, choice: Choice, version: int | str
    ) -> None:
        super().__init__(inner.request)
        self.inner = inner
        self.alteration = alteration
        self.choice = choice
        self.version = version

    def __len__(self) -> int:
        """Return the number of scenes, which is that of the inner data set."""
        return len(self.inner)

    def scene(self, index: int) -> Scene:
        """Return one altered scene."""
        return self.alteration.scene(self.inner, index, self._rng(index))

    def truth(self, index: int) -> tuple[str, Prediction]:
        """Return id and ground truth of an altered scene."""
        return self.alteration.truth(self.inner, index, self._rng(index))

    def fingerprint(self) -> str:
        """Return a SHA-256 of the inner data set and the alteration."""
        facts = [self.inner.fingerprint(), self.choice.name, self.version, dict(self.choice.params)]
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    def prepare(self) -> None:
        """Prepare the inner data set."""
        self.inner.prepare()

    def report(self) -> Sequence[str]:
        """Return the report of the inner data set."""
        return self.inner.report()

    def _rng(self, index: int) -> np.random.Generator:
        # Not of all parameters: the same microphones come first whatever their number.
        seed = int(self.choice.params.get("seed", 0))
        return stream("alteration", self.choice.name, seed, self.inner.request.split, index)


class _OfOneScene(Alteration):
    """An alteration of the recording that leaves sources and id as they are."""

    def truth(self, inner: Dataset, index: int, rng: np.random.Generator) -> tuple[str, Prediction]:
        """Return id and ground truth, which are not altered."""
        del rng
        return inner.truth(index)


class Microphones(Alteration):
    """Keep some of the microphones.

    Args:
        n: how many.
        pick: `first` or `random`.
        seed: of the random choice.
    """

    def __init__(self, *, n: int, pick: str, seed: int) -> None:
        del seed
        self.n = n
        self.pick = pick

    def scene(self, inner: Dataset, index: int, rng: np.random.Generator) -> Scene:
        """Return the scene with n of its microphones, in their order.

        Raises:
            Incompatible: if there are fewer, or the format is encoded.
        """
        scene = inner.scene(index)
        recording = scene.recording
        positions = _positions(recording, "mics")
        kept = self._kept(len(positions), rng)
        altered = replace(recording, audio=recording.audio[kept], array=MicArray(positions[kept]))
        return replace(scene, recording=altered, truth=_of_microphones(scene.truth, kept))

    def truth(self, inner: Dataset, index: int, rng: np.random.Generator) -> tuple[str, Prediction]:
        """Return id and ground truth, with the microphones that are kept."""
        name, truth = inner.truth(index)
        if truth.microphones is None:
            return name, truth
        return name, _of_microphones(truth, self._kept(len(truth.microphones), rng))

    def _kept(self, channels: int, rng: np.random.Generator) -> Integers:
        if self.n > channels:
            raise Incompatible(f"mics[n={self.n}]: there are only {channels} microphones")
        if self.pick == "first":
            return np.arange(self.n)
        return np.sort(rng.permutation(channels)[: self.n])


def _of_microphones(truth: Prediction, kept: Integers) -> Prediction:
    if truth.microphones is None:
        return truth
    return replace(truth, microphones=truth.microphones[kept])


class HidePositions(Alteration):
    """Hide the positions of some microphones, drawn for each recording.

    Args:
        n: how many.
        seed: of the choice.
    """

    def __init__(self, *, n: int, seed: int) -> None:
        del seed
        self.n = n

    def scene(self, inner: Dataset, index: int, rng: np.random.Generator) -> Scene:
        """Return the scene with unknown positions, which are part of its ground truth.

        Raises:
            Incompatible: if there are fewer known positions, or the format is encoded.
        """
        scene = inner.scene(index)
        positions = _positions(scene.recording, "hide_positions")
        known = np.flatnonzero(np.isfinite(positions).all(axis=1))
        if self.n > len(known):
            raise Incompatible(f"hide_positions[n={self.n}]: there are only {len(known)} positions")
        hidden = rng.permutation(known)[: self.n]
        shown, sought = positions.copy(), np.full(positions.shape, np.nan)
        if scene.truth.microphones is not None:
            sought = scene.truth.microphones.copy()  # those that are hidden already
        sought[hidden], shown[hidden] = positions[hidden], np.nan
        return replace(
            scene,
            recording=replace(scene.recording, array=MicArray(shown)),
            truth=replace(scene.truth, microphones=sought),
        )


class Reference(_OfOneScene):
    """Show or remove the source's own microphone.

    Args:
        show: whether recordings contain it.
    """

    def __init__(self, *, show: bool) -> None:
        self.show = show

    def scene(self, inner: Dataset, index: int, rng: np.random.Generator) -> Scene:
        """Return the scene with or without `Recording.reference`.

        Raises:
            Incompatible: if it is to be shown and there is none.
        """
        del rng
        scene = inner.scene(index)
        if self.show and scene.recording.reference is None:
            raise Incompatible("reference: this data set has no microphone at the source")
        if self.show:
            return scene
        return replace(scene, recording=replace(scene.recording, reference=None))


class Noise(_OfOneScene):
    """Add noise.

    Args:
        snr_db: mean power of all channels over that of the noise.
        kind: `white` or `diffuse`.
        seed: of the noise.
    """

    def __init__(self, *, snr_db: float, kind: str, seed: int) -> None:
        del seed
        self.snr_db = snr_db
        self.kind = kind

    def scene(self, inner: Dataset, index: int, rng: np.random.Generator) -> Scene:
        """Return the scene with noise; its condition `added_snr_db` gives the ratio."""
        scene = inner.scene(index)
        recording = scene.recording
        if self.kind == "white":
            noise = white_noise(recording.audio.shape, rng)
        else:
            rate, speed = recording.sample_rate, recording.speed_of_sound
            noise = DiffuseField(recording.array, recording.audio.shape[1], rate, speed).draw(rng)
        altered = replace(
            recording,
            audio=add_noise(recording.audio, noise, self.snr_db),
            conditions={**recording.conditions, "added_snr_db": self.snr_db},
        )
        return replace(scene, recording=altered)


class Mix(Alteration):
    """Add recordings of the same array (Le Moing et al. 2019; Adavanne et al. 2021).

    Each scene is added to n - 1 others that are drawn at random.

    Args:
        n: how many recordings are added.
        seed: of the choice.
    """

    ATTEMPTS = 50

    def __init__(self, *, n: int, seed: int) -> None:
        del seed
        self.n = n

    def scene(self, inner: Dataset, index: int, rng: np.random.Generator) -> Scene:
        """Return the sum of the scene and n - 1 others, with the sources of all.

        It is as long as the shortest of them. The reference microphone is left out.

        Raises:
            Incompatible: if there are not enough recordings of the same array at equal times.
        """
        scenes = [inner.scene(index)]
        others = rng.permutation(len(inner))
        for other in others[others != index][: self.ATTEMPTS]:
            candidate = inner.scene(int(other))
            if _addable(scenes[0].recording, candidate.recording):
                scenes.append(candidate)
            if len(scenes) == self.n:
                return _sum(scenes)
        raise Incompatible(
            f"mix[n={self.n}]: {inner.request.split} has not enough recordings of the same array"
        )


def _positions(recording: Recording, alteration: str) -> Floats:
    if recording.array.positions is None:
        raise Incompatible(f"{alteration}: {recording.array.format} has no single microphones")
    return recording.array.positions


def _addable(one: Recording, other: Recording) -> bool:
    rows = min(len(one.times), len(other.times))
    alike = (one.sample_rate, one.kind, one.frame) == (other.sample_rate, other.kind, other.frame)
    return (
        alike
        and _same_array(one.array, other.array)
        and np.allclose(one.times[:rows], other.times[:rows], atol=1e-3)
    )


def _same_array(one: MicArray, other: MicArray) -> bool:
    if one.positions is None or other.positions is None:
        return one.format == other.format
    same_shape = one.positions.shape == other.positions.shape
    return same_shape and np.allclose(one.positions, other.positions, atol=1e-4, equal_nan=True)


def _sum(scenes: Sequence[Scene]) -> Scene:
    recordings = [scene.recording for scene in scenes]
    samples = min(recording.audio.shape[1] for recording in recordings)
    rows = min(len(recording.times) for recording in recordings)
    first = recordings[0]
    audio = np.sum([recording.audio[:, :samples] for recording in recordings], axis=0)
    recording = replace(
        first,
        id="+".join(recording.id for recording in recordings),
        audio=audio,
        times=first.times[:rows],
        max_sources=sum(recording.max_sources for recording in recordings),
        reference=None,
    )
    tracks = [scene.truth.tracks for scene in scenes]
    together = Tracks.of(
        recording.times,
        np.concatenate([each.xyz[:rows] for each in tracks], axis=1),
        first.kind,
        np.concatenate([each.active[:rows] for each in tracks], axis=1),
        _distinct_ids(tracks),
    )
    # Arrays that can be added have the same hidden positions.
    return Scene(recording, Prediction(together, scenes[0].truth.microphones), scenes[0].clusters)


def _distinct_ids(tracks: Sequence[Tracks]) -> Integers:
    """Return ids of all columns; those of different recordings differ."""
    ids: list[int] = []
    for each in tracks:
        offset = max(ids, default=-1) + 1
        ids += [offset + int(position) for position in np.unique(each.ids, return_inverse=True)[1]]
    return np.array(ids, dtype=np.int64)
