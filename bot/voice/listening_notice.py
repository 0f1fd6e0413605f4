"""Texts that tell people in a call what happens with their speech: that the bot listens, records, or takes notes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bot.llm.cleaning import clean_name
from bot.text import counted
from config.sections import Captions, ListeningPolicy
from config.types import KeptDays


class CallMode(StrEnum):
    """The purpose of a call."""

    TALK = "talk"
    """The bot answers what is said and what is typed."""
    TRANSCRIBE = "transcribe"
    """The bot writes down what is said, and answers only what is typed."""


@dataclass(frozen=True, slots=True)
class ListeningTerms:
    """The settings that decide what happens with people's speech. All but ``in_writing`` are the same for all calls.

    Attributes:
        prefix: characters that commands begin with.
        keep_days: number of days for which the words are kept, or "forever"; 0 if they are not kept.
        sound_goes_to: host that turns speech into text; ``None`` if it is the bot's own machine.
        notes_days: number of days for which notes of calls are kept, or "forever"; 0 if none are taken.
        posts_notes: whether notes are posted in the prompt channel after the call.
        in_writing: whether people in the call can read and write. On the telephone they can't, so no command is named.
    """

    prefix: str
    keep_days: KeptDays
    sound_goes_to: str | None
    notes_days: KeptDays = 0
    posts_notes: bool = True
    in_writing: bool = True

    def notice(self, policy: ListeningPolicy, channel: str, captions: Captions) -> str:
        """The text at the beginning of a call: the bot listens, what happens with the speech, and how to change that.

        Args:
            policy: whether the bot listens to people who have not said yet whether it may.
            channel: name of the voice channel.
            captions: place in which captions are written.
        """
        name, prefix = clean_name(channel), self.prefix
        kept = self._kept(captions if self.in_writing else Captions.OFF)
        if not self.in_writing:
            return f"👂 **I listen in {name}.** {kept}"
        if policy is ListeningPolicy.OPT_IN:
            return (
                f"👂 **I can listen in {name}, but only to people who agree.** {kept} "
                f"`{prefix}optin` lets me hear you, now and in later calls; `{prefix}optout` takes it back."
            )
        return (
            f"👂 **I listen in {name}.** {kept} "
            f"`{prefix}optout` leaves you out, now and in later calls; `{prefix}listen off` stops me from listening "
            f"to anybody."
        )

    def notes_began(self, who: str) -> str:
        """The text for everybody when notes begin. ``who`` is the display name of the person who asked for them."""
        days = self.notes_days
        kept = "for good" if days == "forever" else f"for {counted(days, 'day')}"
        after = "post them in this channel" if self.posts_notes else "write them into a file beside my database"
        notice = (
            f"📝 **I take notes of this call**, because {clean_name(who)} asked for it: who says what, from now on. "
            f"After the call I {after}, with a summary, and keep them {kept}."
        )
        if not self.in_writing:
            return notice
        return (
            f"{notice} `{self.prefix}optout` leaves you out and deletes your lines; people who may record calls end "
            f"the notes with `{self.prefix}notes off`."
        )

    def _kept(self, captions: Captions) -> str:
        """The part of the notice about the speech: where it is transcribed, and how long the words are kept."""
        where = f"on {self.sound_goes_to}" if self.sound_goes_to else "on my own machine"
        kept = f"Speech becomes text {where} and goes to my language model; I keep no sound"
        match self.keep_days:
            case "forever":
                kept += ", but I keep the words"
            case 0 if captions is Captions.OFF:
                kept += ", and forget the words when the call ends"
            case 0:
                pass
            case days:
                kept += f", and the words for {counted(days, 'day')}"
        match captions:
            case Captions.OFF:
                return f"{kept}."
            case Captions.CHANNEL:
                return f"{kept}. I write here who said what."
            case Captions.THREAD:
                return f"{kept}. I write who said what in a thread of this channel."


def recording_began(prefix: str, who: str) -> str:
    """The text for everybody when a recording begins. ``who`` is the display name of the person who asked for it."""
    return (
        f"🔴 **This call is being recorded**, because {clean_name(who)} asked for it: a sound file for each person I "
        f"listen to, kept by the people who run me. `{prefix}optout` deletes yours at once; people who may record "
        f"calls end it with `{prefix}record off`."
    )


RECORDING_NOT_HEARD = "I don't record: I was interrupted while I announced the recording aloud. Ask me again."
RECORDING_REFUSED = (
    "I don't record: too many messages wait for an answer, so I could not announce the recording aloud. "
    "Ask me again when I have caught up."
)
RECORDING_DROPPED = (
    "I don't record: somebody told me to be silent before I could announce the recording aloud. Ask me again."
)
RECORDING_ENDED = "⏹️ The recording has ended; nothing is recorded any more."


def recording_newcomer(prefix: str, newcomer: str) -> str:
    """The text for a person who joins a call that is being recorded. ``newcomer`` is the person's display name."""
    return f"🔴 {clean_name(newcomer)}, this call is being recorded. `{prefix}optout` keeps your voice out of it."


NOTES_NOT_HEARD = "I take no notes: I was interrupted while I announced them aloud. Ask me again."
NOTES_REFUSED = (
    "I take no notes: too many messages wait for an answer, so I could not announce them aloud. "
    "Ask me again when I have caught up."
)
NOTES_DROPPED = "I take no notes: somebody told me to be silent before I could announce them aloud. Ask me again."
NOTES_OFF = "I take no notes here: the people who run me have switched that off."
NOTES_ENDED = "📝 I have stopped taking notes. I write them up after the call."
NOTES_ALREADY_ON = "I'm taking notes already."
NOTES_ALREADY_OFF = "I'm not taking notes."


def notes_newcomer(prefix: str, newcomer: str) -> str:
    """The text for a person who joins a call of which notes are taken. ``newcomer`` is the person's display name."""
    return f"📝 {clean_name(newcomer)}, I take notes of this call. `{prefix}optout` keeps your words out of them."
