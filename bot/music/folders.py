"""What is wrong with the folders of music and sounds that the settings name."""

from __future__ import annotations

import os
from pathlib import Path

from config.settings import Settings

NO_MUSIC = "`{prefix}play` plays only sound files that people attach"
NO_SOUNDS = "there are no sounds for `{prefix}sound`"


def folder_fault(folder: Path) -> str:
    """Why a folder can't be read; empty if it can. Blocks."""
    try:
        with os.scandir(folder):
            return ""
    except FileNotFoundError:
        return f"there is no folder {folder}"
    except NotADirectoryError:
        return f"{folder} is a file, not a folder"
    except OSError as error:
        return f"{folder} can't be read: {error.strerror or error}"


def folder_notices(settings: Settings) -> list[str]:
    """Sentences about what is wrong with the folders, for the start of the bot. Blocks on the disk.

    A folder of sounds that is not there is no mistake: it is made when somebody adds a sound.
    """
    found = []
    if settings.music_dir is not None and (fault := folder_fault(settings.music_dir)):
        found.append(f"MUSIC_DIR: {fault}. Until that is mended, {NO_MUSIC.format(prefix=settings.command_prefix)}.")
    if (
        settings.sounds_dir is not None
        and settings.sounds_dir.exists()
        and (fault := folder_fault(settings.sounds_dir))
    ):
        found.append(f"SOUNDS_DIR: {fault}. Until that is mended, {NO_SOUNDS.format(prefix=settings.command_prefix)}.")
    return found
