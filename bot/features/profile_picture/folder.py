"""The operator's folder of pictures. All functions read files: call them in a thread."""

from __future__ import annotations

from pathlib import Path

from bot.pictures import BrokenPictureError, is_picture

MAX_BYTES = 8 * 1024 * 1024
"""Maximum number of bytes of a picture."""
_FORMATS = ("PNG", "JPEG", "GIF", "WEBP")
_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".gif", ".webp"})


def picture_names(folder: Path) -> tuple[str, ...]:
    """The names of all files with the suffix of a picture, in alphabetical order; raises :class:`OSError`."""
    return tuple(
        sorted(
            file.name
            for file in folder.iterdir()
            if file.suffix.lower() in _SUFFIXES and not file.name.startswith(".") and file.is_file()
        )
    )


def read_picture(file: Path) -> bytes:
    """The bytes of a picture. The format is read from the first bytes, not from the name.

    Raises:
        BrokenPictureError: the file can't be read, is too large, or is not a picture.
    """
    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise BrokenPictureError(f"it can't be read: {error.strerror or error}") from error
    if len(data) > MAX_BYTES:
        raise BrokenPictureError(f"it has more than {MAX_BYTES // 1024 // 1024} MB")
    if not is_picture(data, _FORMATS):
        raise BrokenPictureError("it is not a PNG, JPEG, GIF or WebP file")
    return data
