"""The help for the commands that can be typed in a browser call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from config.spelling import comparable, nearest

HELP = "help"
LISTED = "❓ What you can type here:"
UNKNOWN = "❓ I don't know that command here."
DID_YOU_MEAN = "❓ Did you mean `{prefix}{name}`?"
UNKNOWN_PART = "❓ I don't know `{prefix}{name} {word}`."
MAX_QUOTED = 50
"""Largest number of characters of a wrong word that are quoted."""
ELSEWHERE = " `{prefix}help` lists what you can type here. All other commands are for Discord."
MY_DATA = (
    "❓ Here, Conversations shows what was said, and saves it in a file. The people who run me can print all that is "
    'stored about you: `python -m bot memory export --person "web:NAME"`.'
)
ERASE_ME = (
    "❓ Here, Conversations deletes what was said. The people who run me can delete all that is stored about you: "
    '`python -m bot memory forget --person "web:NAME"`.'
)
_INSTEAD: Mapping[str, str] = MappingProxyType({"mydata": MY_DATA, "eraseme": ERASE_ME})
"""The answers to commands of Discord whose work is done elsewhere here, by the comparable names."""
_TEXTS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "stop": ("", "I fall silent"),
        "volume": ("[0-200] [music|sounds]", "how loud I speak, or how loud music or sounds are"),
        "persona": ("[NAME]", "who I am"),
        "mood": ("[NAME]", "how I feel"),
        "play": ("NAME", "play a piece of music"),
        "pause": ("", "pause the music, or let it go on"),
        "skip": ("[all]", "end this piece of music, or all music"),
        "queue": ("", "which music plays, and what comes next"),
        "nowplaying": ("", "which music plays, and how much of it is over"),
        "sound": ("[NAME|stop]", "play a short sound, or end sounds; without a name: which there are"),
        "memory": (
            "[forget NUMBER|WORDS|all] [correct NUMBER TEXT] [on|off]",
            "what I remember of you; have it deleted or corrected; whether I remember anything",
        ),
        "usage": ("", "the tokens and minutes of speech that you have used"),
        "listen": ("on|off", "whether I listen in this call"),
        "optout": ("", "I never listen to you"),
        "optin": ("", "I listen to you again"),
        "leave": ("", "end the call"),
        HELP: ("[COMMAND]", "this list, or one line of it"),
    }
)
"""For each command its arguments, and what it does or shows."""


def unknown_part(prefix: str, name: str, word: str) -> str:
    """The sentence that says that a command (``name``) can't be followed by ``word``."""
    return UNKNOWN_PART.format(prefix=prefix, name=name, word=word[:MAX_QUOTED].replace("`", ""))


class BrowserHelp:
    """Explains the commands of a browser call, and answers words that are none.

    Args:
        names: the commands that there are.
        prefix: the characters that a command begins with.
    """

    def __init__(self, names: Iterable[str], prefix: str) -> None:
        known = {*names, HELP}
        self._texts = {name: text for name, text in _TEXTS.items() if name in known}
        self._prefix = prefix

    def about(self, name: str) -> str:
        """What a command does. If there is none of that name: what to do instead, or what was probably meant.

        Args:
            name: the command in lower case, without prefix. Words may follow. If it is empty, all commands are listed.
        """
        if not name:
            return "\n".join([LISTED, *map(self._line, self._texts)])
        if (command := name.partition(" ")[0]) in self._texts:
            return f"❓ {self._line(command)}"
        if (instead := _INSTEAD.get(comparable(name))) is not None:
            return instead
        near = nearest(name, self._texts)
        meant = DID_YOU_MEAN.format(prefix=self._prefix, name=near) if near is not None else UNKNOWN
        return meant + ELSEWHERE.format(prefix=self._prefix)

    def after_wrong_word(self, name: str, word: str) -> str:
        """What to tell a person who has written a wrong word after the name of a command."""
        return f"{unknown_part(self._prefix, name, word)} {self._line(name)}"

    def _line(self, name: str) -> str:
        arguments, what = self._texts[name]
        return f"`{f'{self._prefix}{name} {arguments}'.rstrip()}`: {what}"
