"""The conventions of the field, each as a protocol: whose rules, which metrics, what they charge.

docs/metrics.md holds what each of them makes of one and the same answer.
"""

from __future__ import annotations

from sslbench.specs import ProtocolSpec

__all__ = ["DEFAULT_PROTOCOL", "PROTOCOLS"]

DEFAULT_PROTOCOL = "sslbench"

FRAMEWISE = "in each frame on its own, least summed distance"
POOLED = "sums over all frames of all recordings"


def _each(names: tuple[str, ...], *choices: str) -> tuple[str, ...]:
    return tuple(f"{name}[{choice}]" for choice in choices for name in names)


SSLBENCH = ProtocolSpec(
    name=DEFAULT_PROTOCOL,
    summary="The default of the boards: errors that silence cannot improve, and modern tracking",
    metrics=(
        "position-error-truncated",
        "position-error-mean",
        "position-error-rmse",
        *_each(("position-error-percentile",), "p=50", "p=90", "p=95"),
        *_each(("position-accuracy",), "within=10cm", "within=30cm", "within=1m"),
        *("position-bias-x", "position-bias-y", "position-bias-z"),
        "angular-error-truncated",
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
    gate="none for errors; cut-offs and gates of the set and identity metrics are in their names",
    missing="in truncated errors and accuracies a source without an answer counts as the largest"
    " error; mean, median and percentiles are over answered sources, so read coverage beside them",
    averaging=POOLED,
)

ADAVANNE = ProtocolSpec(
    name="adavanne2021",
    summary="Adavanne 2021 by its equations: LE, LR, MOTa with real identity switches, no gate",
    metrics=(
        "localization-error",
        "localization-recall",
        "localization-precision",
        "localization-f1",
        "mota-framewise",
        "id-switches-framewise",
    ),
    association=FRAMEWISE,
    gate="none: an answer 170 degrees away is a hit",
    missing="answers in silent frames are false positives; LE is over answered sources only",
    averaging=POOLED,
    primary={"position": "localization-error", "direction": "localization-error"},
    reference="Adavanne et al. 2021, equations (1) to (3)",
)

ADAVANNE_CODE = ProtocolSpec(
    name="adavanne2021-code",
    summary="Adavanne 2021 as its code counts: IDS are onsets; for its Table I and nothing else",
    metrics=("localization-error", "localization-recall", "mota-onsets", "track-onsets"),
    association=FRAMEWISE,
    gate="none",
    missing="answers in silent frames are false positives; LE is over answered sources only",
    averaging=f"{POOLED}; onsets also across the border of two recordings",
    primary={"position": "localization-error", "direction": "localization-error"},
    reference="the published code of Adavanne et al. 2021 (doa-net)",
)

_RESOLUTION = ("precision", "recall", "f1", "rmse")

LEMOING = ProtocolSpec(
    name="lemoing2019",
    summary="Le Moing 2019 with one answer a source: precision, recall, F1, RMSE at resolutions",
    metrics=_each(tuple(f"resolution-{name}" for name in _RESOLUTION), "within=0.3m", "within=1m"),
    association=f"{FRAMEWISE}; as many hits as possible come first",
    gate="the resolution, 0.3 m and 1 m, strictly less",
    missing="an answer without a source within the resolution is a false positive",
    averaging=POOLED,
    primary={"position": "resolution-f1[within=1m]"},
    reference="Le Moing et al. 2019, section IV; the same as its literal count if no two sources"
    " are closer than twice the resolution",
)

LEMOING_LITERAL = ProtocolSpec(
    name="lemoing2019-literal",
    summary="Le Moing 2019 to the letter; refuses scenes where precision would exceed 100 %",
    metrics=_each(
        tuple(f"resolution-literal-{name}" for name in _RESOLUTION), "within=0.3m", "within=1m"
    ),
    association="a source is found if any answer is within the resolution: one may serve several",
    gate="the resolution, 0.3 m and 1 m, strictly less",
    missing="false positives are answers less found sources",
    averaging=POOLED,
    primary={"position": "resolution-literal-f1[within=1m]"},
    reference="Le Moing et al. 2019, section IV",
)

FENG = ProtocolSpec(
    name="feng2025",
    summary="Feng 2025: mean distance with the best order of the answers, and hits of a cell",
    metrics=("utterance-error-mean", "cell-accuracy[side=1m]", "coverage"),
    association="one order of the answers for the whole recording, the best one",
    gate="none",
    missing="sources without an answer are left out; coverage counts them",
    averaging=POOLED,
    primary={"position": "utterance-error-mean"},
    reference="Feng et al. 2025, section IV; cells are one fixed partition here",
)

BERG = ProtocolSpec(
    name="berg2024",
    summary="Berg 2024: mean distance cut off at 3 m, acc@30cm; its intervals are too narrow",
    metrics=("position-error-truncated", "position-accuracy[within=30cm]", "microphone-error-mean"),
    association=FRAMEWISE,
    gate="none",
    missing="a source without an answer counts as 3 m; silent frames are left out",
    averaging=POOLED,
    primary={"position": "position-error-truncated"},
    single_frames=True,
    reference="Berg et al. 2024, section 4; its power threshold for silence is not stated",
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
    summary="CLEAR-MOT with a gate of 20 degrees or 0.5 m: the tracking community's count",
    metrics=_each(_CLEAR, "gate=0.5m", "gate=20deg"),
    association="earlier pairs are kept while within the gate, then least summed distance",
    gate="0.5 m, 20 degrees",
    missing="an unanswered source is a miss, an answer without a source a false positive",
    averaging=POOLED,
    primary={"position": "mota[gate=0.5m]", "direction": "mota[gate=20deg]"},
    reference="Bernardin and Stiefelhagen 2008; the order of motmetrics",
)

LOCATA = ProtocolSpec(
    name="locata",
    summary="LOCATA by its paper: detection, false alarms, fragmentation, latency, azimuth error",
    metrics=(
        "detection-probability",
        "false-alarm-rate",
        "track-fragmentation-rate",
        "track-latency",
        "azimuth-error-vap",
        "elevation-error-vap",
    ),
    association="in each frame on its own, least summed azimuth difference, then least angle",
    gate="30 degrees of azimuth",
    missing="answers in silence are false alarms",
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
    association=f"{FRAMEWISE}, then by segment of one second",
    gate="20 degrees for F and ER, none for LE and LR",
    missing="a source of a segment without an answer in it is a miss; if none is found, LE is 180",
    averaging=f"{POOLED}, by segment",
    primary={"direction": "seld-score[within=20deg]"},
    reference="Mesaros et al. 2019, Politis et al. 2020, as one class",
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
