"""Builds the feature that changes the bot's profile picture, if ``AVATAR_FOLDER`` is set."""

from __future__ import annotations

import asyncio

from bot.check_result import CheckResult
from bot.feature import Feature, FeatureBuilder, FeatureParts, OptionalCommands
from bot.features.profile_picture.commands import ProfilePictureCommands
from bot.features.profile_picture.feature import ProfilePicture
from bot.features.profile_picture.folder import picture_names
from bot.features.profile_picture.records import PictureRecords
from bot.operator_files import OperatorFileError
from config.reasons import reason
from config.settings import Settings


async def _build(parts: FeatureParts) -> Feature | None:
    settings = parts.settings
    if settings.avatar.folder is None:
        return None
    records = PictureRecords(parts.database)
    picture = ProfilePicture(parts.client, records, settings.avatar.folder, settings.avatar.hours)
    return Feature(picture, (ProfilePictureCommands(picture),), picture.run)


def read_folder(settings: Settings) -> tuple[str, ...]:
    """The names of the pictures in ``AVATAR_FOLDER``, none if it is not set; raises :class:`OperatorFileError`."""
    folder = settings.avatar.folder
    if folder is None:
        return ()
    try:
        return picture_names(folder)
    except OSError as error:
        raise OperatorFileError(f"AVATAR_FOLDER={folder} can't be read: {reason(error)}") from error


async def check(settings: Settings) -> CheckResult:
    """The doctor's check: ``AVATAR_FOLDER`` has pictures."""
    if settings.avatar.folder is None:
        return CheckResult("Pictures", None, "AVATAR_FOLDER is not set: the profile picture stays as it is")
    try:
        names = await asyncio.to_thread(read_folder, settings)
    except OperatorFileError as error:
        return CheckResult("Pictures", False, str(error))
    return CheckResult("Pictures", bool(names), f"{len(names)} in {settings.avatar.folder}")


def _missing(settings: Settings) -> str | None:
    return None if settings.avatar.folder else "AVATAR_FOLDER"


PROFILE_PICTURE = FeatureBuilder(
    _build, check, read_folder, OptionalCommands(("avatar",), subject="Changing my picture", missing=_missing)
)
