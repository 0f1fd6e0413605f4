"""Downloading: what is missing, whether it may and can be had, and then all of it in order."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path

import aiohttp
from filelock import FileLock, Timeout
from huggingface_hub import constants, get_token

from bot.identity import HEADERS
from bot.models.catalogue import Catalogue, Licence, Model
from bot.models.hub import Hub, HubError
from bot.models.hub_cache import show_in_hub_cache
from bot.models.shelf import MANIFEST, Advance, Shelf
from bot.models.words import size

SPARE_DISK = 200 * 10**6
"""Bytes that are left free whatever is downloaded."""

FileReport = Callable[[str, str, int], Advance]
"""Told of each file before it is fetched: model, path, size; returns what to tell its bytes."""


class DownloadError(Exception):
    """It can't be downloaded; the text says why and what to do."""


def licences_to_accept(
    catalogue: Catalogue, models: Collection[Model], accepted: Collection[str]
) -> dict[str, Licence]:
    """Those of the models' licences that must be agreed to by name and were not."""
    wanted = {model.licence: catalogue.licences[model.licence] for model in models}
    return {name: licence for name, licence in wanted.items() if licence.consent and name not in accepted}


def check_room(shelf: Shelf, models: Mapping[str, Model]) -> None:
    """Raise :class:`DownloadError` where the disk has no room for what is missing of the models."""
    missing = sum(model.size - shelf.arrived(name, model) for name, model in models.items())
    free = shutil.disk_usage(_existing(shelf.root)).free
    if missing + SPARE_DISK > free:
        raise DownloadError(
            f"{size(missing)} are missing, and {size(free)} are free on the disk of {shelf.root}, of which "
            f"{size(SPARE_DISK)} stay free: make room, or set DATA_DIR to a folder on a larger disk."
        )


async def download(shelf: Shelf, models: Mapping[str, Model], report: FileReport) -> None:
    """Fetch what is missing of each model; what has arrived stays there however this ends.

    Raises:
        DownloadError: something can't be had or be written, or another download is going on here.
    """
    if constants.HF_HUB_OFFLINE:
        raise DownloadError("HF_HUB_OFFLINE is set, so nothing is downloaded.")
    try:
        shelf.root.mkdir(parents=True, exist_ok=True)
        with FileLock(shelf.root / ".lock", blocking=False):
            async with aiohttp.ClientSession(trust_env=True, headers=HEADERS) as http:
                for name, model in models.items():
                    await _download_one(shelf, name, model, Hub(http, get_token()), report)
    except Timeout:
        raise DownloadError(f"Another download into {shelf.root} is going on; wait until it has ended.") from None
    except HubError as error:
        raise DownloadError(str(error)) from error
    except OSError as error:
        raise DownloadError(f"{error.filename or shelf.root} can't be written: {error.strerror or error}.") from error


async def _download_one(shelf: Shelf, name: str, model: Model, hub: Hub, report: FileReport) -> None:
    folder = shelf.folder(name)
    # What it says is no longer so while files change.
    (folder / MANIFEST).unlink(missing_ok=True)
    for file in model.files:
        await hub.fetch(model, file, folder / file.path, report(name, file.path, file.size))
    await asyncio.to_thread(shelf.write_manifest, name, model)
    await asyncio.to_thread(show, shelf, {name: model})


def show(shelf: Shelf, models: Mapping[str, Model]) -> None:
    """Have the libraries that look in Hugging Face's cache alone find what is here. Blocks; raises :class:`OSError`."""
    for name, model in models.items():
        if model.hub_cache:
            show_in_hub_cache(shelf.folder(name), model)


def settings_lines(shelf: Shelf, models: Mapping[str, Model]) -> Iterator[str]:
    """What goes into ``.env`` so that the models are used, and as comments what is to be started beside the bot."""
    for name, model in models.items():
        for variable, value in model.settings.items():
            yield f"{variable}={value.format(folder=shelf.folder(name))}"
        if model.start:
            yield f"# and start: {model.start.format(folder=shelf.folder(name))}"


def _existing(folder: Path) -> Path:
    """The folder itself or the nearest one above it that there is."""
    folder = folder.absolute()
    return next(place for place in (folder, *folder.parents) if place.exists())
