"""Classical methods: floors and ceilings, SRP-PHAT, the MUSIC family and multilateration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sslbench.hookspecs import hookimpl
from sslbench.specs import MethodSpec, Parameter, Published

__all__ = ["sslbench_methods"]

SEED = Parameter("seed", 0, "seed of what is drawn", minimum=0)

NFFT = Parameter("nfft", 512, "length of the analysis windows in samples, even", minimum=16)
LOW = Parameter("low", 300.0, "lowest frequency used in Hz", minimum=0)
HIGH = Parameter("high", 3500.0, "highest frequency used in Hz", minimum=1)


@hookimpl
def sslbench_methods() -> Sequence[MethodSpec]:
    """Offer the classical methods."""
    return [*_floors(), *_oracles(), _srp_phat(), _multilateration(), *_pyroomacoustics()]


def _floors() -> list[MethodSpec]:
    return [
        MethodSpec(
            name="room-centre",
            target="sslbench_classic.baselines:RoomCentre",
            summary="the middle of the region, always",
            outputs=("position",),
            licence="MIT",
            formats=("mics", "foa"),
        ),
        MethodSpec(
            name="mean-position",
            target="sslbench_classic.baselines:MeanPosition",
            summary="the mean of the training positions, always",
            outputs=("position",),
            licence="MIT",
            formats=("mics", "foa"),
            trainable=True,
        ),
        MethodSpec(
            name="random-position",
            target="sslbench_classic.baselines:RandomPosition",
            summary="uniformly random in the region",
            outputs=("position",),
            licence="MIT",
            parameters=(SEED,),
            formats=("mics", "foa"),
        ),
        MethodSpec(
            name="random-direction",
            target="sslbench_classic.baselines:RandomDirection",
            summary="uniformly random on the sphere",
            outputs=("direction",),
            licence="MIT",
            parameters=(SEED,),
            formats=("mics", "foa"),
        ),
    ]


def _oracles() -> list[MethodSpec]:
    return [
        MethodSpec(
            name="oracle-quantiser",
            target="sslbench_classic.oracles:QuantiserOracle",
            summary="the centre of the cell in which the source is",
            outputs=("position",),
            licence="MIT",
            parameters=(Parameter("grid", 6, "cells a side of the region", minimum=1),),
            max_sources=None,
            formats=("mics", "foa"),
            oracle=True,
            published=(
                Published(
                    dataset="feng2025-l1",
                    metric="position-error-truncated",
                    value=0.381,
                    source="Feng et al. 2025, Table 1 (QE, I=6)",
                    params={"grid": 6},
                ),
            ),
        ),
        MethodSpec(
            name="oracle-direction-grid",
            target="sslbench_classic.oracles:DirectionGridOracle",
            summary="the centre of the cell of azimuth and elevation in which the source is",
            outputs=("direction",),
            licence="MIT",
            parameters=(
                Parameter("step", 10.0, "size of a cell in degrees", minimum=0.1, maximum=90),
            ),
            max_sources=None,
            formats=("mics", "foa"),
            oracle=True,
        ),
        MethodSpec(
            name="oracle-delays",
            target="sslbench_classic.oracles:DelayOracle",
            summary="multilateration from the true delays in whole samples",
            outputs=("position",),
            licence="MIT",
            max_sources=None,
            min_channels=4,
            min_rank_position=3,
            oracle=True,
        ),
    ]


def _srp_phat() -> MethodSpec:
    return MethodSpec(
        name="srp-phat",
        target="sslbench_classic.srp_phat:SrpPhat",
        summary="steered response power with phase transform, coarse to fine",
        outputs=("position", "direction"),
        licence="MIT",
        parameters=(
            Parameter("grid", 0.2, "spacing of the coarse grid of positions in m", minimum=0.01),
            Parameter("angle", 5.0, "spacing of the coarse directions in degrees", 0.5, 45),
            Parameter("window", 2048, "length of the averaged frames in samples", minimum=64),
            Parameter(
                "threshold",
                0.2,
                "share of the strongest source's power or votes that a further one must have",
                minimum=0,
                maximum=1,
            ),
            Parameter("separation", 0.5, "smallest distance of two positions in m", minimum=0),
            Parameter(
                "separation_angle", 15.0, "smallest angle between two directions in degrees", 0, 180
            ),
        ),
        max_sources=None,
        min_channels=2,
        min_rank_position=2,
        max_aperture=1.0,
        paper="DiBiase, PhD thesis, Brown University, 2000",
    )


def _multilateration() -> MethodSpec:
    return MethodSpec(
        name="multilateration",
        target="sslbench_classic.multilateration:Multilateration",
        summary="RANSAC multilateration from several GCC-PHAT peaks a pair",
        outputs=("position",),
        licence="MIT",
        parameters=(
            Parameter("peaks", 4, "peaks of each correlation", minimum=1, maximum=32),
            Parameter("hypotheses", 1000, "minimal problems solved a frame", minimum=10),
            Parameter("threshold", 0.1, "largest residual of an inlier in m", minimum=0.001),
            Parameter(
                "accept",
                0.25,
                "smallest share of the pairs that must agree with an answer",
                minimum=0,
                maximum=1,
            ),
            Parameter("window", 2048, "length of the averaged frames in samples", minimum=64),
            SEED,
        ),
        min_channels=4,
        min_channels_position=5,
        min_rank_position=3,
        paper="Astrom et al., EUSIPCO 2021; Berg et al., wav2pos, 2024",
    )


def _pyroomacoustics() -> list[MethodSpec]:
    grid = Parameter("grid", 5.0, "spacing of azimuth and elevation in degrees", 0.5, 45)
    dimensions = Parameter("dimensions", 3, "2 searches azimuth alone", minimum=2, maximum=3)
    # Measured on the validation split of respeaker-sim: 40 frequencies, and windows of 256 samples
    # for TOPS, are as accurate as all of 512 samples, and the coherent methods three times faster.
    bins = Parameter("bins", 40, "frequencies used at most, evenly spaced", minimum=1)
    searched = (NFFT, LOW, HIGH, bins, grid, dimensions)
    return [
        _pra("srp", "PraSrp", "SRP-PHAT", searched),
        _pra("music", "PraMusic", "MUSIC", searched),
        _pra("normmusic", "PraNormMusic", "MUSIC with normalised frequencies", searched),
        _pra("cssm", "PraCssm", "coherent signal subspace", searched),
        _pra("waves", "PraWaves", "weighted average of signal subspaces", searched),
        _pra(
            "tops",
            "PraTops",
            "orthogonality of projected subspaces",
            (replace(NFFT, default=256), HIGH, grid, dimensions),
        ),
        _pra(
            "frida",
            "PraFrida",
            "finite rate of innovation (azimuth only)",
            (NFFT, LOW, HIGH, bins, SEED),
        ),
    ]


def _pra(name: str, target: str, summary: str, parameters: tuple[Parameter, ...]) -> MethodSpec:
    return MethodSpec(
        name=f"pra-{name}",
        target=f"sslbench_classic.pyroomacoustics_doa:{target}",
        summary=f"{summary}, of pyroomacoustics",
        outputs=("direction",),
        licence="MIT",
        parameters=parameters,
        max_sources=None,
        min_channels=3,
        max_aperture=1.0,
        paper="Scheibler, Bezzam and Dokmanic, ICASSP 2018",
    )
