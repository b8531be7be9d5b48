import pytest

from sslbench.errors import ParameterError, UnknownNameError, UsageError
from sslbench.selection import parse, select_datasets, select_methods


def test_a_plain_name_selects_itself_with_its_defaults(registry):
    (choice,) = select_methods(registry, ["corner"])
    assert (choice.params, str(choice)) == ({"height": 1.0}, "corner")


def test_parameters_are_typed_and_shown_when_they_differ(registry):
    (choice,) = select_methods(registry, ["corner[height=2]"])
    assert choice.params == {"height": 2.0}
    assert str(choice) == "corner[height=2.0]"


def test_braces_make_one_choice_for_each_value(registry):
    chosen = select_methods(registry, ["corner[height={0.5,2}]"])
    assert [choice.params["height"] for choice in chosen] == [0.5, 2.0]


def test_a_pattern_selects_all_that_match_in_order(registry):
    assert [c.name for c in select_methods(registry, ["*ner"])] == ["corner", "learner"]


def test_what_is_selected_twice_is_run_once(registry):
    assert len(select_methods(registry, ["corner", "c*", "corner[height=1.0]"])) == 1


def test_a_choice_that_is_printed_selects_itself_again(registry):
    (choice,) = select_methods(registry, ["corner[height=0.25]"])
    assert select_methods(registry, [str(choice)]) == [choice]


def test_the_split_follows_a_colon_and_test_is_the_default(registry):
    chosen = select_datasets(registry, ["noise", "noise[broken=true]:validation"])
    assert [(str(choice), split) for choice, split in chosen] == [
        ("noise", "test"),
        ("noise[broken=true]", "validation"),
    ]


@pytest.mark.parametrize("text", ["corner[", "corner]", "", "corner[height]", "corner[a=1,a=2]"])
def test_a_malformed_selection_shows_the_right_form(text):
    with pytest.raises(UsageError, match=r"name\[parameter=value"):
        parse(text)


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("corna", UnknownNameError, "perhaps corner"),
        ("x*", UnknownNameError, "nothing matches"),
        ("corner[hight=2]", ParameterError, "perhaps height"),
        ("late[x=2]", ParameterError, "no parameters"),
        ("corner[height=tall]", ParameterError, "a value of type float"),
        ("corner[height=-1]", ParameterError, "a number from 0 to inf"),
        ("corner:test", UsageError, "gives a split to a method"),
    ],
)
def test_a_wrong_method_selection_says_what_is_right(registry, text, error, message):
    with pytest.raises(error, match=message) as caught:
        select_methods(registry, [text])
    assert caught.value.exit_code == 2


def test_an_unknown_split_is_answered_with_the_nearest(registry):
    with pytest.raises(UnknownNameError, match="perhaps test"):
        select_datasets(registry, ["noise:tset"])


def test_a_truth_value_must_be_spelt_out(registry):
    with pytest.raises(ParameterError, match="type bool"):
        select_datasets(registry, ["noise[broken=1]"])


def test_a_pattern_with_a_parameter_means_the_methods_that_have_it(registry):
    assert [c.name for c in select_methods(registry, ["*[height=2]"])] == ["corner", "needs-many"]
    with pytest.raises(UnknownNameError, match="with width"):
        select_methods(registry, ["*[width=2]"])
