"""Holding the delays that are heard against those that labels imply, for the doctor.

All recordings are judged together, as they are and with each common mistake undone; then each is
judged beside the others. Where nothing explains what is heard, labels that are exchanged between
recordings say what chance would explain.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sslbench.datasets.doctor.delays import (
    Observation,
    closed,
    explained,
    implied_delays,
    tolerance,
)
from sslbench.datasets.doctor.findings import Finding
from sslbench.datasets.doctor.label_errors import Hypothesis, all_hypotheses

__all__ = ["listen"]

CONSISTENT = 0.5
"""Part of the delays that is always enough; good rooms give 0.8, wrong labels up to 0.4."""

ABOVE_CHANCE = 0.3
"""Part above what labels of other times explain that is enough too, in reverberant rooms."""

GAIN = 0.1
"""Part of the delays by which a mistake must explain more than the labels do."""

LEFT_OPEN = 0.5
"""A mistake must leave at most this part of what the labels leave unexplained, or the labels must
explain at most this part of what it explains above chance."""

TIE = 0.02
"""Mistakes whose parts differ by less explain the delays equally well."""

FEW = 4
"""Recordings from which one of them can be called odd."""

SPREADS = 4.0
"""Standard deviations (from the median absolute deviation) below the median that are odd."""

CLEAR = 0.5
"""Part of the microphone triples whose delays agree, from which one place is heard clearly."""

BLOCKS = 5
"""Different labels from which exchanging them tells what chance explains: 120 ways."""

EXCHANGES = 999
"""Times that labels are exchanged."""

BY_CHANCE = 0.01
"""Part of the exchanges that explain as much, from which the labels are no better than chance."""


def listen(heard: Mapping[str, Sequence[Observation]]) -> list[Finding]:
    """Judge labels by what is heard.

    Args:
        heard: observations by the name of their recording.

    Returns:
        Recordings that are unlike the others, and last what holds for all.
    """
    usable = {name: [o for o in group if _heard(o).any()] for name, group in heard.items()}
    everything = [o for group in usable.values() for o in group]
    if not everything:
        return [
            Finding(
                "unchecked",
                "warning",
                "no delays between microphones could be heard: nothing to check",
            )
        ]
    within = tolerance(everything)
    groups = {name: group for name, group in usable.items() if group}
    return [*_odd(groups, within), _judge(everything, within)]


def _heard(observation: Observation) -> NDArray[np.bool_]:
    return np.isfinite(observation.measured[:, 0])


def _part(observations: Sequence[Observation], within: float) -> float:
    return explained(observations, [implied_delays(o) for o in observations], within)


def _odd(groups: Mapping[str, Sequence[Observation]], within: float) -> Iterator[Finding]:
    """Name recordings in which one place is heard clearly, but less where the labels have it.

    The spread over recordings counts too: where it is large, little is odd.
    """
    parts = {name: _part(group, within) for name, group in groups.items()}
    values = np.array(list(parts.values()))
    middle = float(np.median(values))
    if len(values) < FEW or middle < CONSISTENT:
        return
    spread = 1.4826 * float(np.median(np.abs(values - middle)))
    bound = min(middle / 2, middle - SPREADS * spread)
    low = [n for n, part in parts.items() if part < bound and closed(groups[n], within) >= CLEAR]
    if low:
        shares = ", ".join(f"{parts[name]:.0%}" for name in low[:5])
        yield Finding(
            "odd-recording",
            "warning",
            f"the labels explain {shares} of the delays heard in {len(low)} of {len(parts)} "
            f"recordings, and {middle:.0%} in the median one",
            hint="are their labels, their channels and the sample rate they name right?",
        ).at(low)


def _judge(usable: Sequence[Observation], within: float) -> Finding:
    given = _part(usable, within)
    scored = [
        (explained(usable, mistake.implied, within), mistake)
        for mistake in all_hypotheses(usable, within)
    ]
    best = max(score for score, _ in scored)
    chance = _chance(usable, within)
    enough = min(CONSISTENT, chance + ABOVE_CHANCE)
    clearly = 1 - best <= LEFT_OPEN * (1 - given) or given - chance <= LEFT_OPEN * (best - chance)
    if best >= max(enough, given + GAIN) and clearly:
        return _mistaken(given, best, [m for score, m in scored if score >= best - TIE])
    text = f"the labels explain {given:.0%} of the delays heard at {len(usable)} times"
    return (
        Finding("consistent", "ok", text) if given >= enough else _unexplained(usable, within, text)
    )


def _chance(observations: Sequence[Observation], within: float) -> float:
    """Return the part of the delays that labels explain which belong to other times."""
    implied = [implied_delays(o) for o in observations]
    if len({delays.shape[-1] for delays in implied}) > 1:
        return CONSISTENT
    half = len(implied) // 2
    return explained(observations, implied[half:] + implied[:half], within)


def _mistaken(given: float, best: float, equals: Sequence[Hypothesis]) -> Finding:
    named, others = equals[0], dict[str, str]()
    for mistake in equals:
        others.setdefault(mistake.code, mistake.message)
    also = "".join(f"; equally well: {text}" for text in list(others.values())[1:])
    return Finding(
        named.code,
        "error",
        f"{named.message} (explains {best:.0%} of the delays heard, the labels {given:.0%}){also}",
        hint=named.hint,
    )


def _unexplained(observations: Sequence[Observation], within: float, text: str) -> Finding:
    """Tell labels that say nothing of what is heard from true ones that reverberation hides."""
    exchanged = _exchanged(observations, within)
    if exchanged is None:
        return Finding(
            "unexplained",
            "warning",
            f"{text}, and no common mistake explains more; there are too few different labels to "
            "tell whether that is chance",
            hint="are these their labels? Or are they too noisy or reverberant to tell?",
        )
    if np.mean(exchanged >= exchanged[0]) > BY_CHANCE:
        return Finding(
            "unexplained",
            "error",
            f"{text}, no more than chance: exchanged at random they explain {exchanged.mean():.0%}",
            hint="are these their labels? If they are, nothing but noise or echoes can be heard",
        )
    return Finding(
        "unexplained",
        "warning",
        f"{text}, and no common mistake explains more; it is more than chance, since exchanged at "
        f"random they explain {exchanged.mean():.0%}",
        hint="are some of the labels wrong? Or do noise and reverberation hide the direct sound?",
    )


def _exchanged(observations: Sequence[Observation], within: float) -> NDArray[np.float64] | None:
    """Return the parts that labels explain if they are exchanged at random.

    Returns:
        Shape (EXCHANGES + 1,), the labels as they are among them; None where too few differ.
    """
    blocks: dict[bytes, list[Observation]] = {}
    for observation in observations:
        # Labels that imply the same delays stay together: to exchange them would change nothing.
        same = np.round(implied_delays(observation) / within).astype(int).tobytes()
        blocks.setdefault(same, []).append(observation)
    if len(blocks) < BLOCKS:
        return None
    labels = [block[0].sources for block in blocks.values()]
    parts = np.array(
        [
            [_part([replace(o, sources=sources) for o in block], within) for sources in labels]
            for block in blocks.values()
        ]
    )
    heard = [sum(int(_heard(o).sum()) for o in block) for block in blocks.values()]
    weights = np.array(heard) / sum(heard)
    rng = np.random.default_rng(0)
    rows = np.arange(len(blocks))
    orders = [rows, *(rng.permutation(rows) for _ in range(EXCHANGES))]
    return np.array([weights @ parts[rows, order] for order in orders])
