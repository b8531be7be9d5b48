"""The built-in data sets, registered as a plugin like those of third parties.

The catalogue (``datasets.yaml``) describes the data sets; this module names their classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sslbench.datasets import locate
from sslbench.datasets.alterations import ALTERATIONS
from sslbench.datasets.catalogue import entry
from sslbench.datasets.real import (
    dcase_events,
    libri_adhoc40,
    luvira_parameters,
    recordings,
    respeaker,
)
from sslbench.datasets.simulated import (
    feng2025_ad,
    feng2025_l1,
    lemoing2019,
    luvira_sim,
    moving_doa,
    respeaker_sim,
    rooms_sim,
)
from sslbench.hookspecs import hookimpl
from sslbench.specs import AlterationSpec, DatasetSpec, Parameter

__all__ = ["sslbench_alterations", "sslbench_datasets", "sslbench_locate_data"]

DCASE = "sslbench.datasets.real.dcase_events"

LOADERS: dict[str, tuple[str, tuple[Parameter, ...]]] = {
    "feng2025-l1": (
        "sslbench.datasets.simulated.feng2025_l1:Feng2025L1",
        feng2025_l1.PARAMETERS,
    ),
    "feng2025-ad1": ("sslbench.datasets.simulated.feng2025_ad:Feng2025Ad1", feng2025_ad.PARAMETERS),
    "feng2025-ad2": ("sslbench.datasets.simulated.feng2025_ad:Feng2025Ad2", feng2025_ad.PARAMETERS),
    "lemoing2019": (
        "sslbench.datasets.simulated.lemoing2019:Lemoing2019",
        lemoing2019.PARAMETERS,
    ),
    "luvira-sim": ("sslbench.datasets.simulated.luvira_sim:LuviraSim", luvira_sim.PARAMETERS),
    "moving-doa": ("sslbench.datasets.simulated.moving_doa:MovingDoa", moving_doa.PARAMETERS),
    "respeaker-sim": (
        "sslbench.datasets.simulated.respeaker_sim:RespeakerSim",
        respeaker_sim.PARAMETERS,
    ),
    "rooms-sim": ("sslbench.datasets.simulated.rooms_sim:RoomsSim", rooms_sim.PARAMETERS),
    "respeaker-multi-ssl": (
        "sslbench.datasets.real.respeaker:RespeakerMultiSsl",
        respeaker.PARAMETERS,
    ),
    "libri-adhoc40": (
        "sslbench.datasets.real.libri_adhoc40:LibriAdhoc40",
        libri_adhoc40.PARAMETERS,
    ),
    "tau-sse-2019": (f"{DCASE}:TauSse2019", dcase_events.AUGMENTED),
    "tau-nigens-2020": (
        "sslbench.datasets.real.dcase_events:TauNigens2020",
        dcase_events.AUGMENTED,
    ),
    "tau-nigens-2021": (
        "sslbench.datasets.real.dcase_events:TauNigens2021",
        dcase_events.PARAMETERS,
    ),
    "starss22": (f"{DCASE}:Starss22", dcase_events.PARAMETERS),
    "starss23": (f"{DCASE}:Starss23", dcase_events.PARAMETERS),
    "luvira": ("sslbench.datasets.real.luvira:Luvira", luvira_parameters.PARAMETERS),
    "recordings": ("sslbench.datasets.real.recordings:Recordings", recordings.PARAMETERS),
    "recordings-doa": ("sslbench.datasets.real.recordings:RecordingsDoa", recordings.PARAMETERS),
}


@hookimpl
def sslbench_datasets() -> Sequence[DatasetSpec]:
    """Return the specs of all data sets of the catalogue."""
    return [entry(name).spec(name, *loader) for name, loader in LOADERS.items()]


@hookimpl
def sslbench_alterations() -> Sequence[AlterationSpec]:
    """Offer the alterations."""
    return ALTERATIONS


@hookimpl
def sslbench_locate_data(dataset: str) -> Path | None:
    """Look for a data set in ``$SSLBENCH_DATA``, then in the user's data folder."""
    return locate.find_folder(dataset)
