"""Protocols of the literature: their metrics, rules and references.

docs/metrics.md compares the scores of one and the same prediction under all of them.
"""

from __future__ import annotations

from sslbench.specs import ProtocolSpec

__all__ = ["DEFAULT_PROTOCOL", "PROTOCOLS"]

DEFAULT_PROTOCOL = "sslbench"

FRAMEWISE = "in each frame on its own, by least summed distance"
POOLED = "sums over all frames of all recordings"


def _each(names: tuple[str, ...], *choices: str) -> tuple[str, ...]:
    return tuple(f"{name}[{choice}]" for choice in choices for name in names)


SSLBENCH = ProtocolSpec(
    name=DEFAULT_PROTOCOL,
    summary="Default: capped errors, which missed detections cannot improve, and tracking metrics",
    metrics=(
        "position-error-capped",
        "position-error-mean",
        "position-error-rmse",
        *_each(("position-error-percentile",), "p=50", "p=90", "p=95"),
        *_each(("position-accuracy",), "within=10cm", "within=30cm", "within=1m"),
        *("position-bias-x", "position-bias-y", "position-bias-z"),
        "angular-error-capped",
        "angular-error-mean",
        *_each(("angular-error-percentile",), "p=50", "p=90"),
        "azimuth-error-mean",
        *_each(("angular-accuracy",), "within=5deg", "within=10deg", "within=20deg"),
        *("coverage", "failure-rate", "false-alarms"),
        *_each(
            ("gospa", "gospa-localization", "gospa-missed", "gospa-false"),
            "cutoff=1m",
            "cutoff=30deg",
        ),
        *_each(("ospa", "ospa-2"), "cutoff=1m", "cutoff=30deg"),
        *_each(("hota", "det-a", "ass-a", "loc-a"), "zero=1m", "zero=40deg"),
        *_each(("idf1",), "gate=0.5m", "gate=20deg"),
        "microphone-error-mean",
    ),
    association=f"{FRAMEWISE}; over whole recordings for IDF1, HOTA and OSPA(2)",
    gate="none for errors; cut-offs and gates of other metrics are in their names",
    missing="in capped errors and accuracies a source without an estimate counts as the largest"
    " error; means and percentiles are over sources with an estimate, so read coverage as well",
    averaging=POOLED,
)

ADAVANNE = ProtocolSpec(
    name="adavanne2021",
    summary="Adavanne 2021 by its equations: LE, LR, MOTa with identity switches, no gate",
    metrics=(
        "localization-error",
        "localization-recall",
        "localization-precision",
        "localization-f1",
        "mota-framewise",
        "id-switches-framewise",
    ),
    association=FRAMEWISE,
    gate="none: an estimate 170 degrees away is a hit",
    missing="estimates in frames without a source are false positives; LE is over sources with an"
    " estimate only",
    averaging=POOLED,
    primary={"position": "localization-error", "direction": "localization-error"},
    reference="Adavanne et al. 2021, equations (1) to (3)",
)

ADAVANNE_CODE = ProtocolSpec(
    name="adavanne2021-code",
    summary="Adavanne 2021 as in its code, where IDS are onsets; only to compare with its Table I",
    metrics=("localization-error", "localization-recall", "mota-onsets", "track-onsets"),
    association=FRAMEWISE,
    gate="none",
    missing="estimates in frames without a source are false positives; LE is over sources with an"
    " estimate only",
    averaging=f"{POOLED}; onsets also from one recording to the next",
    primary={"position": "localization-error", "direction": "localization-error"},
    reference="the published code of Adavanne et al. 2021 (doa-net)",
)

_RESOLUTION = ("precision", "recall", "f1", "rmse")

LEMOING = ProtocolSpec(
    name="lemoing2019",
    summary="Le Moing 2019 with one-to-one matching: precision, recall, F1, RMSE at two radii",
    metrics=_each(tuple(f"resolution-{name}" for name in _RESOLUTION), "within=0.3m", "within=1m"),
    association=f"{FRAMEWISE}, after the largest number of hits",
    gate="the resolution, 0.3 m and 1 m; distances must be strictly less",
    missing="an estimate without a source within the resolution is a false positive",
    averaging=POOLED,
    primary={"position": "resolution-f1[within=1m]"},
    reference="Le Moing et al. 2019, section IV; equal to its literal count if no two sources are"
    " closer than twice the resolution",
)

LEMOING_LITERAL = ProtocolSpec(
    name="lemoing2019-literal",
    summary="Le Moing 2019 as worded; refuses scenes where precision would exceed 100 %",
    metrics=_each(
        tuple(f"resolution-literal-{name}" for name in _RESOLUTION), "within=0.3m", "within=1m"
    ),
    association="a source is found if any estimate is within the resolution; one estimate may find"
    " several sources",
    gate="the resolution, 0.3 m and 1 m; distances must be strictly less",
    missing="false positives are the number of estimates minus the number of sources found",
    averaging=POOLED,
    primary={"position": "resolution-literal-f1[within=1m]"},
    reference="Le Moing et al. 2019, section IV",
)

FENG = ProtocolSpec(
    name="feng2025",
    summary="Feng 2025: mean distance under the best permutation, and accuracy of grid cells",
    metrics=("utterance-error-mean", "cell-accuracy[side=1m]", "coverage"),
    association="the best permutation of the estimates, one for the whole recording",
    gate="none",
    missing="sources without an estimate are left out; coverage counts them",
    averaging=POOLED,
    primary={"position": "utterance-error-mean"},
    reference="Feng et al. 2025, section IV; cells are one fixed partition here",
)

BERG = ProtocolSpec(
    name="berg2024",
    summary="Berg 2024: mean distance capped at 3 m, acc@30cm; its intervals are too narrow",
    metrics=("position-error-capped", "position-accuracy[within=30cm]", "microphone-error-mean"),
    association=FRAMEWISE,
    gate="none",
    missing="a source without an estimate counts as 3 m; frames without a source are left out",
    averaging=POOLED,
    primary={"position": "position-error-capped"},
    single_frames=True,
    reference="Berg et al. 2024, section 4; its power threshold for silent frames is not stated",
)

_CLEAR = (
    "mota",
    "motp",
    "id-switches",
    "clear-misses",
    "clear-false-positives",
    "fragmentations",
)

CLEARMOT = ProtocolSpec(
    name="clearmot",
    summary="CLEAR-MOT with a gate of 20 degrees or 0.5 m, as used by the tracking community",
    metrics=_each(_CLEAR, "gate=0.5m", "gate=20deg"),
    association="pairs of previous frames are kept while within the gate; the rest by least summed"
    " distance",
    gate="0.5 m, 20 degrees",
    missing="a source without an estimate is a miss, an estimate without a source a false positive",
    averaging=POOLED,
    primary={"position": "mota[gate=0.5m]", "direction": "mota[gate=20deg]"},
    reference="Bernardin and Stiefelhagen 2008; pairs are kept in the order of motmetrics",
)

LOCATA = ProtocolSpec(
    name="locata",
    summary="LOCATA by its paper: detection, false alarms, fragmentation, latency, angular errors",
    metrics=(
        "detection-probability",
        "false-alarm-rate",
        "track-fragmentation-rate",
        "track-latency",
        "azimuth-error-vap",
        "elevation-error-vap",
    ),
    association="in each frame on its own, by least summed azimuth difference, then least angle",
    gate="30 degrees of azimuth",
    missing="estimates in frames without a source are false alarms",
    averaging="rates over all seconds; errors and latencies over voice-active periods",
    primary={"direction": "detection-probability"},
    reference="Evers et al. 2020; not the released code, whose defects docs/metrics.md lists",
)

DCASE = ProtocolSpec(
    name="dcase2020",
    summary="DCASE 2020 task 3 without classes: F and ER at 20 degrees, LE, LR in 1 s segments",
    metrics=(
        "f-score-within[within=20deg]",
        "error-rate-within[within=20deg]",
        "localization-error-segments",
        "localization-recall-segments",
        "seld-score[within=20deg]",
    ),
    association=f"{FRAMEWISE}, then by segments of one second",
    gate="20 degrees for F and ER, none for LE and LR",
    missing="a source without an estimate in a segment is a miss; if no source is found, LE is 180",
    averaging=f"{POOLED}, by segments",
    primary={"direction": "seld-score[within=20deg]"},
    reference="Mesaros et al. 2019, Politis et al. 2020, for one class",
)

PROTOCOLS = (
    SSLBENCH,
    ADAVANNE,
    ADAVANNE_CODE,
    LEMOING,
    LEMOING_LITERAL,
    FENG,
    BERG,
    CLEARMOT,
    LOCATA,
    DCASE,
)
