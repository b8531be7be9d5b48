"""The catalogue of data sets: what each one is, where it comes from and how it is scored.

It is one file, ``datasets.yaml``, inside the package in a wheel and next to it in a checkout.
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
    """Origin of real data.

    Args:
        address: web address or document.
        steps: what to do there to get a folder that the loader can read.
    """

    address: Text
    steps: Text


class Download(Checked):
    """A file of a data set that `sslbench datasets download` fetches.

    Args:
        url: address of the file itself, not of a web page about it.
        file: name of the file in the folder of the data set.
        bytes: length; null if it is not published.
        checksum: `sha256:` or `md5:` followed by hexadecimal digits; null if none is published.
    """

    url: Address
    file: FileName
    bytes: Annotated[int, Field(ge=1)] | None = None
    checksum: Checksum | None = None


class CatalogueEntry(Checked):
    """One data set; the keys that are not listed here are those of `DatasetSpec`.

    Args:
        primary_metric: selection of a metric, e.g. `gospa[cutoff=1m]`.
        max_sources: null if it depends on the data or the parameters.
        twin: name of the simulated counterpart of a real data set.
        microphones: positions of a real array in metres, in channel order.
        sample_rate: sample rate of real recordings in Hz.
        recordings: maximum number of recordings at each scale; all at a scale that is left out.
        downloads: files that make up the data set or a part of it; empty if it cannot be
            downloaded automatically.
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
                "default_split", f"is {self.default_split!r}", f"one of {', '.join(self.splits)}"
            )
        if not self.simulated and self.where is None:
            raise FaultError("where", "is missing", "the origin of data that is not simulated")
        if self.simulated and self.downloads:
            raise FaultError("downloads", "is not empty", "none for a simulated data set")
        if len({each.file for each in self.downloads}) < len(self.downloads):
            raise FaultError("downloads", "lists one file twice", "each `file` once")
        return self

    def spec(self, name: str, target: str, parameters: tuple[Parameter, ...]) -> DatasetSpec:
        """Return the spec made of the entry, its class and the parameters of the class."""
        return DatasetSpec(
            name=name,
            target=target,
            parameters=parameters,
            where=f"{self.where.address} ; {self.where.steps}" if self.where else "",
            **{key: getattr(self, key) for key in SHARED},
        )

    def limit(self, scale: Scale) -> int | None:
        """Return the maximum number of recordings at a scale; None for all."""
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
                    f"{name}.twin", f"is {listed.twin!r}", "a simulated data set of the same kind"
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
        FormatError: if the content is invalid; the message names the path of each invalid key.
    """
    return read_yaml(path, _Catalogue).root


@cache
def catalogue() -> dict[str, CatalogueEntry]:
    """Return the installed catalogue; the file is read once per process."""
    return read_catalogue(catalogue_path())


def entry(name: str) -> CatalogueEntry:
    """Return the entry of one data set.

    Raises:
        FormatError: if the catalogue has no such entry.
    """
    found = catalogue().get(name)
    if found is None:
        raise FormatError(
            f"{name}: is missing",
            where=str(catalogue_path()),
            expected=f"an entry of this name; there is {nearest(name, list(catalogue()))}",
        )
    return found
