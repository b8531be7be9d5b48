"""The oracle of the renderers: pyroomacoustics with its high-pass off."""

import pytest


@pytest.fixture
def without_high_pass():
    """Turn the high-pass of pyroomacoustics off for one test."""
    from pyroomacoustics import constants

    before = constants.get("rir_hpf_enable")
    constants.set("rir_hpf_enable", False)
    yield
    constants.set("rir_hpf_enable", before)
