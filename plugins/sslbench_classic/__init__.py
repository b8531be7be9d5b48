"""Classical methods: SRP-PHAT, multilateration, the MUSIC family, baselines and oracles.

This module is imported to list the methods, so it imports nothing heavy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from sslbench.hookspecs import hookimpl
from sslbench.specs import MethodSpec, Parameter, Part, Published, Shipped

__all__ = ["sslbench_methods"]

ANY_FORMAT = ("mics", "foa")

WINDOW = Parameter("window", 2048, "length of the frames that are averaged, in samples", minimum=64)
SEED = Parameter("seed", 0, "random seed", minimum=0)

CHANNELS = Parameter(
    "channels",
    0,
    "width of the network of NGCC-PHAT; 0 for 128 at paper scale, 16 at quick, 8 at smoke",
    minimum=0,
    maximum=1024,
)
NGCC = Part(
    name="ngcc",
    target="sslbench_ngcc.part:NgccPhat",
    parameters=("channels",),
    shipped=Shipped(folder="sslbench_ngcc:weights/ngcc"),
)

GRID = Parameter("grid", 0.2, "spacing of the coarse grid of positions in metres", minimum=0.01)
SEPARATION = Parameter(
    "separation", 0.5, "smallest distance between two positions in metres", minimum=0
)
THRESHOLD = Parameter(
    "threshold",
    0.2,
    "power (or votes) that a further source needs, relative to the strongest source",
    minimum=0,
    maximum=1,
)
SEPARATION_ANGLE = Parameter(
    "separation_angle", 15.0, "smallest angle between two directions in degrees", 0, 180
)

NFFT = Parameter("nfft", 512, "length of the analysis windows in samples; even", minimum=16)
LOW = Parameter("low", 300.0, "lowest frequency used in Hz", minimum=0)
HIGH = Parameter("high", 3500.0, "highest frequency used in Hz", minimum=1)


@hookimpl
def sslbench_methods() -> Sequence[MethodSpec]:
    """Return the specs of the classical methods."""
    return [
        *_baselines(),
        *_oracles(),
        _srp_phat(),
        _intensity_doa(),
        _srp_ngcc(),
        _multilateration(),
        *_pyroomacoustics(),
    ]


def _baselines() -> list[MethodSpec]:
    baseline = partial(MethodSpec, licence="MIT", formats=ANY_FORMAT, unknown_microphones=True)
    return [
        baseline(
            name="room-centre",
            target="sslbench_classic.baselines:RoomCentre",
            summary="baseline: the centre of the region in every frame",
            outputs=("position",),
            frame_wise=True,
        ),
        baseline(
            name="mean-position",
            target="sslbench_classic.baselines:MeanPosition",
            summary="baseline: the mean of the training positions in every frame",
            outputs=("position",),
            frame_wise=True,
            trainable=True,
        ),
        baseline(
            name="random-position",
            target="sslbench_classic.baselines:RandomPosition",
            summary="baseline: a random position in the region for every frame",
            outputs=("position",),
            parameters=(SEED,),
        ),
        baseline(
            name="random-direction",
            target="sslbench_classic.baselines:RandomDirection",
            summary="baseline: a random direction for every frame",
            outputs=("direction",),
            parameters=(SEED,),
        ),
    ]


def _oracles() -> list[MethodSpec]:
    oracle = partial(MethodSpec, licence="MIT", max_sources=None, oracle=True)
    cells = Parameter("grid", 6, "number of cells along each side of the region", minimum=1)
    step = Parameter("step", 10.0, "size of a cell in azimuth and elevation in degrees", 0.1, 90)
    return [
        oracle(
            name="oracle-quantiser",
            target="sslbench_classic.oracles:QuantiserOracle",
            summary="oracle: the centre of the grid cell that contains the source",
            outputs=("position",),
            parameters=(cells,),
            formats=ANY_FORMAT,
            published=(
                Published(
                    dataset="feng2025-l1",
                    metric="utterance-error-mean",
                    value=0.381,
                    source="Feng et al. 2025, Table 1 (QE, I=6)",
                    params={"grid": 6},
                ),
            ),
        ),
        oracle(
            name="oracle-direction-grid",
            target="sslbench_classic.oracles:DirectionGridOracle",
            summary="oracle: the centre of the azimuth-elevation cell that contains the source",
            outputs=("direction",),
            parameters=(step,),
            formats=ANY_FORMAT,
        ),
        oracle(
            name="oracle-delays",
            target="sslbench_classic.oracles:DelayOracle",
            summary="oracle: multilateration from the true delays, rounded to whole samples",
            outputs=("position",),
            min_channels=4,
            min_rank_position=3,
        ),
    ]


def _srp_phat() -> MethodSpec:
    return MethodSpec(
        name="srp-phat",
        target="sslbench_classic.srp_phat:SrpPhat",
        summary="steered response power with phase transform, coarse-to-fine search",
        outputs=("position", "direction"),
        licence="MIT",
        frame_wise=True,
        parameters=(
            GRID,
            Parameter("angle", 5.0, "spacing of the coarse grid of directions in degrees", 0.5, 45),
            WINDOW,
            THRESHOLD,
            SEPARATION,
            SEPARATION_ANGLE,
        ),
        max_sources=None,
        min_channels=2,
        unknown_microphones=True,
        min_rank_position=2,
        max_aperture=1.0,
        paper="DiBiase, PhD thesis, Brown University, 2000",
    )


def _intensity_doa() -> MethodSpec:
    return MethodSpec(
        name="intensity-doa",
        target="sslbench_classic.intensity:IntensityDoa",
        summary="votes of the intensity vectors of time-frequency bins, for ambisonics",
        outputs=("direction",),
        licence="MIT",
        formats=("foa",),
        frame_wise=True,
        parameters=(
            Parameter("window", 512, "length of the short frames in samples", minimum=32),
            Parameter("low", 200.0, "lowest frequency used in Hz", minimum=0),
            Parameter("high", 8000.0, "highest frequency used in Hz", minimum=1),
            Parameter(
                "power",
                2.0,
                "weight of a bin: the share of the intensity in its energy, to this power",
                minimum=0,
            ),
            THRESHOLD,
            SEPARATION_ANGLE,
        ),
        max_sources=None,
        paper="Merimaa and Pulkki 2005; Pavlidi et al. 2013 for the votes",
    )


def _srp_ngcc() -> MethodSpec:
    return MethodSpec(
        name="srp-ngcc",
        target="sslbench_classic.srp_ngcc:SrpNgcc",
        summary="the search of srp-phat in the log-probabilities of delays of NGCC-PHAT",
        outputs=("position",),
        licence="MIT",
        frame_wise=True,
        parameters=(
            GRID,
            Parameter(
                "threshold",
                0.2,
                "power that a further source needs, relative to the strongest source",
                minimum=0,
                maximum=1,
            ),
            SEPARATION,
            CHANNELS,
        ),
        max_sources=None,
        min_channels=2,
        unknown_microphones=True,
        min_rank_position=2,
        parts=(NGCC,),
        paper="NGCC-PHAT: Berg et al., Interspeech 2022",
    )


def _multilateration() -> MethodSpec:
    return MethodSpec(
        name="multilateration",
        target="sslbench_classic.multilateration:Multilateration",
        summary="RANSAC multilateration from several candidate delays per microphone pair",
        outputs=("position",),
        licence="MIT",
        frame_wise=True,
        parameters=(
            Parameter(
                "delays", "gcc", "peaks of GCC-PHAT or of NGCC-PHAT", choices=("gcc", "ngcc")
            ),
            Parameter("peaks", 4, "number of peaks taken for each pair", minimum=1, maximum=32),
            Parameter(
                "hypotheses", 1000, "number of minimal problems solved per frame", minimum=10
            ),
            Parameter("threshold", 0.1, "largest residual of an inlier in metres", minimum=0.001),
            Parameter(
                "accept",
                0.25,
                "smallest share of the pairs that must agree with an estimate",
                minimum=0,
                maximum=1,
            ),
            WINDOW,
            SEED,
            CHANNELS,
        ),
        parts=(replace(NGCC, when={"delays": "ngcc"}),),
        min_channels=4,
        unknown_microphones=True,
        min_channels_position=5,
        min_rank_position=3,
        paper="Astrom et al., EUSIPCO 2021; Berg et al., wav2pos, 2024",
    )


def _pyroomacoustics() -> list[MethodSpec]:
    grid = Parameter("grid", 5.0, "spacing of azimuth and elevation in degrees", 0.5, 45)
    dimensions = Parameter(
        "dimensions", 3, "3: search azimuth and elevation; 2: azimuth only", minimum=2, maximum=3
    )
    # Measured on the validation split of respeaker-sim: 40 frequencies, and windows of 256 samples
    # for TOPS, are as accurate as all frequencies of windows of 512 samples. The coherent methods
    # are three times faster with them.
    bins = Parameter("bins", 40, "largest number of frequencies used, evenly spaced", minimum=1)
    searched = (NFFT, LOW, HIGH, bins, grid, dimensions)
    return [
        _pra("srp", "PraSrp", "SRP-PHAT", searched),
        _pra("music", "PraMusic", "MUSIC", searched),
        _pra("normmusic", "PraNormMusic", "MUSIC, normalised per frequency", searched),
        _pra("cssm", "PraCssm", "coherent signal subspace method (CSSM)", searched),
        _pra("waves", "PraWaves", "weighted average of signal subspaces (WAVES)", searched),
        _pra(
            "tops",
            "PraTops",
            "test of orthogonality of projected subspaces (TOPS)",
            (replace(NFFT, default=256), HIGH, grid, dimensions),
        ),
        _pra(
            "frida",
            "PraFrida",
            "finite rate of innovation (FRIDA), azimuth only",
            (NFFT, LOW, HIGH, bins, SEED),
        ),
    ]


def _pra(name: str, target: str, summary: str, parameters: tuple[Parameter, ...]) -> MethodSpec:
    return MethodSpec(
        name=f"pra-{name}",
        target=f"sslbench_classic.pyroomacoustics_doa:{target}",
        summary=f"{summary}, from pyroomacoustics",
        outputs=("direction",),
        licence="MIT",
        frame_wise=True,
        parameters=parameters,
        max_sources=None,
        min_channels=3,
        max_aperture=1.0,
        paper="Scheibler, Bezzam and Dokmanic, ICASSP 2018",
    )
