"""Synthetic speech-like and music-like signals, so that nothing has to be downloaded.

For a localization method they are meant to be as difficult as speech and music: harmonic with
varying pitch, partly broadband, with onsets, pauses and narrow-band passages. They are not meant to
sound natural.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sslbench.array_types import Floats

__all__ = ["LEVEL", "STRAIGHT", "SWING", "Style", "music", "speech", "swing"]

Signal = NDArray[np.float32]

LEVEL = 0.1
"""Root mean square of every signal over its whole length."""

FLOOR = 0.005
"""Level of the background noise in every signal, as a fraction of `LEVEL` (-46 dB)."""

# First three formants in Hz of an adult male voice (after Peterson and Barney, 1952).
VOWELS = np.array(
    [[270, 2290, 3010], [530, 1840, 2480], [730, 1090, 2440], [570, 840, 2410], [300, 870, 2240]]
)
# Higher formants of a tube of 17.5 cm; without them there would be no energy above 4 kHz.
HIGH_FORMANTS = np.arange(3500, 20000, 1000)


@dataclass(frozen=True)
class Style:
    """Musical style of a generated signal.

    Args:
        scale: notes that are played, in semitones above the key.
        octaves: one factor on the key frequency per part.
        lengths: note lengths in beats, drawn uniformly.
        off_beat: start of the second half of a beat, as a fraction of the beat.
        brushes: factor on the level of the noise bursts.
    """

    scale: tuple[int, ...]
    octaves: tuple[float, ...]
    lengths: tuple[float, ...]
    off_beat: float
    brushes: float


STRAIGHT = Style((0, 2, 4, 5, 7, 9, 11), (1, 2), (1, 1, 2, 3), 1 / 2, 1.0)
"""Two parts in a major key with straight beats."""

SWING = Style((0, 3, 5, 6, 7, 10), (1 / 2, 1, 2), (1 / 3, 2 / 3, 1, 1), 2 / 3, 2.0)
"""Three parts including a bass in the blues scale, with shuffled beats and loud brushes."""

PARTIALS = np.arange(1, 17)


@dataclass(frozen=True)
class _Voice:
    pitch: float
    tract: float
    breath: float
    pace: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> _Voice:
        pitch = float(rng.uniform(85, 250))
        # Higher voices tend to have shorter vocal tracts.
        tract = float(0.9 + 0.0012 * (pitch - 85) + rng.uniform(-0.05, 0.05))
        return cls(pitch, tract, float(rng.uniform(0.02, 0.08)), float(rng.uniform(0.8, 1.25)))


def speech(rng: np.random.Generator, seconds: float, sample_rate: int) -> Signal:
    """Generate a speech-like signal of one voice, shape (samples,), float32.

    Voiced segments are glottal pulses of varying pitch filtered by formants, unvoiced segments are
    high-pass noise; there are gaps and pauses between them (source-filter model of Fant, 1960).

    Args:
        rng: random generator for the voice and the sequence of segments.
        seconds: length.
        sample_rate: in Hz.
    """
    voice = _Voice.draw(rng)
    out = np.zeros(round(seconds * sample_rate))
    start = 0
    while start < len(out):
        length, piece = _segment(rng, voice, sample_rate)
        end = min(len(out), start + length)
        out[start:end] = piece[: end - start]
        start += length
    return _levelled(rng, out)


def _segment(rng: np.random.Generator, voice: _Voice, rate: int) -> tuple[int, Floats]:
    kind = rng.choice(["voiced", "unvoiced", "gap", "pause"], p=[0.58, 0.22, 0.14, 0.06])
    low, high = {
        "voiced": (0.09, 0.30), "unvoiced": (0.05, 0.14), "gap": (0.02, 0.08), "pause": (0.2, 0.5)
    }[str(kind)]  # fmt: skip
    length = round(rng.uniform(low, high) * voice.pace * rate)
    if kind == "voiced":
        return length, _voiced(rng, voice, length, rate)
    if kind == "unvoiced":
        return length, _unvoiced(rng, length, rate)
    return length, np.zeros(length)


def _voiced(rng: np.random.Generator, voice: _Voice, length: int, rate: int) -> Floats:
    from scipy.signal import lfilter

    knots = voice.pitch * rng.uniform(0.82, 1.25, size=3)
    pitch = np.interp(np.arange(length), [0, length / 2, length], knots)
    cycles = np.cumsum(pitch / rate) + rng.uniform()
    pulses = np.diff(np.floor(cycles), prepend=np.floor(cycles[0]))
    # The real pole gives the slope of -6 dB per octave of the glottis after radiation at the lips.
    glottis = lfilter([1.0], [1.0, -0.9], pulses + voice.breath * rng.standard_normal(length))
    vowel = VOWELS[rng.integers(len(VOWELS))] * rng.uniform(0.95, 1.05)
    tube = _resonances(np.concatenate([vowel, HIGH_FORMANTS]) * voice.tract, rate)
    piece = lfilter([1.0], tube, glottis) * _envelope(length, rate, 0.02)
    return _scaled(piece, rng.uniform(0.6, 1.2))


def _resonances(formants: Floats, rate: int) -> Floats:
    """Return the denominator of a filter with resonances at the formants in Hz."""
    denominator = np.ones(1)
    for frequency in formants[formants < 0.47 * rate]:
        # Losses grow with frequency (after Fant, 1960).
        radius = np.exp(-np.pi * (50 + 0.04 * frequency) / rate)
        angle = 2 * np.pi * frequency / rate
        denominator = np.convolve(denominator, [1, -2 * radius * np.cos(angle), radius**2])
    return denominator


def _unvoiced(rng: np.random.Generator, length: int, rate: int) -> Floats:
    from scipy.signal import butter, lfilter

    edge = rng.uniform(1500, 3500)
    numerator, denominator = butter(2, min(edge, 0.4 * rate), "highpass", fs=rate)
    piece = lfilter(numerator, denominator, rng.standard_normal(length))
    return _scaled(piece * _envelope(length, rate, 0.015), rng.uniform(0.15, 0.45))


def _envelope(length: int, rate: int, rise: float) -> Floats:
    edge = np.minimum(np.arange(length), np.arange(length)[::-1]) / (rise * rate)
    return np.asarray(0.5 - 0.5 * np.cos(np.pi * np.minimum(edge, 1)))


def swing(rng: np.random.Generator, seconds: float, sample_rate: int) -> Signal:
    """Generate a signal by `music` in the style `SWING`."""
    return music(rng, seconds, sample_rate, SWING)


def music(
    rng: np.random.Generator, seconds: float, sample_rate: int, style: Style = STRAIGHT
) -> Signal:
    """Generate a music-like signal, shape (samples,), float32.

    Several parts play notes of a scale, and noise bursts ("brushes") mark the beat. A part has one
    of four timbres (organ, reed, plucked string, bell), which differ in partials, decay and attack
    noise.

    Args:
        rng: random generator for key, tempo, timbres and notes.
        seconds: length.
        sample_rate: in Hz.
        style: scale, parts and rhythm.
    """
    out = np.zeros(round(seconds * sample_rate))
    key, beat = rng.uniform(110, 220), float(rng.uniform(0.16, 0.32))
    for octave in style.octaves:
        _play(rng, out, style, key * octave, beat, sample_rate)
    times = np.arange(0, seconds, beat / 2)
    times[1::2] += (style.off_beat - 0.5) * beat
    for time in times[times < seconds]:
        burst = style.brushes * rng.uniform(0.1, 0.3) * _brush(rng, beat / 2, sample_rate)
        _add(out, burst, round(time * sample_rate))
    return _levelled(rng, out)


def _play(
    rng: np.random.Generator, out: Floats, style: Style, key: float, beat: float, rate: int
) -> None:
    timbre = _Timbre.draw(rng)
    begin = 0
    while begin < len(out):
        duration = beat * float(rng.choice(style.lengths))
        if rng.uniform() > 0.12:
            pitch = key * 2 ** (style.scale[rng.integers(len(style.scale))] / 12)
            _add(out, timbre.note(rng, pitch, duration, rate), begin)
        begin += round(duration * rate)


def _brush(rng: np.random.Generator, seconds: float, rate: int) -> Floats:
    time = np.arange(round(seconds * rate)) / rate
    return np.asarray(np.exp(-time / 0.06) * rng.standard_normal(len(time)))


def _add(out: Floats, piece: Floats, begin: int) -> None:
    part = out[begin : begin + len(piece)]
    part += piece[: len(part)]


@dataclass(frozen=True)
class _Timbre:
    amplitudes: Floats
    stretch: float
    decay: float
    attack: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> _Timbre:
        organ = (1.0 / PARTIALS) * (PARTIALS % 2), 0.0, 0.0, 0.03
        reed = PARTIALS ** -rng.uniform(0.5, 1.0), 0.0, 0.5, 0.05
        string = PARTIALS**-1.2, 1e-4, 4.0, 0.3
        bell = PARTIALS**-0.8, 2e-3, 3.0, 0.2
        amplitudes, stretch, decay, attack = (organ, reed, string, bell)[rng.integers(4)]
        return cls(np.asarray(amplitudes, dtype=float), stretch, decay, attack)

    def note(self, rng: np.random.Generator, pitch: float, seconds: float, rate: int) -> Floats:
        time = np.arange(round(1.1 * seconds * rate)) / rate
        # Stiff strings and bars sound sharper in the high partials (Fletcher, 1964).
        frequency = pitch * PARTIALS * np.sqrt(1 + self.stretch * PARTIALS**2)
        used = frequency < 0.45 * rate
        phase = 2 * np.pi * frequency[used, None] * time + rng.uniform(0, 6.28, (used.sum(), 1))
        fall = np.exp(-self.decay * np.sqrt(PARTIALS[used, None]) * time)
        tone = (self.amplitudes[used, None] * fall * np.sin(phase)).sum(axis=0)
        # The broadband attack makes a note easy to localize, for listeners and correlations.
        strike = self.attack * np.exp(-time / 0.008) * rng.standard_normal(len(time))
        shaped = (tone + strike) * _envelope(len(time), rate, 0.005)
        return np.asarray(shaped * rng.uniform(0.5, 1.0))


def _scaled(piece: Floats, level: float) -> Floats:
    power = float(np.mean(piece**2)) if len(piece) else 0.0
    return piece * (level / np.sqrt(power)) if power > 0 else piece


def _levelled(rng: np.random.Generator, signal: Floats) -> Signal:
    noise = FLOOR * rng.standard_normal(len(signal))
    return _scaled(_scaled(signal, 1.0) + noise, LEVEL).astype(np.float32)
