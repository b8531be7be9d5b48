"""Which answer belongs to which source, when a pair that was right goes on being a pair.

An answer that follows one source should not be handed to another that comes near for a moment.
Two rules are in use, and they give different numbers:

===========  ======================================================================================
`keep`       a source keeps its last answer, however long ago, while the two are within the gate
             (earlier columns first); the rest: most pairs, then the least summed distance.
             Bernardin and Stiefelhagen 2008, section 2.1.3, as motmetrics has it
`jointly`    as many pairs of the frame before as possible go on; the rest: the largest summed
             similarity, which is 1 - d / (2 gate). TrackEval's CLEAR. The frame before is the last
             in which there were both sources and answers
===========  ======================================================================================

Pairs of the frame before never compete, so that `jointly` too keeps all that are within the gate:
the rules differ in what they remember and in how they pair the rest. With 3 sources the summed
similarity may prefer 2 near pairs to 3 far ones.

Up to 3 sources and answers a frame is a step of a finite automaton, whose state is the last answer
of each source. What follows from every state is found for many frames at once; what is left for
Python is to look up one number after the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from math import prod

import numpy as np
from numpy.typing import NDArray

from sslbench.array_types import Booleans, Floats, Integers
from sslbench.errors import ParameterError
from sslbench.metrics.association.framewise import ENUMERATED, Matches
from sslbench.metrics.association.history import last_before, switched
from sslbench.metrics.corpus import Corpus
from sslbench.scene import Tracks  # noqa: F401  # the example uses it

__all__ = ["RULES", "Followed", "check_rule", "follow"]


RULES = ("keep", "jointly")

AT_ONCE = 1 << 14
"""Frames whose steps are found at a time, in a few megabytes."""


@dataclass(frozen=True, eq=False)
class Followed:
    """The pairs of a corpus under a rule of continuity, and where continuity broke.

    Args:
        matches: the pairs.
        switched: whether a source has another answer than the last that it had in this recording,
            however long ago, shape (frames, sources).
        resumed: whether a source has an answer again after it had none, same shape. Under `keep`
            it must have sounded in between, as motmetrics has it; under `jointly` any frame with
            sources and answers in between will do, as TrackEval has it.
    """

    matches: Matches
    switched: Booleans
    resumed: Booleans


def follow(corpus: Corpus, gate: float, rule: str = "keep") -> Followed:
    """Pair answers and sources in favour of the pairs that there were.

    Args:
        corpus: answers and truths.
        gate: metres or degrees; a pair whose distance is larger is no pair.
        rule: `keep` or `jointly`, see the head of this module.

    Raises:
        ParameterError: if there is no such rule, or `jointly` is given no finite gate.

    >>> truth = Tracks.of([0, 1], [[[0, 0, 0]]] * 2, "position")
    >>> answer = [[[0.1, 0, 0], [0.3, 0, 0]], [[0.3, 0, 0], [0.1, 0, 0]]]
    >>> corpus = Corpus.of([(Tracks.of([0, 1], answer, "position"), truth)])
    >>> follow(corpus, 0.5).matches.partner.T, follow(corpus, 0.2).switched.T
    (array([[0, 0]]), array([[False,  True]]))
    """
    check_rule(rule)
    if rule == "jointly" and not np.isfinite(gate):
        raise ParameterError(f"the rule {rule!r} without a gate", expected="a finite distance")
    near = corpus.possible & (corpus.distance <= gate)
    sounding, claimed = corpus.sounding, corpus.claimed
    # Where nothing is near, `keep` remembers what it did; `jointly` forgets it.
    both = _any(sounding) & _any(claimed)
    asked = np.flatnonzero(_any(near) if rule == "keep" else both)
    problem = _Problem(corpus, near, _worth(corpus, near, gate, rule), asked, rule)
    partner = np.full(sounding.shape, -1)
    if len(asked):
        few = max(near.shape[1:]) <= ENUMERATED
        partner[asked] = _by_automaton(problem) if few else _one_by_one(problem)
    chances = sounding if rule == "keep" else both[:, None]
    return _described(Matches(corpus, partner), chances)


def check_rule(rule: str) -> None:
    """Check that there is such a rule.

    Raises:
        ParameterError: if not.
    """
    if rule not in RULES:
        raise ParameterError(f"no rule {rule!r} of continuity", expected=" or ".join(RULES))


def _described(matches: Matches, chances: Booleans) -> Followed:
    answered, corpus = matches.answered, matches.corpus
    last = last_before(corpus, answered)
    again = answered & (last >= 0)
    return Followed(
        matches,
        switched=switched(matches),
        resumed=again & (last_before(corpus, chances) > last),
    )


def _any(flags: Booleans) -> Booleans:
    """Return whether any flag of each frame is set, (frames, ...) to (frames,)."""
    # Along long rows, which is many times quicker than along short ones.
    rows = np.ascontiguousarray(flags.reshape(len(flags), prod(flags.shape[1:])).T)
    return np.asarray(rows.any(axis=0))


def _worth(corpus: Corpus, near: Booleans, gate: float, rule: str) -> float:
    """Return the distance below which one more pair is welcome, whatever else it changes."""
    if rule == "jointly":
        return 2 * gate
    most: int = max(near.shape[1:])
    farthest = float(np.where(near, corpus.distance, 0.0).max(initial=0.0))
    return 1 + most * farthest


@dataclass(frozen=True, eq=False)
class _Problem:
    """What is to be paired.

    Args:
        corpus: answers and truths.
        near: whether source and answer may be a pair, shape (frames, sources, answers).
        worth: the price of a pair is its distance less this; the smallest summed price is best.
        asked: the frames that are looked at, shape (asked,).
        rule: `keep` or `jointly`.
    """

    corpus: Corpus
    near: Booleans
    worth: float
    asked: Integers
    rule: str

    @cached_property
    def fresh(self) -> Booleans:
        """Whether nothing is remembered at each frame that is asked, shape (asked,)."""
        return np.diff(self.corpus.recording[self.asked], prepend=-1) > 0

    def price(self, frames: Integers) -> Floats:
        """Return what pairs cost, infinite if they may be none, (frames, sources, answers)."""
        cost = self.corpus.distance[frames] - self.worth
        return np.where(self.near[frames], cost, np.inf)


@dataclass(frozen=True)
class _Automaton:
    """All ways to pair a few sources and answers, and what follows from what.

    A matching is one of the ways, and number 0 has no pair. A state is the answer that each source
    had last, and number 0 has none. A pattern has a bit for each pair that is near.
    """

    sources: int
    answers: int
    rule: str

    @cached_property
    def lasts(self) -> Integers:
        """Last answer of each source by state, -1 for none, shape (states, sources)."""
        return np.array(list(product(range(-1, self.answers), repeat=self.sources)))

    @cached_property
    def matchings(self) -> Integers:
        """Answer to each source, -1 for none, shape (matchings, sources)."""
        pairs = [[answer for answer in row if answer >= 0] for row in self.lasts.tolist()]
        return self.lasts[[len(set(row)) == len(row) for row in pairs]]

    def state(self, lasts: Integers) -> Integers:
        """Return the number of a state by the last answers, (..., sources) to (...)."""
        return (lasts + 1) @ (self.answers + 1) ** np.arange(self.sources)[::-1]

    @cached_property
    def parents(self) -> list[tuple[int, int, int]]:
        """Each matching but the first, as an earlier one and a pair: (it, source, answer)."""
        found = []
        rows = self.matchings.tolist()
        for row in rows[1:]:
            source = max(index for index, answer in enumerate(row) if answer >= 0)
            found.append((rows.index([*row[:source], *[-1] * (len(row) - source)]), source))
        return [(*one, row[one[1]]) for one, row in zip(found, rows[1:], strict=True)]

    @cached_property
    def completions(self) -> list[Integers]:
        """By matching, the ones that hold all its pairs, ascending."""
        same = self.matchings[:, None] == self.matchings
        holds = (same | (self.matchings[:, None] < 0)).all(axis=-1)
        return [np.flatnonzero(row) for row in holds]

    def patterns(self, near: Booleans) -> Integers:
        """Return the pattern of each frame, (frames, sources, answers) to (frames,)."""
        return near.reshape(len(near), -1) @ (1 << np.arange(self.sources * self.answers))

    @cached_property
    def kept(self) -> Integers:
        """The matching that a state keeps under a pattern, shape (states, patterns)."""
        bits = np.arange(1 << self.sources * self.answers)
        kept = np.full((len(self.lasts), len(bits), self.sources), -1)
        for source in range(self.sources):
            last = self.lasts[:, source, None]
            near = bits >> (source * self.answers + np.maximum(last, 0)) & 1 > 0
            taken = (kept[..., :source] == last[..., None]).any(axis=-1)
            kept[..., source] = np.where((last >= 0) & near & ~taken, last, -1)
        number = np.zeros(len(self.lasts), dtype=np.int64)
        number[self.state(self.matchings)] = np.arange(len(self.matchings))
        return number[self.state(kept)]

    @cached_property
    def after(self) -> Integers:
        """The state after a state and a matching, shape (states, matchings)."""
        new = np.broadcast_to(self.matchings, (len(self.lasts), *self.matchings.shape))
        if self.rule == "keep":
            new = np.where(new >= 0, new, self.lasts[:, None])
        return self.state(new)

    def best(self, price: Floats) -> NDArray[np.uint8]:
        """Return the cheapest completion of each matching, (frames, matchings).

        Args:
            price: of each pair, shape (frames, sources, answers).
        """
        total = np.zeros((len(self.matchings), len(price)))
        for matching, (parent, source, answer) in enumerate(self.parents, start=1):
            np.add(total[parent], price[:, source, answer], out=total[matching])
        best = np.empty((len(price), len(self.matchings)), dtype=np.uint8)
        for matching, (first, *others) in enumerate(self.completions):
            cheapest, lowest = np.full(len(price), first, dtype=np.uint8), total[first].copy()
            for other in others:
                np.copyto(cheapest, other, where=total[other] < lowest, casting="unsafe")
                np.minimum(lowest, total[other], out=lowest)
            best[:, matching] = cheapest
        return best


def _by_automaton(problem: _Problem) -> Integers:
    _, sources, answers = problem.near.shape
    automaton = _Automaton(sources, answers, problem.rule)
    matchings, patterns = len(automaton.matchings), automaton.kept.shape[1]
    kept = automaton.kept.astype(np.uint8).tobytes()
    after = automaton.after.astype(np.uint8).tobytes()
    chosen = bytearray()
    state = 0
    for frames, fresh in _chunks(problem):
        best = automaton.best(problem.price(frames)).tobytes()
        rows = range(0, len(best), matchings)
        near = automaton.patterns(problem.near[frames]).tolist()
        for row, pattern, new in zip(rows, near, fresh.tolist(), strict=True):
            if new:
                state = 0
            matching = best[row + kept[state * patterns + pattern]]
            state = after[state * matchings + matching]
            chosen.append(matching)
    return automaton.matchings[np.frombuffer(chosen, dtype=np.uint8)]


def _one_by_one(problem: _Problem) -> Integers:
    partner = np.empty((len(problem.asked), problem.near.shape[1]), dtype=np.int64)
    last = np.full(problem.near.shape[1], -1)
    row = 0
    for frames, fresh in _chunks(problem):
        for price, new in zip(problem.price(frames), fresh, strict=True):
            found = _paired(price, np.full_like(last, -1) if new else last)
            forgets = new or problem.rule == "jointly"
            last = found if forgets else np.where(found >= 0, found, last)
            partner[row] = found
            row += 1
    return partner


def _paired(price: Floats, last: Integers) -> Integers:
    """Keep what is near of the last answers, and pair the rest; `price` is of one frame."""
    from scipy.optimize import linear_sum_assignment

    partner = np.full_like(last, -1)
    free = np.isfinite(price)
    for source in np.flatnonzero(last >= 0):
        if free[source, last[source]]:
            partner[source] = last[source]
            free[source], free[:, last[source]] = False, False
    if free.any():
        # A pair that must not be costs nothing, as no pair does; all others cost less.
        first, second = linear_sum_assignment(np.where(free, price, 0.0))
        pairs = free[first, second]
        partner[first[pairs]] = second[pairs]
    return partner


def _chunks(problem: _Problem) -> Iterator[tuple[Integers, Booleans]]:
    for begin in range(0, len(problem.asked), AT_ONCE):
        chunk = slice(begin, begin + AT_ONCE)
        yield problem.asked[chunk], problem.fresh[chunk]
