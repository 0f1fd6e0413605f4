"""The catalogue: the model weights that can be downloaded, read from ``config/models.yaml`` and validated."""

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

CatalogueText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]
ModelId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]{0,63}$")]
# Each part of the path begins with a letter or digit, so no path leads out of its folder.
FilePath = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)*$", max_length=200)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Repository = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*$")]
PackageName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=100)]
Commit = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}$")]


class CatalogueError(ValueError):
    """The catalogue can't be used. The message names the file and the mistake in it."""


class Part(StrEnum):
    """The part of the bot that a model is for. The values are the names that people read."""

    STT = "ears"
    LLM = "mind"
    TTS = "voice"

    @property
    def purpose(self) -> str:
        """The part and what it does, as people read it after "a model"."""
        does = {Part.STT: "speech recognition", Part.LLM: "language model", Part.TTS: "speech"}
        return f"for the {self} ({does[self]})"


class Source(StrEnum):
    """The source of a model's weights: packages, the Hugging Face hub, or this machine, which makes the toy weights."""

    PACKAGE = "package"
    HUB = "hub"
    TOY = "toy"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Licence(_Frozen):
    """A licence of model weights.

    Attributes:
        consent: terms that must be accepted before the download; ``None`` if there are none.
    """

    name: CatalogueText
    consent: CatalogueText | None = None


class NpmPackage(_Frozen):
    """A package of JavaScript's registry that contains weights.

    Attributes:
        scope: the scope of its name, without the ``@``; ``None`` if the name has none.
        size: the size of its archive in bytes.
        sha256: the archive's SHA-256, hexadecimal.
    """

    scope: PackageName | None = None
    version: Annotated[str, StringConstraints(pattern=r"^\d+\.\d+\.\d+$")]
    size: int = Field(gt=0)
    sha256: Sha256

    def asked_for(self, name: str) -> str:
        """The package and its version, as npm's command line expects them."""
        return f"{name}@{self.version}" if self.scope is None else f"@{self.scope}/{name}@{self.version}"


class PackagedPart(_Frozen):
    """A file, or a part of one, inside of a package.

    Attributes:
        package: the name of a package of Python's or of JavaScript's registry.
        member: the path of the file in the package's archive.
    """

    package: PackageName
    member: FilePath


class ModelFile(_Frozen):
    """One file of a model.

    Attributes:
        path: the path in the model's folder.
        size: the size in bytes.
        sha256: its SHA-256, hexadecimal.
        parts: the parts in packages that are joined to this file; empty if no package contains it.
        packages_only: whether only packages have exactly these bytes, and the model's repository does not.
    """

    path: FilePath
    size: int = Field(gt=0)
    sha256: Sha256
    parts: tuple[PackagedPart, ...] = ()
    packages_only: bool = False


class Model(_Frozen):
    """The weights of one model, their source, and what they need.

    Attributes:
        title: the name for people.
        repository: the repository on the Hugging Face hub; ``None`` if packages contain all files.
        revision: the commit in the repository.
        licence: the licence's id in the catalogue.
        vram_gib: GPU memory that the model needs, in GiB; 0 if it does not run on a GPU.
        compute_capability: the lowest compute capability of an NVIDIA GPU that can run it.
        also_called: other names of the model, in the library that loads it.
        settings: variables for ``.env`` that make the bot use the model. ``{folder}`` stands for its folder.
        start: the command that serves the model; ``None`` if the bot loads it. ``{folder}`` stands for its folder.
    """

    title: CatalogueText
    part: Part
    repository: Repository | None = None
    revision: Commit | None = None
    licence: str
    vram_gib: float = Field(ge=0, le=1000)
    compute_capability: tuple[int, int] = (0, 0)
    also_called: tuple[CatalogueText, ...] = ()
    settings: dict[CatalogueText, CatalogueText] = Field(default_factory=dict)
    start: CatalogueText | None = None
    files: Annotated[tuple[ModelFile, ...], Field(min_length=1)]

    @cached_property
    def size(self) -> int:
        """The size of all files, in bytes."""
        return sum(file.size for file in self.files)

    @cached_property
    def packages(self) -> tuple[str, ...]:
        """The packages that contain the files, in the files' order; empty if only the hub has them."""
        return tuple(dict.fromkeys(part.package for file in self.files for part in file.parts))

    @property
    def source(self) -> Source:
        """The source that is tried first."""
        return Source.PACKAGE if self.packages else Source.HUB

    @model_validator(mode="after")
    def _comes_from_somewhere(self) -> Self:
        if (self.repository is None) != (self.revision is None):
            raise ValueError("repository and revision belong together")
        carried = [bool(file.parts) for file in self.files]
        if any(carried) and not all(carried):
            raise ValueError("packages carry some of its files and not all")
        if any(file.packages_only and not file.parts for file in self.files):
            raise ValueError("a file that only packages carry has no parts")
        if self.repository is None and not all(carried):
            raise ValueError("it has neither a repository nor packages")
        return self


class Catalogue(_Frozen):
    """All known models.

    Attributes:
        licences: the licences by id.
        packages: the size of each package's wheel, in bytes.
        npm_packages: the packages of JavaScript's registry.
        profiles: ids of the models that each profile needs.
        models: the models by id.
    """

    licences: dict[ModelId, Licence]
    packages: dict[PackageName, Annotated[int, Field(gt=0)]] = Field(default_factory=dict)
    npm_packages: dict[PackageName, NpmPackage] = Field(default_factory=dict)
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
            if strange := set(model.packages) - set(self.packages) - set(self.npm_packages):
                raise ValueError(f"models.{name}: there is no package {', '.join(sorted(strange))}")
        if twice := set(self.packages) & set(self.npm_packages):
            raise ValueError(f"npm_packages: {', '.join(sorted(twice))} is also among packages")
        return self

    def package_size(self, package: str) -> int:
        """The size of a package's archive, in bytes."""
        npm = self.npm_packages.get(package)
        return npm.size if npm is not None else self.packages[package]


def load_catalogue(file: Path = CATALOGUE_FILE) -> Catalogue:
    """Read the catalogue. Blocks on the disk.

    Raises:
        CatalogueError: the file can't be read or is not valid.
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
        raise CatalogueError(f"{file} is not a catalogue of models: {'; '.join(faults).strip()}") from error
