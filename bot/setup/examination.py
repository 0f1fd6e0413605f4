"""Runs ``python -m bot doctor`` in a process of its own, beside the running bot, with ``.env`` as it is now."""

from __future__ import annotations

import json
from typing import Any

from bot.check_result import CheckResult
from config.children import run_child

LIMIT = 150.0
"""Seconds for the whole examination."""


async def examine() -> list[CheckResult]:
    """The doctor's findings. If it can't be run, or does not end in time, that is the only finding."""
    doctor = ("-m", "bot", "doctor", "--json")
    try:
        child = await run_child(*doctor, environment={"PYTHONIOENCODING": "utf-8"}, limit=LIMIT, grace=2.0)
    except TimeoutError:
        return [CheckResult("Doctor", False, f"It was not done within {LIMIT:.0f} s. Type `python -m bot doctor`.")]
    return read_findings(child.output.decode(errors="replace")) or [
        CheckResult("Doctor", False, f"It ended without a word (status {child.status}).")
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
