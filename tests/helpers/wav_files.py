"""Wav files written byte by byte."""

import struct

import numpy as np


def wav_bytes(samples, rate, *, announced=None):
    """Return a 16-bit wav file whose header of 44 bytes announces any number of bytes.

    Args:
        samples: integers, shape (samples,) or (samples, channels).
        rate: in Hz.
        announced: size of the samples according to the header; None for the actual size.
    """
    data = np.asarray(samples, "<i2")
    channels = data.shape[1] if data.ndim == 2 else 1
    size = data.nbytes if announced is None else announced
    form = struct.pack("<HHIIHH", 1, channels, rate, rate * 2 * channels, 2 * channels, 16)
    header = b"WAVEfmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", size)
    body = header + data.tobytes()
    return b"RIFF" + struct.pack("<I", len(body)) + body
