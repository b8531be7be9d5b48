"""From typed text to methods with trackers, data sets with alterations, and executors."""

import pytest

from sslbench.errors import ParameterError, UnknownNameError, UsageError
from sslbench.selection import (
    choose,
    parse,
    select_datasets,
    select_executor,
    select_methods,
    select_one,
)
from sslbench.specs import AlterationSpec


def texts(chosen):
    return [str(choice) for choice in chosen]


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


def test_a_choice_that_is_selected_twice_is_returned_once(registry):
    assert len(select_methods(registry, ["corner", "cor*", "corner[height=1.0]"])) == 1


@pytest.mark.parametrize("text", ["corner[height=0.25]", "corner+nearest[birth=1,gate_m=0.2]"])
def test_a_choice_that_is_printed_selects_itself_again(registry, text):
    (choice,) = select_methods(registry, [text])
    assert select_methods(registry, [str(choice)]) == [choice]


def test_a_data_set_that_is_printed_selects_itself_again(registry):
    text = "noise[broken=true]+mics[n=3,pick=random]+noise[snr_db=-5.0]"
    ((choice, _),) = select_datasets(registry, [text])
    assert str(choice) == text
    assert select_datasets(registry, [str(choice)]) == [(choice, "test")]


def test_the_split_follows_a_colon_and_test_is_the_default(registry):
    chosen = select_datasets(registry, ["noise", "noise[broken=true]:validation"])
    assert [(str(choice), split) for choice, split in chosen] == [
        ("noise", "test"),
        ("noise[broken=true]", "validation"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "corner[",
        "corner]",
        "",
        "corner[height]",
        "corner[a=1,a=2]",
        "a+",
        "+a",
        "a++b",
        "a:b+c",
        "a:b:c",
        "a[b=1]c",
    ],
)
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
        ("corner+mics", UnknownNameError, "no tracker is named 'mics'"),
        ("corner+nearst", UnknownNameError, "perhaps nearest"),
        ("corner+near*", UnknownNameError, "no tracker is named"),
        ("corner+nearest[bith=1]", ParameterError, "perhaps birth"),
        ("corner+nearest[birth=0]", ParameterError, "a number from 1"),
    ],
)
def test_a_wrong_method_selection_says_what_is_right(registry, text, error, message):
    with pytest.raises(error, match=message) as caught:
        select_methods(registry, [text])
    assert caught.value.exit_code == 2


def test_an_unknown_split_is_reported_with_the_nearest(registry):
    with pytest.raises(UnknownNameError, match="perhaps test"):
        select_datasets(registry, ["noise:tset"])


def test_a_boolean_is_true_or_false(registry):
    with pytest.raises(ParameterError, match="type bool"):
        select_datasets(registry, ["noise[broken=1]"])


def test_a_pattern_with_a_parameter_means_the_methods_that_have_it(registry):
    found = [choice.name for choice in select_methods(registry, ["*[height=2]"])]
    assert found == ["borrower", "corner", "needs-many", "stacked"]
    with pytest.raises(UnknownNameError, match="with width"):
        select_methods(registry, ["*[width=2]"])


def test_alterations_follow_a_plus(registry):
    ((choice, split),) = select_datasets(registry, ["noise+mics[n=3]+noise:validation"])
    assert [addition.name for addition in choice.additions] == ["mics", "noise"]
    assert choice.additions[0].params == {"n": 3, "pick": "first", "seed": 0}
    assert (str(choice), str(choice.alone), split) == (
        "noise+mics[n=3]+noise",
        "noise",
        "validation",
    )


def test_braces_in_additions_make_every_combination(registry):
    chosen = select_datasets(registry, ["noise[broken={true,false}]+mics[n={2,3}]+reference"])
    assert texts(choice for choice, _ in chosen) == [
        f"noise{broken}+mics[n={n}]+reference" for broken in ("[broken=true]", "") for n in (2, 3)
    ]


def test_a_pattern_is_combined_with_every_addition(registry):
    chosen = select_methods(registry, ["*ner+nearest[birth={1,2}]"])
    assert texts(chosen) == [
        f"{name}+nearest[birth={birth}]" for name in ("corner", "learner") for birth in (1, 2)
    ]


def test_additions_in_another_order_are_another_choice(registry):
    chosen = select_datasets(registry, ["noise+mics+noise", "noise+noise+mics"])
    assert len(chosen) == 2


def test_signs_of_the_grammar_may_stand_in_values(registry):
    ((choice, split),) = select_datasets(registry, ["noise[folder=/a+b:c d]+mics:train"])
    assert (choice.params["folder"], split) == ("/a+b:c d", "train")


def test_blanks_around_names_and_values_do_not_matter(registry):
    assert texts(select_methods(registry, [" corner[ height = 2 ]+ nearest "])) == [
        "corner[height=2.0]+nearest"
    ]


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("noise+nearest", UnknownNameError, "no alteration is named 'nearest'"),
        ("noise+mcis[n=3]", UnknownNameError, "perhaps mics"),
        ("noise+mics[n=0]", ParameterError, "a number from 1"),
        ("noise+mics[pick=last]", ParameterError, "one of first, random"),
    ],
)
def test_a_wrong_addition_to_a_data_set_says_what_is_right(registry, text, error, message):
    with pytest.raises(error, match=message):
        select_datasets(registry, [text])


def test_an_executor_has_parameters(registry):
    choice = select_executor(registry, "limited[most=3]")
    assert (choice.name, choice.params) == ("limited", {"most": 3})


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("limitd", UnknownNameError, "perhaps limited"),
        ("limited[mots=3]", ParameterError, "perhaps most"),
        ("limited[most={1,2}]", UsageError, "selects 2"),
        ("limited+nearest", UsageError, "one executor without additions and split"),
        ("limited:test", UsageError, "one executor without additions and split"),
    ],
)
def test_a_wrong_executor_says_what_is_right(registry, text, error, message):
    with pytest.raises(error, match=message):
        select_executor(registry, text)


def test_one_is_selected_or_the_candidates_are_named(registry):
    chosen = select_datasets(registry, ["noise+mics[n={2,3}]"])
    with pytest.raises(UsageError, match=r"exactly one of noise\+mics\[n=2\]:test, noise\+mics"):
        select_one(chosen, "noise+mics[n={2,3}]")
    assert select_one([1], "one") == 1


def test_a_recorded_choice_is_checked(registry):
    spec = registry.find(AlterationSpec, "mics").spec
    assert str(choose(spec, {"n": 3})) == "mics[n=3]"
    with pytest.raises(ParameterError, match="n=0 is not allowed"):
        choose(spec, {"n": 0})
