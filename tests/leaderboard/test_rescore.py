"""Committed predictions are scored again with the installed metrics."""

import pytest

from helpers import world
from sslbench.errors import FormatError, LeaderboardError, MissingDataError
from sslbench.leaderboard.records import add
from sslbench.leaderboard.rescore import rescore
from sslbench.leaderboard.verify import verify
from sslbench.results.record import read_record


@pytest.fixture
def committed(make_run, boards):
    return add(make_run(), boards)


def statuses(session, boards):
    return [result.status for result in rescore(session, boards)]


def test_a_record_with_right_scores_stays_as_it_is(committed, session, boards):
    before = committed.read_bytes()
    assert statuses(session, boards) == ["same"]
    assert committed.read_bytes() == before


def test_a_record_that_is_scored_again_verifies(committed, session, boards, edit):
    right = committed.read_bytes()
    edit(committed, lambda data: data["metrics"].pop(1))
    edit(committed, lambda data: data["dataset"].update(clusters={}))
    assert statuses(session, boards) == ["changed"]
    assert [result.status for result in verify(session, boards)] == ["verified"]
    assert committed.read_bytes() == right


def test_everything_besides_the_scores_is_kept(committed, session, boards, edit):
    edit(committed, lambda data: data["metrics"].clear())
    edit(committed, lambda data: data["cost"].update(infer_s=7.0))
    list(rescore(session, boards))
    record = read_record(committed)
    assert (record.cost.infer_s, record.created) == (7.0, "2025-01-01T00:00:00+00:00")
    assert record.predictions.path == "test-smoke-s0.npz"


def test_missing_data_leaves_the_record_alone(committed, session, boards, monkeypatch):
    def fail(*_):
        raise MissingDataError("not here")

    monkeypatch.setattr(world.Square, "__init__", fail)
    assert statuses(session, boards) == ["no data"]


def test_changed_scenes_are_refused(committed, session, boards, monkeypatch):
    monkeypatch.setattr(world.Square, "fingerprint", lambda self: "0" * 64)
    with pytest.raises(FormatError, match="the scenes of square have changed"):
        statuses(session, boards)


def test_there_must_be_records(session, boards):
    with pytest.raises(LeaderboardError, match="there is no such folder"):
        statuses(session, boards)
