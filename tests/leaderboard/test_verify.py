"""Committed numbers are computed again from committed answers, and nothing passes silently."""

import json

import pytest

from sslbench.errors import (
    FormatError,
    LeaderboardError,
    MissingDataError,
    ParameterError,
    PluginError,
    UnknownNameError,
)
from sslbench.leaderboard.records import add
from sslbench.leaderboard.verify import Truth, verify


@pytest.fixture
def committed(make_run, boards):
    return add(make_run(), boards)


@pytest.fixture
def checked(boards, truths, conditions, choose_rules):
    """Return a function that verifies the only record, against the right truth by default."""

    def check(truth=None, **changes):
        given = {"tracks": truths, "conditions": conditions, "manifest_sha256": "ab" * 32}
        found = truth or (lambda record: Truth(**(given | changes)))
        (result,) = verify(boards, found, choose_rules)
        return result

    return check


def edited(path, change):
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))


def test_what_was_committed_verifies(committed, checked):
    result = checked()
    assert (result.run_id, result.status, result.details) == ("mine-square-0", "verified", ())


@pytest.mark.parametrize(
    ("key", "value"), [("value", 0.01), ("value", None), ("ci95", [0.0, 1.0]), ("n", 99)]
)
def test_an_edited_number_is_found(committed, checked, key, value):
    edited(committed, lambda data: data["metrics"][0].update({key: value}))
    result = checked()
    assert result.status == "differs"
    assert any("recorded" in line and "scored again" in line for line in result.details)


def test_an_edit_of_half_a_part_in_a_million_passes_and_of_two_does_not(committed, checked):
    def grow(share):
        def change(data):
            data["metrics"][-1]["value"] *= 1 + share

        return change

    edited(committed, grow(5e-7))
    assert checked().status == "verified"
    edited(committed, grow(2e-6))
    assert checked().status == "differs"


def test_an_edited_direction_is_found(committed, checked):
    edited(committed, lambda data: data["metrics"][0].update(higher_is_better=False))
    assert "unit or direction" in checked().details[0]


def test_an_edited_stratum_is_found(committed, checked):
    def worsen(data):
        data["strata"]["t60_s"]["0.4"][0]["value"] = 0.0

    edited(committed, worsen)
    assert checked().details[0].startswith("t60_s 0.4: position-error-capped value: recorded 0.0")


def test_a_stratum_that_cannot_be_made_again_differs(committed, checked):
    assert "stratum t60_s 0.2 cannot be made again" in checked(conditions={}).details


def test_dropped_strata_are_found(committed, checked):
    edited(committed, lambda data: data["strata"].clear())
    assert checked().details == ("stratum t60_s 0.2 is missing", "stratum t60_s 0.4 is missing")


def test_an_emptied_stratum_is_found(committed, checked):
    edited(committed, lambda data: data["strata"]["t60_s"]["0.4"].clear())
    missing = "t60_s 0.4: position-error-capped is missing from the record"
    assert checked().details == (missing,)


def test_a_dropped_metric_is_found(committed, checked):
    edited(committed, lambda data: data["metrics"].pop(1))
    assert checked().details == ("coverage is missing from the record",)


def test_a_metric_that_is_there_twice_is_found(committed, checked):
    edited(committed, lambda data: data["metrics"].append(data["metrics"][0]))
    assert checked().details == ("position-accuracy[within=30cm] is there 2 times",)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("status", "failed", "status is failed, and only finished runs have numbers"),
        ("seeds", [], "0 seeds, and a run has one"),
        ("seeds", [0, 1], "2 seeds, and a run has one"),
    ],
)
def test_what_no_run_can_be_is_found(committed, checked, key, value, said):
    edited(committed, lambda data: data.update({key: value}))
    assert (checked().status, checked().details) == ("differs", (said,))


def test_a_record_without_numbers_is_found(committed, checked):
    edited(committed, lambda data: data.update(metrics=[], strata={}))
    assert checked().details == ("0 protocols (), and a run has one",)


def test_other_predictions_are_found(committed, checked, make_run):
    other = make_run("other", error=0.001).parent / "predictions.npz"
    committed.with_suffix(".npz").write_bytes(other.read_bytes())
    assert "checksum" in checked().details[0]


def test_missing_predictions_are_found(committed, checked):
    committed.with_suffix(".npz").unlink()
    result = checked()
    assert result.status == "differs"
    assert "the predictions are missing" in result.details[0]


def test_a_damaged_record_does_not_hide_the_others(
    committed, boards, make_run, truths, choose_rules
):
    add(make_run("other", strata={}), boards)
    committed.write_text("{")
    found = verify(boards, lambda record: Truth(truths), choose_rules)
    assert [(result.run_id, result.status) for result in found] == [
        ("mine-square-0", "differs"),
        ("other-square-0", "verified"),
    ]


def test_data_that_is_not_here_is_said_not_passed(committed, checked):
    result = checked(lambda record: None)
    assert result.status == "no data"
    assert "square is not on this machine" in result.details[0]


def test_data_that_cannot_be_opened_is_said_with_the_reason(committed, checked):
    def missing(record):
        raise MissingDataError("no folder", where="square")

    result = checked(missing)
    assert (result.status, result.details) == ("no data", ("square: no folder",))


def test_other_scenes_are_found(committed, checked):
    result = checked(manifest_sha256="0" * 64)
    assert result.details[0].startswith("the scenes here have manifest 000000000000...")


def test_other_recordings_are_found(committed, checked, truths):
    fewer = {name: truth for name, truth in truths.items() if name != "rec-3"}
    result = checked(tracks=fewer)
    assert result.status == "differs"
    assert result.details[0].startswith("rec-3: 1 recordings are only among the answers")


def test_a_number_of_recordings_that_is_wrong_is_found(committed, checked):
    edited(committed, lambda data: data["dataset"].update(recordings=1000))
    assert checked().details == ("12 recordings, the record says 1000",)


def test_another_version_of_a_metric_is_not_compared(committed, checked):
    edited(committed, lambda data: data["metrics"][0].update(version=7))
    assert checked().details == (
        "position-accuracy[within=30cm] is of version 1 here, 7 in the record",
    )


def test_a_metric_that_is_not_installed_differs(committed, checked):
    edited(committed, lambda data: data["metrics"][0].update(name="loudness"))
    assert checked().details == (
        "position-accuracy[within=30cm] is missing from the record",
        "loudness is not installed for this kind and protocol",
    )


def test_protocols_are_not_mixed(committed, checked):
    edited(committed, lambda data: data["metrics"][0].update(protocol="made-up"))
    assert checked().details == ("2 protocols (made-up, sslbench), and a run has one",)


def test_a_protocol_that_is_not_known_differs(committed, checked):
    def invent(data):
        for entries in [data["metrics"], *data["strata"]["t60_s"].values()]:
            for entry in entries:
                entry["protocol"] = "made-up"

    edited(committed, invent)
    assert "no protocol is named 'made-up'" in checked().details[0]


@pytest.mark.parametrize("error", [UnknownNameError, ParameterError, PluginError, FormatError])
def test_only_missing_data_is_no_data(committed, checked, error):
    def fail(record):
        raise error("cannot be opened")

    assert (checked(fail).status, checked(fail).details) == ("differs", ("cannot be opened",))


def test_a_folder_without_records_does_not_verify(boards, choose_rules):
    with pytest.raises(LeaderboardError, match="there is no such folder"):
        verify(boards, lambda record: None, choose_rules)
    boards.mkdir()
    with pytest.raises(LeaderboardError, match="there are no records"):
        verify(boards, lambda record: None, choose_rules)
