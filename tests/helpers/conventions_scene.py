"""One prediction for one scene, scored by every convention: the tables of docs/metrics.md.

Two sources cross within a minute. The prediction misses 8 % of the frames, has gross errors in 5 %
and a third track in 3 %, and exchanges its two tracks halfway. Run this file to print the tables.
"""

import numpy as np

from helpers.metric_cases import make, unit
from sslbench.metrics.corpus import Corpus
from sslbench.scene import Tracks
from sslbench.scoring.protocol_definitions import PROTOCOLS

FRAMES = 600

TRACKING = (
    ("`adavanne2021-code`: no gate, onsets", "localization-error", "mota-onsets", "track-onsets"),
    (
        "`adavanne2021`: no gate, frame by frame",
        "localization-error",
        "mota-framewise",
        "id-switches-framewise",
    ),
    *(
        (f"CLEAR-MOT, {gate} gate{note}", *(f"{name}[gate={gate}{rule}]" for name in names))
        for names in [("motp", "mota", "id-switches")]
        for gate, rule, note in (
            ("180deg", "", " (no gate)"),
            ("30deg", "", ""),
            ("20deg", "", ": `clearmot`"),
            ("10deg", "", ""),
            ("20deg", ",rule=jointly", ", TrackEval's rule"),
        )
    ),
)
"""Each convention with its metrics of error, accuracy and identity switches."""


def scene():
    """Return estimate and ground truth."""
    rng = np.random.default_rng(2021)
    times = 0.1 * np.arange(FRAMES)
    azimuth = np.radians(np.stack([np.linspace(-60, 60, FRAMES), np.linspace(60, -60, FRAMES)], 1))
    elevation = np.radians(np.broadcast_to([5.0, -5.0], azimuth.shape))
    truth = np.stack(
        [
            np.cos(elevation) * np.cos(azimuth),
            np.cos(elevation) * np.sin(azimuth),
            np.sin(elevation),
        ],
        axis=-1,
    )
    found = unit(truth + 0.04 * rng.normal(size=truth.shape))
    gross = rng.random((FRAMES, 2)) < 0.05
    found[gross] = unit(rng.normal(size=(gross.sum(), 3)))
    found[FRAMES // 2 :] = found[FRAMES // 2 :, ::-1]
    false = unit(rng.normal(size=(FRAMES, 1, 3)))
    detected = rng.random((FRAMES, 2)) >= 0.08
    active = np.concatenate([detected, rng.random((FRAMES, 1)) < 0.03], axis=1)
    estimate = np.concatenate([found, false], axis=1)
    return (
        Tracks.of(times, estimate, "direction", active),
        Tracks.of(times, truth, "direction"),
    )


def values(labels):
    corpus = Corpus.of([scene()])
    metrics = [make(label) for label in labels]
    return [metric.value(metric.rows(corpus)) for metric in metrics]


def tracking_table():
    """Return the rows of the table of tracking conventions."""
    rows = ["| convention | error [deg] | MOTA [%] | switches |", "| --- | --- | --- | --- |"]
    for name, *labels in TRACKING:
        error, accuracy, switches = values(labels)
        rows.append(f"| {name} | {error:.2f} | {accuracy:.1f} | {switches:.0f} |")
    return rows


def protocol_table():
    """Return the rows of the table of protocols of directions."""
    rows = ["| protocol | values |", "| --- | --- |"]
    for protocol in PROTOCOLS:
        if "direction" in protocol.primary or not protocol.primary:
            labels = [label for label in protocol.metrics if fits(label)]
            shown = ", ".join(
                f"`{label}` {value:.4g}"
                for label, value in zip(labels, values(labels), strict=True)
            )
            rows.append(f"| `{protocol.name}` | {shown} |")
    return rows


def fits(label):
    """Return whether a metric, by its label in a protocol, compares directions."""
    metres = any(f"={number}" in label for number in ("0.5m", "1m", "0.3m", "30cm", "10cm"))
    return not (metres or label.startswith(("position-", "microphone-")))


if __name__ == "__main__":
    print("\n".join([*tracking_table(), "", *protocol_table()]))
