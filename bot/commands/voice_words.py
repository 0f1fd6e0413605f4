"""What is said about voices."""

from __future__ import annotations

from discord.utils import escape_markdown

from bot.voice.manager import CallError
from bot.voices.client import Catalogue, ServerVoice

DEFAULT = "default"
"""Names the voice that speaks where none was chosen."""
MAX_NAME = 40
LISTED = 40
"""How many of an engine's own voices are named."""
BAD_NAME = f"❌ A voice's name has 1 to {MAX_NAME} characters, and {DEFAULT!r} is my usual one."


def new_name(given: str) -> str:
    """A name for a new voice, without blanks around it; raises :class:`~bot.voice.manager.CallError`."""
    name = given.strip()
    if not 0 < len(name) <= MAX_NAME or name.casefold() == DEFAULT:
        raise CallError(BAD_NAME)
    return name


def listed(catalogue: Catalogue, chosen: str | None, prefix: str) -> str:
    """Every voice: those that were made, each on a line, and the engine's own."""
    made = [voice for voice in catalogue.voices if voice.made_here]
    own = [voice for voice in catalogue.voices if not voice.made_here]
    lines = [f"🗣️ **My voices.** {_speaking(catalogue, chosen, prefix)}"]
    lines += [f"{'▶️' if voice.id == chosen else '▫️'} {_made(voice)}" for voice in made]
    if not made and catalogue.can_clone:
        lines.append(f"Nobody has made one yet: `{prefix}voice clone NAME` and `{prefix}voice record NAME` do.")
    if own:
        names = ", ".join(f"`{_plain(voice.name)}`" for voice in own[:LISTED])
        more = f" and {len(own) - LISTED} more" if len(own) > LISTED else ""
        lines.append(f"{escape_markdown(catalogue.engine)} has {len(own)} of its own: {names}{more}")
    return "\n".join(lines)


def _speaking(catalogue: Catalogue, chosen: str | None, prefix: str) -> str:
    if chosen is None:
        return f"Here I speak with my usual one; `{prefix}voice use NAME` takes another."
    voice = next((voice for voice in catalogue.voices if voice.id == chosen), None)
    if voice is None:
        return f"The one chosen here, `{_plain(chosen)}`, is gone; until `{prefix}voice use NAME` I speak with my own."
    return f"Here I speak as **{escape_markdown(voice.name)}**; `{prefix}voice use {DEFAULT}` takes my usual one."


def _made(voice: ServerVoice) -> str:
    parts = [f"**{escape_markdown(voice.name)}** ({escape_markdown(voice.language)})"]
    if voice.similarity is not None:
        parts.append(f"{voice.similarity:.2f} alike")
    if voice.recordings > 1:
        parts.append(f"{voice.recordings} recordings")
    return " · ".join(parts)


def learnt(voice: ServerVoice, prefix: str) -> str:
    """What is told when a voice has been learnt."""
    name = escape_markdown(voice.name)
    text = f"🗣️ I can speak as **{name}** now."
    if voice.similarity is not None:
        text += f" It sounds {voice.similarity:.2f} alike (1 would be the same voice)."
    if voice.recordings > 1:
        text += f" It is learnt from {voice.recordings} recordings."
    return f"{text} `{prefix}voice preview {_plain(voice.name)}` lets you hear it, `{prefix}voice use` makes it mine."


def _plain(name: str) -> str:
    """A name that can stand between backticks."""
    return name.replace("`", "'")
