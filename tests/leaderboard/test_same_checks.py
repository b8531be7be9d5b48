"""Predictions that are not what was requested are refused wherever they are scored."""

import hashlib

import numpy as np
import pytest

from sslbench.cell import Cell, Choice
from sslbench.errors import SslbenchError
from sslbench.leaderboard.records import add
from sslbench.leaderboard.rescore import rescore
from sslbench.leaderboard.verify import verify
from sslbench.results.predictions import dump_predictions
from sslbench.running.config import RunConfig
from sslbench.running.engine import CellRunner
from sslbench.running.executors import run_cells
from sslbench.running.scoring import Submission, open_run, score_external, scored_again
from sslbench.scene import Prediction, Tracks


def predictions(times, tracks, kind):
    xyz = np.zeros((len(times), tracks, 3))
    xyz[..., 0] = 1.0
    return {f"square-{n}": Prediction(Tracks.of(times, xyz, kind)) for n in range(12)}


@pytest.fixture
def exchange(make_run, edit):
    """Return a function that gives a record other predictions, with their checksum."""

    def go(given):
        record = make_run()
        data = dump_predictions(given)
        record.with_name("predictions.npz").write_bytes(data)
        sha256 = hashlib.sha256(data).hexdigest()
        edit(record, lambda content: content["predictions"].update(sha256=sha256))
        return record

    return go


def by_file(session, record, boards):
    cell = Cell(Choice("other"), Choice("square"), "test", "smoke")
    return score_external(session, Submission(record.with_name("predictions.npz"), cell))


def by_score(session, record, boards):
    return scored_again(session, open_run(session, record))


def by_verify(session, record, boards):
    add(record, boards)
    (result,) = verify(session, boards)
    assert result.status == "differs"
    raise SslbenchError("\n".join(result.details))


def by_rescore(session, record, boards):
    add(record, boards)
    return list(rescore(session, boards))


@pytest.mark.parametrize("way", [by_file, by_score, by_verify, by_rescore])
@pytest.mark.parametrize(
    ("given", "message"),
    [
        (predictions([0.0], 2, "position"), "2 sources active at once"),
        (predictions([0.0], 1, "direction"), "direction"),
        (predictions([0.5], 1, "position"), "times"),
        (predictions([0.0, 0.1], 1, "position"), "2 times"),
    ],
    ids=["too many", "another kind", "other times", "more times"],
)
def test_predictions_that_were_not_requested_are_refused(
    session, exchange, boards, way, given, message
):
    with pytest.raises(SslbenchError, match=message):
        way(session, exchange(given), boards)


def test_too_many_sources_are_refused_in_the_same_words_in_a_run(session, registry, cell):
    runner = CellRunner(session.store.root, session.cache)
    (outcome,) = run_cells(registry, RunConfig(), runner, [cell("greedy")])
    assert outcome.status == "failed"
    assert "5 sources active at once" in outcome.reason
