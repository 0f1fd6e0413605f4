"""Texts about voices: the list of voices, and the result of cloning one."""

from __future__ import annotations

from discord.utils import escape_markdown

from bot.speech_server.voices import ServerVoice, VoiceCatalogue
from bot.text import shorten
from bot.user_error import UserError
from bot.voices.voices import DEFAULT
from config.spelling import nearest

MAX_NAME = 40
"""Maximum number of characters of a voice's name."""
MAX_LISTED = 40
"""Maximum number of voices of the engine that are listed."""
BAD_NAME = (
    f"❌ A voice's name must have 1 to {MAX_NAME} characters. {DEFAULT!r} is taken: it stands for my usual voice."
)


def new_name(given: str) -> str:
    """The name of a new voice, without surrounding spaces; raises :class:`~bot.user_error.UserError`."""
    name = given.strip()
    if not 0 < len(name) <= MAX_NAME or name.casefold() == DEFAULT:
        raise UserError(BAD_NAME)
    return name


def list_text(catalogue: VoiceCatalogue, chosen: str | None, prefix: str, words: str = "") -> str:
    """The list of voices that match ``words``: cloned voices, one per line, then the engine's own voices."""
    fitting = [voice for voice in catalogue.voices if _fits(voice, words)]
    made = [voice for voice in fitting if voice.made_here]
    own = [voice for voice in fitting if not voice.made_here]
    lines = [f"🗣️ **My voices.** {_speaking(catalogue, chosen, prefix)}"]
    lines += [f"{'▶️' if voice.id == chosen else '▫️'} {_made(voice)}" for voice in made]
    if words.strip() and not fitting:
        meant = nearest(words, {_main_name(voice) for voice in catalogue.voices})
        shown = f" Did you mean `{prefix}voice list {_plain(meant)}`?" if meant is not None else ""
        lines.append(f"No voice has `{_plain(shorten(words.strip(), MAX_NAME))}` in its name or language.{shown}")
    elif not made and not words.strip() and catalogue.can_clone:
        lines.append(
            f"Nobody has made a voice yet. `{prefix}voice clone NAME` or `{prefix}voice record NAME` makes one."
        )
    if own:
        names = ", ".join(_own(voice) for voice in own[:MAX_LISTED])
        hidden = len(own) - MAX_LISTED
        more = f" and {hidden} more. `{prefix}voice list french` shows those for French" if hidden > 0 else ""
        which = "that match" if words.strip() else "of its own"
        lines.append(f"{escape_markdown(catalogue.engine)} has {len(own)} {which}: {names}{more}.")
    return "\n".join(lines)


def _speaking(catalogue: VoiceCatalogue, chosen: str | None, prefix: str) -> str:
    if chosen is None:
        return f"Here I speak with my usual voice; `{prefix}voice use NAME` chooses another."
    voice = next((voice for voice in catalogue.voices if voice.id == chosen), None)
    if voice is None:
        return (
            f"The voice chosen here, `{_plain(chosen)}`, no longer exists, so I speak with my usual one; "
            f"`{prefix}voice use NAME` chooses another."
        )
    return (
        f"Here I speak as **{escape_markdown(voice.name)}**; `{prefix}voice use {DEFAULT}` goes back to my usual voice."
    )


def _main_name(voice: ServerVoice) -> str:
    """The part of a voice's name before the bracket: "French" of "French (Belgium)"."""
    return voice.name.partition(" (")[0]


def _fits(voice: ServerVoice, words: str) -> bool:
    about = f"{voice.id} {voice.name} {voice.language}".casefold()
    return all(word in about for word in words.casefold().split())


def _own(voice: ServerVoice) -> str:
    """The id to type for a voice, and its name if that is different: "`fr-fr` French (France)"."""
    called = f"`{_plain(voice.id)}`"
    return called if voice.id.casefold() == voice.name.casefold() else f"{called} {escape_markdown(voice.name)}"


def _made(voice: ServerVoice) -> str:
    parts = [f"**{escape_markdown(voice.name)}** ({escape_markdown(voice.language)})"]
    if voice.similarity is not None:
        parts.append(f"similarity {_percent(voice.similarity)}")
    if voice.recordings > 1:
        parts.append(f"{voice.recordings} recordings")
    if not voice.speaks:
        parts.append(f"{escape_markdown(voice.engine)} can't speak with it")
    return " · ".join(parts)


def cloned_text(voice: ServerVoice, prefix: str) -> str:
    """The text for a voice that was cloned."""
    name = escape_markdown(voice.name)
    text = f"🗣️ I can speak as **{name}** now."
    if voice.similarity is not None:
        text += f" Similarity: {_percent(voice.similarity)}."
    if voice.recordings > 1:
        text += f" I learned it from {voice.recordings} recordings."
    plain = _plain(voice.name)
    return (
        f"{text} `{prefix}voice preview {plain}` plays it, and with `{prefix}voice use {plain}` I speak with it here."
    )


def _percent(similarity: float) -> str:
    return f"{100 * max(similarity, 0.0):.0f} %"


def _plain(name: str) -> str:
    """A name with apostrophes instead of backticks, so that it can be shown as code."""
    return name.replace("`", "'")
