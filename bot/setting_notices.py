"""Probable mistakes in the settings that stop nothing: told by run, the demonstration and the doctor."""

from __future__ import annotations

import os

from bot.settings_check import KNOWN
from config.env_file import ENV_FILE, read_env_lines
from config.misspelt import foreign_names, unknown_names
from config.settings import Settings


def setting_notices(settings: Settings) -> list[str]:
    """A sentence for each; raises :class:`~config.errors.SettingsError` where ``.env`` can't be read."""
    found = [*foreign_names(read_env_lines(ENV_FILE), KNOWN, ENV_FILE), *unknown_names(os.environ, KNOWN)]
    if settings.command_prefix == "/":
        found.append(
            "COMMAND_PREFIX=/ clashes with Discord, which keeps what begins with / for slash commands. Those work "
            "without it: leave COMMAND_PREFIX at !, or choose another sign."
        )
    if settings.llm.url is not None:
        urls = {"LLM_URL_NVIDIA": settings.llm.url_nvidia, "LLM_URL_AMD": settings.llm.url_amd}
        unused = [name for name, url in urls.items() if url is not None]
        found += [f"{name} is not used, because LLM_URL is set." for name in unused]
    return found
