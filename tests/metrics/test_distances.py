"""Distances with their unit."""

import pytest

from sslbench.errors import ParameterError
from sslbench.metrics.distances import Limit, parse_distance


@pytest.mark.parametrize(
    ("text", "value", "kind"),
    [
        ("30cm", 0.3, "position"),
        ("0.5m", 0.5, "position"),
        (".5 m", 0.5, "position"),
        ("20deg", 20.0, "direction"),
    ],
)
def test_a_distance_has_a_value_and_a_kind(text, value, kind):
    distance = parse_distance(text)
    assert (distance.value, distance.kind) == (pytest.approx(value), kind)


@pytest.mark.parametrize("text", ["", "1", "m", "0m", "-1m", "1km", "0.3m/1m"])
def test_an_invalid_distance_is_an_error(text):
    with pytest.raises(ParameterError, match=r"is not a distance\n.*0\.5m, 30cm or 20deg"):
        parse_distance(text)


@pytest.mark.parametrize(("text", "kind"), [("1m", "direction"), ("20deg", "position")])
def test_the_unit_of_the_other_kind_is_an_error(text, kind):
    with pytest.raises(ParameterError, match=f"'{text}' is not a distance between {kind}s"):
        parse_distance(text, kind)


def test_an_empty_limit_has_a_default_for_each_kind():
    limit = Limit.parse("", 0.5, 20.0)
    assert (limit.value_for("position"), limit.value_for("direction")) == (0.5, 20.0)
    assert limit.kind is None


def test_a_given_limit_applies_to_one_kind():
    limit = Limit.parse("1m", 0.5, 20.0)
    assert (limit.value_for("position"), limit.kind) == (1.0, "position")
