"""Miniatures of the DCASE data sets of sound events: the same formats, a second of sound."""

from dataclasses import replace

import numpy as np

from helpers.wav_files import wav_bytes
from sslbench.contracts import DatasetRequest
from sslbench.datasets.real import dcase_events

SECONDS = 1.0

RELEASES = {
    "tau-sse-2019": (dcase_events.TauSse2019, 48000),
    "tau-nigens-2020": (dcase_events.TauNigens2020, 24000),
    "tau-nigens-2021": (dcase_events.TauNigens2021, 24000),
    "starss22": (dcase_events.Starss22, 24000),
    "starss23": (dcase_events.Starss23, 24000),
}

FRAMES = "0,6,0,-30,10\n1,6,0,-29,10\n1,11,1,90,-5\n2,11,1,91,-5\n7,6,2,180,0\n"
"""A label file from 2020 on: two events that overlap, and one of the class of the first."""

INTERVALS = (
    "sound_event_recording,start_time,end_time,ele,azi,dist\n"
    "speech005.wav,0.12,0.31,10,-30,2\n"
    "knock010.wav,0.25,0.84,-20,170,1\n"
)
"""A label file of 2019."""

DISTANCES = "0,0,0,12,-3,205\n0,8,1,-40,-10,98\n1,0,0,12,-3,204\n"
"""A label file of STARSS23."""


def audio(seconds=SECONDS, rate=24000, channels=4, seed=0):
    """Return samples in 16 bits, shape (samples, channels)."""
    rng = np.random.default_rng(seed)
    return rng.integers(-3000, 3000, (round(seconds * rate), channels))


def write(root, name, labels=FRAMES, *, array="mic", group="dev", samples=None, rate=24000):
    """Write one recording with its labels."""
    sound = root / f"{array}_{group}" / f"{name}.wav"
    text = root / f"metadata_{group}" / f"{name}.csv"
    for path in (sound, text):
        path.parent.mkdir(parents=True, exist_ok=True)
    sound.write_bytes(wav_bytes(audio(rate=rate) if samples is None else samples, rate))
    text.write_text(labels)
    return sound, text


def opened(root, name="tau-nigens-2020", split="test", scale="paper", *, seconds=SECONDS, **params):
    """Open a miniature of a release, whose recordings are shorter than those of the release."""
    kind = RELEASES[name][0]
    length = seconds if kind.release.seconds else 0.0

    class Miniature(kind):
        release = replace(kind.release, seconds=length)

    return Miniature(DatasetRequest(split, scale, params, root, root))
