"""The doctor's checks of the folders with music and sounds."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from bot.check_result import CheckResult
from bot.music.folders import NO_MUSIC, NO_SOUNDS, folder_fault
from bot.music.library import ENDINGS, MAX_FILES, MusicLibrary
from config.settings import Settings


async def check_music(settings: Settings) -> CheckResult:
    """Count the pieces of music."""
    if settings.music_dir is None:
        return CheckResult("Music", None, f"MUSIC_DIR is not set: {NO_MUSIC.format(prefix=settings.command_prefix)}")
    return await asyncio.to_thread(_check, "Music", "MUSIC_DIR", settings.music_dir, "pieces of music")


async def check_sounds(settings: Settings) -> CheckResult:
    """Count the short sounds."""
    if settings.sounds_dir is None:
        return CheckResult("Sounds", None, f"SOUNDS_DIR is not set: {NO_SOUNDS.format(prefix=settings.command_prefix)}")
    if not settings.sounds_dir.exists():
        adds = f"`{settings.command_prefix}sound add NAME`"
        text = f"{settings.sounds_dir} is not there yet; it is made when somebody adds a sound with {adds}"
        return CheckResult("Sounds", None, text)
    return await asyncio.to_thread(_check, "Sounds", "SOUNDS_DIR", settings.sounds_dir, "sounds")


def _check(subject: str, variable: str, folder: Path, what: str) -> CheckResult:
    if fault := folder_fault(folder):
        return CheckResult(subject, False, f"{variable}: {fault}")
    count = len(MusicLibrary(folder).pieces())
    if not count:
        endings = ", ".join(sorted(ENDINGS))
        return CheckResult(subject, None, f"there is no sound file in {folder}. I play these: {endings}")
    text = f"{what} in {folder}: {count:,}"
    files = sum(len(names) for _, _, names in os.walk(folder))
    if files > MAX_FILES:
        return CheckResult(subject, None, f"{text}; only the first {MAX_FILES:,} of its {files:,} files are looked at")
    return CheckResult(subject, True, text)
