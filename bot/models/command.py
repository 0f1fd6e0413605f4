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
from bot.models.download import DownloadError, check_room, download, licences_to_accept, settings_lines, show
from bot.models.memory_plan import MemoryPlan
from bot.models.shelf import Advance, Fault, Manifest, Shelf
from bot.models.words import size
from config.settings import Profile, Settings, SettingsError, read_settings
from tts_server.cards.reading import read_cards

OK, FAILED, REFUSED, INTERRUPTED = 0, 1, 2, 130
FOLDER = "models"
"""In DATA_DIR."""


def run_models(arguments: list[str]) -> int:
    """Do what the command line says; returns the exit status: 1 failed or broken, 2 refused, 130 interrupted."""
    options = _parser().parse_args(arguments)
    try:
        settings = read_settings()
        command = ModelsCommand(settings, load_catalogue(options.catalogue), Console(highlight=False))
        names = command.chosen(options.names, options.profile)
    except (SettingsError, CatalogueError, UnknownModelError) as error:
        print(error, file=sys.stderr)  # noqa: T201
        return REFUSED
    if options.json and options.action != "download":
        return command.as_json(options.names, told="check" if options.check else options.action)
    match "check" if options.check else options.action:
        case "download":
            ask = input if sys.stdin.isatty() and not options.yes else None
            return command.download(names, options.accept_licence, agreed=options.yes, ask=ask)
        case "check":
            return command.check()
        case _:
            return command.show(names, options.profile or settings.profile)


class UnknownModelError(ValueError):
    """There is no model of that name; the text names those there are."""


class ModelsCommand:
    """What each action does, told on a console."""

    def __init__(self, settings: Settings, catalogue: Catalogue, console: Console) -> None:
        self._settings = settings
        self._catalogue = catalogue
        self._console = console
        self._shelf = Shelf(settings.data_dir / FOLDER)

    def chosen(self, names: list[str], profile: Profile | None) -> list[str]:
        """The models named, else those of the profile; raises :class:`UnknownModelError`."""
        if unknown := [name for name in names if name not in self._catalogue.models]:
            known = ", ".join(self._catalogue.models)
            raise UnknownModelError(f"There is no model {unknown[0]!r}. There are: {known}.")
        return names or list(self._catalogue.profiles[profile or self._settings.profile])

    def show(self, names: list[str], profile: Profile) -> int:
        """Every model: size, licence, memory, where it lies; then whether the chosen ones fit on the cards."""
        for name, model in self._catalogue.models.items():
            self._say(f"{'●' if name in names else '○'} {name}: {model.title}, {model.part}")
            licence = self._catalogue.licences[model.licence]
            self._say(f"    {size(model.size)} to download, {licence.name}, {model.vram_gib:.1f} GiB on a card")
            if licence.consent:
                self._say(f"    {licence.consent}")
            self._say(f"    {self._whereabouts(name, model)}")
        self._say("")
        if not names:
            self._say(
                f"PROFILE={profile} needs no weights from here. See what others need: models list --profile local"
            )
            return OK
        self._say(f"● is what PROFILE={profile} needs. At work it expects to take on the card:")
        plan = MemoryPlan(self._catalogue, names, self._settings)
        self._say(f"  {plan.sum_line()}")
        for line in plan.verdict(read_cards()):
            self._say(line)
        return OK

    def as_json(self, names: list[str], *, told: str) -> int:
        """The named models, or all, as one line of JSON, checksums of what is here included; 1 when a check fails."""
        chosen = {name: model for name, model in self._catalogue.models.items() if not names or name in names}
        listed = [self._fields(name, model) for name, model in chosen.items()]
        print(json.dumps(listed))  # noqa: T201
        return FAILED if told == "check" and any(each["sha256_ok"] is False for each in listed) else OK

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

    def download(self, names: list[str], accepted: list[str], *, agreed: bool, ask: Callable[[str], str] | None) -> int:
        """Download what is missing of the models, after asking; ``ask`` where somebody can answer."""
        chosen = {name: self._catalogue.models[name] for name in names}
        missing = {name: model for name, model in chosen.items() if not self._is_sound(name, model)}
        if not missing:
            try:
                show(self._shelf, chosen)
            except OSError as error:
                self._say(f"✘ {error.filename} can't be written: {error.strerror or error}.")
                return FAILED
            self._say("Everything is here already." if chosen else "This profile needs no weights from here.")
            self._say_settings(chosen)
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
            self._say(f"\nStopped. {size(here)} of {size(whole)} are here; the same command goes on with the rest.")
            return INTERRUPTED
        except DownloadError as error:
            self._say(f"✘ {error}")
            return FAILED
        self._say("✔ All of it is here, and its checksums are right.")
        self._say_settings(chosen)
        return OK

    def check(self) -> int:
        """Compare every file with what was downloaded, without a network; 1 when something is broken."""
        broken = False
        for name, model in self._catalogue.models.items():
            manifest = self._shelf.manifest(name)
            if manifest is None:
                here = self._shelf.arrived(name, model)
                self._say(f"– {name}: {f'only {size(here)} of {size(model.size)} are' if here else 'is not'} here")
                continue
            faults = self._faults(manifest)
            broken = broken or bool(faults)
            if not faults:
                self._say(f"✔ {name}: {len(manifest.files)} files, as they were downloaded")
            for fault in faults:
                self._say(f"✘ {name}: {fault.path} {fault.text}. Mend it: python -m bot models download {name}")
        return FAILED if broken else OK

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
                self._say(f"Nothing was downloaded. Who accepts this licence says --accept-licence {name}.")
                return False
        if not agreed and (ask is None or ask("Download it? [y/N] ").strip().lower() not in ("y", "yes")):
            self._say("Nothing was downloaded. To download without being asked: --yes")
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
            return f"lies in {self._shelf.folder(name)}"
        if here := self._shelf.arrived(name, model):
            return f"{size(here)} of it lie in {self._shelf.folder(name)}"
        cached = try_to_load_from_cache(model.repository, model.files[0].path, revision=model.revision)
        return f"lies in the hub's own cache, {cached}" if isinstance(cached, str) else "is not here"

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
        description="The weights that Seiyuu can run: what there is, getting it, checking it.",
    )
    parser.add_argument(
        "action",
        nargs="?",
        default="list",
        choices=("list", "download", "check"),
        help="list (by itself): sizes, licences, memory, and where everything lies. download: get what is missing, "
        "after asking. check: whether it is all still right, without a network.",
    )
    parser.add_argument("names", nargs="*", help="models, by name; left out: what the profile needs")
    parser.add_argument("--profile", type=Profile, choices=list(Profile), help="instead of PROFILE")
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
