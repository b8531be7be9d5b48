"""Scenes as examples: random changes, batches, and processes that read ahead."""

from dataclasses import replace

import numpy as np
import pytest

from helpers.tiny_data import noise
from sslbench.training.examples import SceneExamples, batches


def first_sample(scene):
    return {"first": scene.recording.audio[:1, 0], "id": np.array(int(scene.recording.id[6:]))}


def louder(scene, rng):
    audio = scene.recording.audio * np.float32(rng.uniform(1, 2))
    return replace(scene, recording=replace(scene.recording, audio=audio))


@pytest.fixture
def scenes(tmp_path):
    return noise("train", tmp_path, count=8)


def values(examples):
    return [float(examples[index]["first"][0]) for index in range(len(examples))]


def augmented(scenes, seed=0, epoch=1):
    examples = SceneExamples(scenes, first_sample, louder)
    examples.begin_epoch(seed, epoch)
    return values(examples)


def test_an_example_has_its_arrays_and_its_index(scenes):
    example = SceneExamples(scenes, first_sample)[3]
    assert example["first"] == scenes.scene(3).recording.audio[:1, 0]
    assert example["index"] == 3


def test_random_changes_follow_from_seed_epoch_and_index(scenes):
    assert augmented(scenes, 5, 2) == augmented(scenes, 5, 2)


@pytest.mark.parametrize("other", [{"seed": 1}, {"epoch": 2}])
def test_random_changes_differ_between_seeds_and_epochs(scenes, other):
    pairs = zip(augmented(scenes), augmented(scenes, **other), strict=True)
    assert all(first != second for first, second in pairs)


def test_random_changes_differ_between_scenes(scenes):
    plain = values(SceneExamples(scenes, first_sample))
    factors = np.divide(augmented(scenes), plain)
    assert len(set(factors.round(4))) == len(scenes)


def test_random_changes_do_not_depend_on_the_order_of_reading(scenes):
    examples = SceneExamples(scenes, first_sample, louder)
    examples.begin_epoch(0, 1)
    backwards = [float(examples[index]["first"][0]) for index in reversed(range(len(scenes)))]
    assert backwards[::-1] == augmented(scenes)


def test_batches_follow_the_order_and_leave_out_an_incomplete_one(scenes):
    order = np.array([6, 1, 4, 3, 0, 7, 2])
    found = list(batches(SceneExamples(scenes, first_sample), order, size=3))
    assert [batch["id"].tolist() for batch in found] == [[6, 1, 4], [3, 0, 7]]
    assert [batch["index"].tolist() for batch in found] == [[6, 1, 4], [3, 0, 7]]


def test_batches_are_the_same_with_processes_that_read_ahead(scenes):
    examples = SceneExamples(scenes, first_sample, louder)
    examples.begin_epoch(0, 3)
    order = np.arange(8)
    alone, helped = (list(batches(examples, order, 4, workers)) for workers in (0, 2))
    assert [b["first"].tolist() for b in alone] == [b["first"].tolist() for b in helped]
