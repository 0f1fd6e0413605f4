"""Libraries of JavaScript that tests install with npm."""

from __future__ import annotations

import asyncio
from pathlib import Path

INSTALL_LIMIT = 120.0
"""Seconds after which an installation has failed."""


async def install(folder: Path) -> str | None:
    """Install what the ``package.json`` in ``folder`` names. Returns the end of npm's output if it could not.

    Raises:
        TimeoutError: npm had not finished after :data:`INSTALL_LIMIT` seconds.
    """
    npm = await asyncio.create_subprocess_exec(
        *("npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"),
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(INSTALL_LIMIT):
            output, _ = await npm.communicate()
    finally:
        if npm.returncode is None:
            npm.kill()
            await npm.wait()
    return output.decode()[-300:] if npm.returncode else None
