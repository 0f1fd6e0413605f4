"""Probable mistakes in the settings that stop nothing: told by run, the demonstration and the doctor."""

from __future__ import annotations

import os
from pathlib import Path

from config.env_file import read_env_lines
from config.misspelt import notices
from config.settings import Settings
from tts_server.settings import ENGINE_VARIABLES
from tts_server.settings import Settings as SpeechSettings

ENV_FILE = Path(".env")
KNOWN = frozenset(
    {name.upper() for kind in (Settings, SpeechSettings) for name in kind.model_fields} | ENGINE_VARIABLES
)


def setting_notices(settings: Settings) -> list[str]:
    """A sentence or two for each; raises :class:`~config.errors.SettingsError` where ``.env`` can't be read."""
    found = notices(read_env_lines(ENV_FILE), os.environ, KNOWN)
    if settings.llm_url is not None:
        unused = [name.upper() for name in ("llm_url_nvidia", "llm_url_amd") if getattr(settings, name) is not None]
        found += [f"{name} is not used, because LLM_URL is set." for name in unused]
    return found
