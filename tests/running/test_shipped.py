"""Weights that a plugin comes with: written from a finished training, and used without any."""

import sys
from dataclasses import replace

import numpy as np
import pytest

from helpers import world
from sslbench.cell import Cell, Choice
from sslbench.errors import BrokenPluginError, UsageError
from sslbench.running.shipped import (
    origin,
    ready_shipped,
    ship,
    shipped_choice,
    usable_method,
)
from sslbench.selection import select_methods
from sslbench.specs import MethodSpec


@pytest.fixture
def chosen(registry):
    """Return a method as typed."""

    def choose(text):
        (choice,) = select_methods(registry, [text])
        return choice

    return choose


@pytest.fixture
def spec(registry):
    return lambda name: registry.find(MethodSpec, name).spec


@pytest.fixture
def use(chosen, spec):
    """Return a method as typed, with the parameters of its shipped weights."""

    def choose(text):
        return shipped_choice(spec(chosen(text).name), chosen(text))

    return choose


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Return the folder of an empty package that the specs of `helpers.world` name."""
    folder = tmp_path / "shipped_weights"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "shipped_weights", raising=False)
    return folder


@pytest.fixture
def trained(session, cell, package):
    """Ship a training of the method `stacked`; return its training."""
    training = cell("stacked[height=2]", seed=(3,)).training
    ship(session, training, package)
    return training


def estimate(session, method):
    noise = Choice("noise", {"broken": False, "folder": ""})
    return method.locate(session.dataset(noise, "test", "smoke").scene(0).recording)


def test_a_training_and_its_parts_are_copied(trained, package, spec):
    assert sorted(path.name for path in package.iterdir() if path.is_dir()) == ["height", "stacked"]
    assert (package / "stacked" / "checkpoint" / "mean.npy").is_file()
    assert (
        origin(spec("stacked"), trained.method)
        == "stacked[height=2.0] trained on noise (smoke), seed 3"
    )


def test_a_method_with_shipped_weights_estimates_what_the_trained_one_does(
    session, cell, trained, spec, use
):
    of_training = usable_method(session, cell("stacked[height=2]", seed=(3,)))
    fits = list(world.Stacked.fits), world.Height.fits
    shipped = ready_shipped(spec("stacked"), use("stacked"))
    assert (list(world.Stacked.fits), world.Height.fits) == fits
    expected, found = (estimate(session, each).tracks.xyz for each in (of_training, shipped))
    np.testing.assert_array_equal(found, expected)
    assert found[0, 0, 2] == 2


def test_defaults_become_the_parameters_of_the_training(use):
    assert str(use("stacked+nearest")) == "stacked[height=2.0]+nearest"


def test_a_method_that_does_not_learn_stays_as_it_is(use, chosen):
    assert use("corner[height=3]") == chosen("corner[height=3]")


def test_a_method_whose_parts_alone_learn_uses_theirs(session, trained, spec, use):
    choice = use("borrower[height=2]")
    assert estimate(session, ready_shipped(spec("borrower"), choice)).tracks.xyz[0, 0, 2] == 2
    assert origin(spec("borrower"), choice).startswith(
        "the part height of stacked[height=2.0] trained"
    )


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("learner", "--trained-on"),
        ("stacked[height=3]", r"it comes with weights for stacked\[height=2.0\]"),
        ("stacked[scaled=true]", r"it comes with weights for stacked\[height=2.0\]"),
        ("borrower", "--trained-on"),
    ],
)
def test_without_weights_for_its_parameters_a_method_must_be_trained(use, text, hint):
    with pytest.raises(UsageError, match=rf"(?s)must be trained first.*{hint}"):
        use(text)


def test_a_plugin_without_the_folder_that_it_names_is_broken(package, spec, use):
    choice = use("stacked")
    with pytest.raises(BrokenPluginError, match="no folder shipped_weights:height"):
        ready_shipped(spec("stacked"), choice)


def test_a_cell_without_a_training_gets_shipped_weights(session, trained, use):
    cell = Cell(use("stacked"), Choice("noise"), "", "smoke")
    expected = usable_method(session, replace(cell, training=trained))
    np.testing.assert_array_equal(usable_method(session, cell).mean, expected.mean)
