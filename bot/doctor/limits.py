"""The doctor's check of the daily limits for servers that cost money."""

from __future__ import annotations

import asyncio

from bot.check_result import CheckResult
from bot.paid_servers import daily_limits, limit_notices, paid_servers
from config.settings import Settings
from config.speech_settings import engine_variables

NAME = "Daily limits"
NONE_SET = "DAILY_TOKENS and DAILY_SPEECH_MINUTES are not set: these servers cost money, without a limit: {servers}"
NONE_NEEDED = "not set, and no server costs money, as far as the settings tell"


async def check_limits(settings: Settings) -> CheckResult:
    """Which limits are set, and for which servers."""
    variables = await asyncio.to_thread(engine_variables)
    servers, limits = paid_servers(settings, variables), daily_limits(settings)
    if not limits:
        named = ", ".join(dict.fromkeys(name for each in servers.values() for name in each))
        return CheckResult(NAME, None, NONE_SET.format(servers=named) if named else NONE_NEEDED)
    if notices := limit_notices(settings, variables):
        return CheckResult(NAME, None, " ".join(notices))
    parts = [f"{text} for {', '.join(servers[paid])}" for paid, text in limits.items()]
    return CheckResult(NAME, True, f"{'; '.join(parts)}; a day ends at midnight in TIMEZONE={settings.timezone}")
