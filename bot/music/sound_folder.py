"""The sounds of the sound board: the operator's short sound files, and those that people add for their server."""

from __future__ import annotations

import os
import re
import unicodedata
from pathlib import Path

from bot.music.library import ENDINGS, MusicLibrary, NotFoundInLibraryError, Piece, shown_title
from bot.text import escape_markdown
from bot.user_error import UserError

MAX_NAME = 32
"""Length of the longest name that people may give a sound."""
MAX_MB = 10
"""Size of the largest sound that people may add."""
MAX_SOUNDS = 100
"""Maximum number of a server's own sounds."""
MAX_SERVER_MB = 100
"""Maximum size of all of a server's own sounds together."""
SERVERS = "servers"
"""The subfolder in which each server has a folder for its own sounds, named after the server's id."""
RESERVED = frozenset({"add", "list", "remove", "stop", "play"})
"""Words that say what to do with a sound, as in ``!sound add``. No name may begin with one of them."""
UNFINISHED = ".upload.new"
"""The file that an upload is written to until it is complete. Its ending is not that of a sound file."""

BAD_NAME = (
    f"❌ A sound's name has at most {MAX_NAME} letters, digits, spaces, apostrophes, hyphens and underscores. "
    "It begins with a letter or a digit."
)
RESERVED_NAME = "❌ A sound's name can't begin with the word {word}, which says what to do with a sound."
EXISTS = "❌ There is a sound {name} already. Remove it first, or choose another name."
FULL = f"❌ This server has {MAX_SOUNDS} sounds of its own already. Remove one first."
NO_ROOM = f"❌ This server's own sounds would be larger than {MAX_SERVER_MB} MB together. Remove one first."
FOR_ALL = "🔒 {name} is for all my servers. Only the people who run me can delete it."
NOT_SOUND = f"❌ {{name}} is not a sound file that I can keep. I take {', '.join(sorted(ENDINGS))}."
TOO_LARGE = f"❌ {{name}} is too large: {MAX_MB} MB is the limit."
NOT_WRITTEN = "❌ I can't change the folder of sounds: {cause}."
_NAME = re.compile(r"[^\W_][\w '\-]*")


def sound_name(text: str) -> str:
    """The name that a person wants to give a sound, in its tidy form; raises :class:`~bot.user_error.UserError`."""
    name = unicodedata.normalize("NFC", " ".join(text.split()))
    if len(name) > MAX_NAME or _NAME.fullmatch(name) is None:
        raise UserError(BAD_NAME)
    word = name.split()[0].casefold()
    if word in RESERVED:
        raise UserError(RESERVED_NAME.format(word=word))
    return name


def sound_ending(filename: str) -> str:
    """The ending of a sound file's name, with its dot; raises :class:`~bot.user_error.UserError` for other files."""
    ending = Path(filename).suffix.lower()
    if ending not in ENDINGS:
        raise UserError(NOT_SOUND.format(name=shown_title(filename)))
    return ending


class SoundFolder:
    """The sounds of a folder and its subfolders. Everything blocks, as it reads or writes the folder.

    The operator's own files are for all servers. What people add on a server is in a folder of that server beneath
    :data:`SERVERS`, and exists only there. Methods take the id of a server, and raise
    :class:`~bot.user_error.UserError`.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def sounds(self, server: int) -> list[Piece]:
        """All sounds that the server can play, by name. Empty if the folder can't be read."""
        return self._library(server).pieces()

    def search(self, words: str, server: int) -> list[Piece]:
        """The sounds whose names contain all words. Names that begin with them come first."""
        return self._library(server).search(words)

    def removable(self, words: str, server: int, *, owner: bool) -> list[Piece]:
        """Those of :meth:`search` that a person who may manage the server can delete; see :meth:`remove`."""
        return [each for each in self.search(words, server) if owner or self._is_of(server, each)]

    def find(self, name: str, server: int) -> Piece:
        """The sound with this name, or the only one whose name contains all words of it."""
        try:
            return self._library(server).find(name)
        except NotFoundInLibraryError as error:
            raise UserError(escape_markdown(str(error))) from error

    def require_room(self, name: str, server: int) -> None:
        """Check that a sound of this name can be added."""
        if self._library(server).named(name) is not None:
            raise UserError(EXISTS.format(name=shown_title(name)))
        if len(self._own(server)) >= MAX_SOUNDS:
            raise UserError(FULL)

    def add(self, name: str, ending: str, data: bytes, server: int) -> None:
        """Store a sound of a server. It is stored as a whole, or not at all. Two threads must not do this at once.

        Args:
            name: see :func:`sound_name`.
            ending: see :func:`sound_ending`.
        """
        self.require_room(name, server)
        folder = self._folder_of(server)
        new = folder / UNFINISHED
        try:
            if len(data) + sum(each.path.stat().st_size for each in self._own(server)) > MAX_SERVER_MB * 1024**2:
                raise UserError(NO_ROOM)
            folder.mkdir(parents=True, exist_ok=True)
            new.unlink(missing_ok=True)
            try:
                with new.open("xb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                new.replace(folder / f"{name}{ending}")
            finally:
                new.unlink(missing_ok=True)
        except OSError as error:
            raise UserError(NOT_WRITTEN.format(cause=error.strerror or error)) from error

    def remove(self, name: str, server: int, *, owner: bool) -> str:
        """Delete the sound whose whole name is this one. Returns the name as the folder has it.

        Args:
            owner: whether the person may delete sounds that are for all servers.
        """
        sound = self._library(server).named(name)
        if sound is None:
            # A part of a name is enough to play a sound, but not to delete it.
            near = self.find(name, server).title
            raise UserError(f"❓ Did you mean {shown_title(near)}? Say its whole name.")
        if not owner and not self._is_of(server, sound):
            raise UserError(FOR_ALL.format(name=shown_title(sound.title)))
        try:
            sound.path.unlink()
        except OSError as error:
            raise UserError(NOT_WRITTEN.format(cause=error.strerror or error)) from error
        return sound.title

    def _library(self, server: int) -> MusicLibrary:
        servers, own = self._folder_of(server).parent, str(server)
        return MusicLibrary(
            self._folder,
            "sound",
            skips=lambda folder: folder.parent == servers and folder.name.isdecimal() and folder.name != own,
        )

    def _own(self, server: int) -> list[Piece]:
        return [each for each in self.sounds(server) if self._is_of(server, each)]

    def _is_of(self, server: int, sound: Piece) -> bool:
        return sound.path.is_relative_to(self._folder_of(server))

    def _folder_of(self, server: int) -> Path:
        return Path(os.path.realpath(self._folder), SERVERS, str(server))
