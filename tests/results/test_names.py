"""Names of runs and files are readable, and accepted by every file system."""

import pytest

from helpers.records import record_data, replaced, training
from sslbench.results.names import file_stem, method_folder, record_path, run_name, slug
from sslbench.results.record import RunRecord

NEAREST = {"name": "nearest", "version": 1, "params": {}}


def record(**changes):
    return RunRecord.model_validate(replaced(record_data(), **changes))


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("corner", "corner"),
        ("corner[height=2.0]", "corner,height=2.0"),
        ("luvira[hop=512]+mics[n=7,pick=first]", "luvira,hop=512+mics,n=7,pick=first"),
        ("a[path=/home/me/x y]", "a,path=-home-me-xy"),
        ("../a", "a"),
        ("a[x=ä*?:,y=1]", "a,x=----,y=1"),
    ],
)
def test_a_slug_has_characters_that_every_file_system_accepts(label, expected):
    assert slug(label) == expected


def test_a_plain_run_has_a_short_name():
    assert run_name(record()) == "mine--square--test-smoke-s0"
    assert file_stem(record()) == "test-smoke-s0"


def test_the_names_have_what_differs_from_the_defaults():
    found = record(
        seed=2,
        scale="quick",
        protocol="feng2025",
        method__label="mine[grid=0.1]+nearest",
        method__additions=[NEAREST],
        dataset__label="square+mics[n=7]",
        dataset__split="validation",
    )
    expected = "mine,grid=0.1+nearest--square+mics,n=7--validation-quick-s2--feng2025"
    assert run_name(found) == expected
    assert file_stem(found) == "grid=0.1+nearest-mics,n=7-feng2025-validation-quick-s2"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ([], ""),
        (["square"], ""),
        (["walk[t60=0.2]"], "on-walk,t60=0.2"),
        (["walk", "square"], "on-walk-then-square"),
        (["square+mics[n=3]"], "on-square+mics,n=3"),
    ],
)
def test_other_training_data_are_in_the_names(data, expected):
    found = record(method__training=[training(each) for each in data])
    assert run_name(found) == "mine--square--test-smoke-s0" + (f"--{expected}" if expected else "")
    assert file_stem(found) == (f"{expected}-" if expected else "") + "test-smoke-s0"


def test_the_folder_of_a_method_names_its_trackers():
    found = record(method__label="mine+nearest[birth=1]", method__additions=[NEAREST])
    assert method_folder(found) == "mine+nearest"


def test_the_path_of_a_committed_record_follows_from_its_predictions():
    found = record(predictions__path="grid=0.1-test-smoke-s0.npz")
    assert record_path(found) == "results/square/1/mine/grid=0.1-test-smoke-s0.json"


def test_parameters_of_a_tracker_are_in_the_file_name():
    found = record(method__label="mine+nearest[birth=1]", method__additions=[NEAREST])
    assert file_stem(found) == "nearest,birth=1-test-smoke-s0"
