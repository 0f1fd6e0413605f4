"""Runs ``python -m bot doctor`` in a process of its own, beside the running bot, with ``.env`` as it is now."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from bot.check_result import CheckResult
from config.children import end_child
from config.project import child_environment

LIMIT = 150.0
"""Seconds for the whole examination."""


async def examine() -> list[CheckResult]:
    """The doctor's findings. If it can't be run, or does not end in time, that is the only finding."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "doctor", "--json"),
        env=child_environment({"PYTHONIOENCODING": "utf-8"}),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        # Ctrl-C must reach only the bot, which ends this process.
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(LIMIT):
            output, _ = await process.communicate()
    except TimeoutError:
        return [CheckResult("Doctor", False, f"It was not done within {LIMIT:.0f} s. Type `python -m bot doctor`.")]
    finally:
        await end_child(process, 2.0)
    return read_findings(output.decode(errors="replace")) or [
        CheckResult("Doctor", False, f"It ended without a word (status {process.returncode}).")
    ]


def read_findings(output: str) -> list[CheckResult]:
    """The findings in the output of ``python -m bot doctor --json``; none if there is no such output."""
    try:
        told: Any = json.loads(output.strip().splitlines()[-1])
        if "error" in told:
            return [CheckResult("Settings", False, str(told["error"]))]
        return [CheckResult(str(each["subject"]), each["good"], str(each["text"])) for each in told["findings"]]
    except (LookupError, TypeError, ValueError):
        return []
