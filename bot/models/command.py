"""``python -m bot models [list | download | check]``: the only part of Seiyuu that downloads anything."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from huggingface_hub import try_to_load_from_cache
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from bot.models.catalogue import CATALOGUE_FILE, Catalogue, CatalogueError, Model, load_catalogue
from bot.models.choice import Choice, UnknownModelError, choose
from bot.models.download import DownloadError, check_room, download, licences_to_accept, settings_lines, show
from bot.models.memory_plan import MemoryPlan
from bot.models.needs import BOT, download_command, shelf_of
from bot.models.shelf import Advance, Fault, Manifest
from bot.models.words import size
from config.settings import Profile, Settings, SettingsError, read_settings
from tts_server.cards.reading import read_cards

OK, FAILED, REFUSED, INTERRUPTED = 0, 1, 2, 130


def run_models(arguments: list[str]) -> int:
    """Do what the command line says; returns the exit status: 1 failed or broken, 2 refused, 130 interrupted."""
    options = _parser().parse_args(arguments)
    try:
        settings, catalogue = read_settings(), load_catalogue(options.catalogue)
        choice = choose(catalogue, settings, options.names, options.profile)
    except (SettingsError, CatalogueError, UnknownModelError) as error:
        print(error, file=sys.stderr)  # noqa: T201
        return REFUSED
    command = ModelsCommand(settings, catalogue, choice, Console(highlight=False))
    action = "check" if options.check else options.action
    if options.json and action != "download":
        return command.as_json(checked=action == "check")
    match action:
        case "download":
            ask = input if sys.stdin.isatty() and not options.yes else None
            return command.download(options.accept_licence, agreed=options.yes, ask=ask)
        case "check":
            return command.check()
        case _:
            return command.show()


class ModelsCommand:
    """What each action does, told on a console."""

    def __init__(self, settings: Settings, catalogue: Catalogue, choice: Choice, console: Console) -> None:
        self._settings = settings
        self._catalogue = catalogue
        self._choice = choice
        self._console = console
        self._shelf = shelf_of(settings)

    def show(self) -> int:
        """Each model: size, licence, memory, where it lies; then whether those that are wanted fit on the cards."""
        wanted = self._choice.wanted
        for name, model in self._shown().items():
            self._say(f"{'●' if name in wanted else '○'} {name}: {model.title}, {model.part}")
            licence = self._catalogue.licences[model.licence]
            self._say(f"    {size(model.size)} to download, {licence.name}, {model.vram_gib:.1f} GiB on a card")
            if licence.consent:
                self._say(f"    {licence.consent}")
            self._say(f"    {self._whereabouts(name, model)}")
        self._say("")
        if not wanted:
            self._say(f"None of these models is {self._choice.reason}. To see what a profile needs, type for example")
            self._say(f"  {BOT} models list --profile local")
            return OK
        self._say(f"● is {self._choice.reason}. Expected memory on the card while it runs:")
        plan = MemoryPlan(self._catalogue, wanted, self._settings)
        self._say(f"  {plan.sum_line()}")
        for line in plan.verdict(read_cards()):
            self._say(line)
        return OK

    def as_json(self, *, checked: bool) -> int:
        """Each model as one line of JSON, checksums of what is here included; ``checked`` returns what a check does."""
        listed = [self._fields(name, model) for name, model in self._shown().items()]
        print(json.dumps(listed))  # noqa: T201
        broken = any(each["sha256_ok"] is False for each in listed)
        lacking = any(self._lacks(name, model) for name, model in self._shown().items())
        return FAILED if checked and (broken or lacking) else OK

    def _fields(self, name: str, model: Model) -> dict[str, str | int | bool | None]:
        manifest = self._shelf.manifest(name)
        return {
            "id": name,
            "part": model.part.value,
            "source": "hub",
            "present": self._shelf.is_whole(name, model),
            "size": model.size,
            "licence": model.licence,
            "sha256_ok": None if manifest is None else not any(self._shelf.faults(manifest, lambda _: None)),
        }

    def download(self, accepted: list[str], *, agreed: bool, ask: Callable[[str], str] | None) -> int:
        """Download what is missing of the models wanted, after asking; ``ask`` where somebody can answer."""
        chosen = {name: self._catalogue.models[name] for name in self._choice.wanted}
        missing = {name: model for name, model in chosen.items() if not self._is_sound(name, model)}
        if not missing:
            try:
                show(self._shelf, chosen)
            except OSError as error:
                self._say(f"✘ {error.filename} can't be written: {error.strerror or error}.")
                return FAILED
            if chosen:
                self._say("Everything is here already.")
                self._say_settings(chosen)
            else:
                self._say(f"There is nothing to download: none of the models is {self._choice.reason}.")
                self._say(f"To see which models there are, type `{BOT} models`.")
            return OK
        self._announce(missing)
        try:
            check_room(self._shelf, missing)
            if not self._consented(missing, accepted, agreed, ask):
                return REFUSED
            asyncio.run(self._download(missing))
        except (KeyboardInterrupt, EOFError):
            here = sum(self._shelf.arrived(name, model) for name, model in missing.items())
            whole = sum(model.size for model in missing.values())
            self._say(f"\nStopped. {size(here)} of {size(whole)} are here; the same command downloads the rest.")
            return INTERRUPTED
        except DownloadError as error:
            self._say(f"✘ {error}")
            return FAILED
        self._say("✔ Everything is here, and the checksums are right.")
        self._say_settings(chosen)
        return OK

    def check(self) -> int:
        """Compare every file with what was downloaded, without a network; 1 when one is broken or lacking."""
        failed = False
        for name, model in self._shown().items():
            manifest = self._shelf.manifest(name)
            faults = [] if manifest is None else self._faults(manifest)
            for fault in faults:
                self._say(f"✘ {name}: {fault.path} {fault.text}. To fix it, type `{download_command(name)}`")
            lacks = not faults and self._lacks(name, model)
            if lacks:
                self._say(f"✘ {name}: {self._amount_here(name, model)}. To get it, type `{download_command(name)}`")
            elif manifest is None:
                self._say(f"– {name}: {self._amount_here(name, model)}")
            elif not faults:
                self._say(f"✔ {name}: {len(manifest.files)} files, as they were downloaded")
            failed = failed or bool(faults) or lacks
        return FAILED if failed else OK

    def _shown(self) -> dict[str, Model]:
        return {name: self._catalogue.models[name] for name in self._choice.shown}

    def _lacks(self, name: str, model: Model) -> bool:
        """Whether it is wanted and not all of it is here; what stored in the hub's own cache is here."""
        if name not in self._choice.wanted or self._shelf.is_whole(name, model):
            return False
        return self._shelf.arrived(name, model) > 0 or self._in_hub_cache(model) is None

    def _amount_here(self, name: str, model: Model) -> str:
        if here := self._shelf.arrived(name, model):
            return f"only {size(here)} of {size(model.size)} are here"
        if place := self._in_hub_cache(model):
            return f"stored in the hub's own cache, {place}, and is not checked"
        return "is not here"

    def _is_sound(self, name: str, model: Model) -> bool:
        """Whether it is here as it was downloaded; what of it is broken is deleted."""
        manifest = self._shelf.manifest(name)
        if manifest is None or not self._shelf.is_whole(name, model):
            return False
        faults = self._faults(manifest)
        self._shelf.discard(name, faults)
        return not faults

    def _faults(self, manifest: Manifest) -> list[Fault]:
        with self._progress() as progress:
            bar = progress.add_task(f"Checking {manifest.model}", total=sum(file.size for file in manifest.files))
            return list(self._shelf.faults(manifest, lambda step: progress.advance(bar, step)))

    def _announce(self, missing: Mapping[str, Model]) -> None:
        for name, model in missing.items():
            here = self._shelf.arrived(name, model)
            there = f", of which {size(here)} are here" if here else ""
            licence = self._catalogue.licences[model.licence]
            self._say(f"{name}: {size(model.size)}{there}, {licence.name}, from {model.repository}")
            for file in model.files:
                self._say(f"    {file.path}, SHA-256 {file.sha256}")
        rest = sum(model.size - self._shelf.arrived(name, model) for name, model in missing.items())
        self._say(f"To download: {size(rest)}, into {self._shelf.root}")

    def _consented(
        self, missing: Mapping[str, Model], accepted: list[str], agreed: bool, ask: Callable[[str], str] | None
    ) -> bool:
        for name, licence in licences_to_accept(self._catalogue, missing.values(), accepted).items():
            self._say(f"{licence.name}: {licence.consent}")
            if ask is None or ask(f"Type {name} to accept it: ").strip() != name:
                self._say(f"Nothing was downloaded. To accept this licence, add --accept-licence {name}.")
                return False
        if not agreed and (ask is None or ask("Download it? [y/N] ").strip().lower() not in ("y", "yes")):
            self._say("Nothing was downloaded. To download without being asked, add --yes.")
            return False
        return True

    async def _download(self, models: Mapping[str, Model]) -> None:
        with self._progress() as progress:

            def report(name: str, path: str, total: int) -> Advance:
                bar = progress.add_task(f"{name}/{path}", total=total)
                return lambda step: progress.advance(bar, step)

            await download(self._shelf, models, report)

    def _progress(self) -> Progress:
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
        return Progress(*columns, TimeRemainingColumn(), console=self._console)

    def _whereabouts(self, name: str, model: Model) -> str:
        if self._shelf.is_whole(name, model):
            return f"stored in {self._shelf.folder(name)}"
        if here := self._shelf.arrived(name, model):
            return f"{size(here)} of it are stored in {self._shelf.folder(name)}"
        place = self._in_hub_cache(model)
        return f"stored in the hub's own cache, {place}" if place else "is not here"

    def _in_hub_cache(self, model: Model) -> str | None:
        cached = try_to_load_from_cache(model.repository, model.files[0].path, revision=model.revision)
        return cached if isinstance(cached, str) else None

    def _say_settings(self, models: Mapping[str, Model]) -> None:
        if models:
            self._say("In .env:")
        for line in settings_lines(self._shelf, models):
            self._say(f"  {line}")

    def _say(self, line: str) -> None:
        self._console.print(line, markup=False, soft_wrap=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bot models",
        description="Lists, downloads and checks the model weights that Seiyuu can use.",
    )
    parser.add_argument(
        "action",
        nargs="?",
        default="list",
        choices=("list", "download", "check"),
        help="list (the default): sizes, licences, memory, and where everything is stored. "
        "download: get what is missing, after asking. check: whether it is all still right, without a network.",
    )
    parser.add_argument("names", nargs="*", help="models, by name; left out: what your settings need")
    parser.add_argument("--profile", type=Profile, choices=list(Profile), help="what it needs, whatever else is set")
    parser.add_argument("--yes", action="store_true", help="download: without being asked")
    parser.add_argument(
        "--accept-licence",
        action="append",
        default=[],
        metavar="LICENCE",
        help="download: agree to this licence's terms",
    )
    parser.add_argument("--json", action="store_true", help="list, check: as JSON, with the checksums of what is here")
    parser.add_argument("--check", action="store_true", help="the same as check")
    parser.add_argument(
        "--catalogue", type=Path, default=CATALOGUE_FILE, help="a list of your own in place of config/models.yaml"
    )
    return parser
