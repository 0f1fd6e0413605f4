"""The doctor's finding about calls: how many there may be at once, and what they share."""

from __future__ import annotations

from bot.check_result import CheckResult
from bot.cores import usable_cores
from config.settings import Settings

NAME = "Calls"
OFF = "they are off (VOICE_ENABLED)"
ONE = "one at a time, over Discord, the page and the telephone together (MAX_CALLS)"
SEVERAL = (
    "up to {count} at once (MAX_CALLS), on Discord at most one on each server. They share the model server, the ears, "
    "the voice and {cores}, and the features stay paused until the last one is over; docs/scaling.md says how many "
    "calls a machine carries"
)
SLOTS = "A llama-server needs a slot for each call, or it reads each prompt anew at every turn: --parallel {count}"


async def check_calls(settings: Settings) -> CheckResult:
    """How many calls may be on at once. Nothing is tried."""
    call = settings.call
    if not call.enabled:
        return CheckResult(NAME, None, OFF)
    if call.max_calls == 1:
        return CheckResult(NAME, True, ONE)
    cores = usable_cores()
    said = SEVERAL.format(count=call.max_calls, cores=f"{cores} processor core{'s' if cores > 1 else ''}")
    slots = [SLOTS.format(count=call.max_calls)] if settings.llm.call_url is not None else []
    return CheckResult(NAME, True, "\n  ".join([said, *slots]))
