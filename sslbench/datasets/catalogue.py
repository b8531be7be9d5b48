"""The catalogue: what each data set is, where it comes from, and what it asks for.

It is one file, ``datasets.yaml``. In a wheel it lies in the package; in a checkout, above it.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import Field, RootModel, model_validator

from sslbench.datasets.formats.yaml_file import Checked, FaultError, read_yaml
from sslbench.errors import FormatError
from sslbench.registry import nearest
from sslbench.scene import Kind
from sslbench.specs import DatasetSpec, Parameter, Scale

__all__ = [
    "CatalogueEntry",
    "Download",
    "Source",
    "catalogue",
    "catalogue_path",
    "entry",
    "read_catalogue",
]

Text = Annotated[str, Field(min_length=1)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9]+([-.][a-z0-9]+)*$")]
Metric = Annotated[str, Field(pattern=r"^[a-z0-9]+([-.][a-z0-9]+)*(\[[^\[\]]+\])?$")]
Coordinates = tuple[float, float, float]
Address = Annotated[str, Field(pattern=r"^https?://[^\s/]+/\S*$")]
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
Checksum = Annotated[str, Field(pattern=r"^(sha256:[0-9a-f]{64}|md5:[0-9a-f]{32})$")]


class Source(Checked):
    """Where real data comes from.

    Args:
        address: of its home.
        steps: what to do there, up to a folder that the loader reads.
    """

    address: Text
    steps: Text


class Download(Checked):
    """A file of a data set that `sslbench datasets download` fetches.

    Args:
        url: at which the file itself is, not a page about it.
        file: its name in the folder of the data set.
        bytes: its length; null where it is not published.
        checksum: `sha256:` or `md5:` and hexadecimal digits; null where none is published.
    """

    url: Address
    file: FileName
    bytes: Annotated[int, Field(ge=1)] | None = None
    checksum: Checksum | None = None


class CatalogueEntry(Checked):
    """One data set, as `DatasetSpec` describes it.

    Args:
        primary_metric: as one types it, `gospa[cutoff=1m]`.
        max_sources: null where the data or the parameters decide.
        microphones: positions in metres in channel order, of a real array.
        sample_rate: of real recordings, in Hz.
        recordings: most recordings that are taken at each scale; all where a scale is left out.
        downloads: files that make it, or a part of it; empty where only a person can get it.
    """

    summary: Text
    version: Text
    kind: Kind
    array: Text
    licence: Text
    where: Source | None = None
    paper: str = ""
    twin: str = ""
    primary_metric: Metric
    max_sources: Annotated[int, Field(ge=1)] | None
    splits: Annotated[tuple[Text, ...], Field(min_length=1)] = ("train", "validation", "test")
    default_split: Text = "test"
    simulated: bool = False
    microphones: tuple[Coordinates, ...] = ()
    sample_rate: Annotated[int, Field(gt=0)] | None = None
    recordings: dict[Scale, Annotated[int, Field(ge=1)]] = Field(default_factory=dict)
    downloads: tuple[Download, ...] = ()

    @model_validator(mode="after")
    def _check(self) -> CatalogueEntry:
        if self.default_split not in self.splits:
            raise FaultError(
                f"default_split: is {self.default_split!r}", f"one of {', '.join(self.splits)}"
            )
        if not self.simulated and self.where is None:
            raise FaultError("where: is missing", "where data that is not simulated comes from")
        if self.simulated and self.downloads:
            raise FaultError("downloads: is not empty", "none, as a simulated data set is made")
        if len({each.file for each in self.downloads}) < len(self.downloads):
            raise FaultError("downloads: is a list with one file twice", "each `file` once")
        return self

    def spec(self, name: str, target: str, parameters: tuple[Parameter, ...]) -> DatasetSpec:
        """Join the entry with the class that loads it and the parameters of that class."""
        return DatasetSpec(
            name=name,
            target=target,
            parameters=parameters,
            where=f"{self.where.address} ; {self.where.steps}" if self.where else "",
            **{key: getattr(self, key) for key in SHARED},
        )

    def limit(self, scale: Scale) -> int | None:
        """Return the most recordings to take at a scale; None for all."""
        return self.recordings.get(scale)


SHARED = (
    "summary",
    "version",
    "kind",
    "array",
    "licence",
    "paper",
    "twin",
    "primary_metric",
    "max_sources",
    "splits",
    "default_split",
    "simulated",
)


class _Catalogue(RootModel[dict[Name, CatalogueEntry]]):
    @model_validator(mode="after")
    def _check(self) -> _Catalogue:
        for name, listed in self.root.items():
            twin = self.root.get(listed.twin) if listed.twin else None
            if listed.twin and (twin is None or not twin.simulated or twin.kind != listed.kind):
                raise FaultError(
                    f"{name}.twin: is {listed.twin!r}", "a simulated data set of the same kind"
                )
        return self


def catalogue_path() -> Path:
    """Return the path of the catalogue that is installed with the package."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "datasets.yaml"
    return inside if inside.is_file() else package.parent / "datasets.yaml"


def read_catalogue(path: Path) -> dict[str, CatalogueEntry]:
    """Read a catalogue: entries by name.

    Raises:
        MissingDataError: if there is no such file.
        FormatError: if it is no catalogue; it gives the path of each key at fault.
    """
    return read_yaml(path, _Catalogue).root


@cache
def catalogue() -> dict[str, CatalogueEntry]:
    """Return the installed catalogue, read once."""
    return read_catalogue(catalogue_path())


def entry(name: str) -> CatalogueEntry:
    """Return the entry of one data set.

    Raises:
        FormatError: if the catalogue has none of that name.
    """
    found = catalogue().get(name)
    if found is None:
        raise FormatError(
            f"{name}: is missing",
            where=str(catalogue_path()),
            expected=f"an entry of that name; it has {nearest(name, list(catalogue()))}",
        )
    return found
