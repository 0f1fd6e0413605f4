"""Sections of the bot's settings: permits, calls, the page, warnings and daily limits. Times are in seconds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from config.section import Section, ServerSection, Variable
from config.types import (
    YEAR,
    Address,
    BargeIn,
    Channel,
    Channels,
    OptionalPassphrase,
    Origins,
    Permitted,
    PermittedOnCall,
    PermittedOrNobody,
)


class AnswerPolicy(StrEnum):
    """Decides which utterances in a call are answered."""

    ALWAYS = "always"
    NAME = "name"
    """An utterance is answered only if it names the bot, also if one person is alone with it."""
    SMART = "smart"
    """If one person is alone with the bot, every utterance is answered. Otherwise, an utterance is answered only if it
    names the bot or continues a conversation with it.
    """


class Greet(StrEnum):
    """Decides who is greeted when they join a call."""

    OFF = "off"
    FIRST = "first"
    """Each person is greeted once since the start of the bot."""
    ALL = "all"
    """Each person is greeted once in each call."""


class MoodFollows(StrEnum):
    """Decides what else may change the mood of a place, besides the people there."""

    OFF = "off"
    MODEL = "model"
    """The mood that the model names in its answers."""


class ThinkingSounds(StrEnum):
    """Decides whether a quiet sound plays while people wait for an answer."""

    OFF = "off"
    ON = "on"


class ListeningPolicy(StrEnum):
    """Whether the bot listens to people who have neither allowed nor forbidden it yet."""

    OPT_OUT = "opt-out"
    OPT_IN = "opt-in"


class MemoryPolicy(StrEnum):
    """Whether facts about people are remembered across calls and chats."""

    ASK = "ask"
    """Each person is asked the first time that something would be kept of them."""
    ON = "on"
    """Facts about everybody who has not refused are kept."""
    OFF = "off"


class Guesses(StrEnum):
    """Whether replies are prepared at pauses, before it is certain that the person has finished."""

    AUTO = "auto"
    """Replies are prepared, unless the model server costs money. A voice that costs money speaks none of them in
    advance; see :mod:`bot.speculation_policy`."""
    ON = "on"
    OFF = "off"


class InterimTranscripts(StrEnum):
    """Whether speech is transcribed while the person still speaks."""

    AUTO = "auto"
    """Speech is transcribed if replies are prepared and the machine has power to spare; see
    :mod:`bot.speculation_policy`."""
    ON = "on"
    OFF = "off"


class Captions(StrEnum):
    """The place where captions of a call are written."""

    OFF = "off"
    CHANNEL = "channel"
    THREAD = "thread"


@dataclass(frozen=True, slots=True)
class PermitSettings(Section):
    """For each thing that a field names, who may do it; see :class:`bot.access.Permit`.

    ``talk`` means getting answers in a call.
    """

    prefix: ClassVar[str] = "who_may_"

    join: Permitted = "everyone"
    leave: Permitted = "everyone"
    control: PermittedOnCall = "call"
    talk: PermittedOnCall = "everyone"
    record: PermittedOrNobody = "managers"
    draw: Permitted = "everyone"
    schedule: Permitted = "managers"
    clone: Permitted = "everyone"


@dataclass(frozen=True, slots=True)
class CallSettings(Section):
    """Voice calls.

    Attributes:
        enabled: whether calls are possible.
        max_calls: largest number of calls at once, over all transports together.
        prompt_channel: name or id of the channel for typed prompts; ``None`` means the channel of the join command.
        autojoin_channels: names or ids of the voice channels into which the bot may go by itself; empty for all.
        alone_timeout: seconds without people after which a call ends.
        voiceless_timeout: seconds without the speech server after which a call ends.
        listening: whether the bot listens to people who have neither allowed nor forbidden it yet.
        answer_to: which utterances are answered.
        barge_in: who may interrupt the bot.
        greet: who is greeted when they join the call.
        captions: where captions (who said what) are written, until somebody chooses otherwise.
        remake_recordings: whether a better voice speaks the recorded answers again after the call.
        interim_transcripts: whether speech is transcribed while the person still speaks.
        guesses: whether replies are prepared before it is certain that the person has finished (speculative replies).
        wrong_guesses_per_minute: the largest number of speculative replies that a call may discard in a minute.
        duck_db: how much quieter music gets while somebody speaks, in decibels.
        thinking_sound: whether a quiet sound plays while people wait for an answer.
    """

    prefix: ClassVar[str] = ""

    enabled: Annotated[bool, Variable("voice_enabled")] = True
    max_calls: Annotated[int, Field(ge=1, le=100)] = 1
    prompt_channel: Channel = None
    autojoin_channels: Channels = ()
    alone_timeout: Annotated[float, Field(gt=0, le=YEAR)] = 120.0
    voiceless_timeout: Annotated[float, Field(gt=0, le=YEAR)] = 300.0
    listening: ListeningPolicy = ListeningPolicy.OPT_OUT
    answer_to: AnswerPolicy = AnswerPolicy.SMART
    barge_in: BargeIn = "everyone"
    greet: Greet = Greet.OFF
    captions: Captions = Captions.OFF
    remake_recordings: bool = False
    interim_transcripts: InterimTranscripts = InterimTranscripts.AUTO
    guesses: Guesses = Guesses.AUTO
    wrong_guesses_per_minute: Annotated[int, Field(ge=1, le=1_000)] = 20
    duck_db: Annotated[float, Field(ge=0, le=60)] = 12.0
    thinking_sound: ThinkingSounds = ThinkingSounds.OFF


@dataclass(frozen=True, slots=True)
class WebSettings(ServerSection):
    """The bot's HTTP server, with the page.

    Attributes:
        bind: address and port to listen on.
        token: secret that clients must send.
        allowed_origins: origins of other web pages that may use the server from a browser.
    """

    prefix: ClassVar[str] = "web_"

    bind: Address = "127.0.0.1:8770"
    token: OptionalPassphrase = None
    allowed_origins: Origins = ()


@dataclass(frozen=True, slots=True)
class WarningSettings(Section):
    """The values above which the view "Now" of the page warns.

    Attributes:
        stt_ms: milliseconds from a pause of speech to the words of the turn.
        tts_ms: milliseconds from the first clause of a reply to its first sound.
        first_token_ms: milliseconds from the request to the model's first token.
        gpu: how busy a card may be over a minute, as a share of 1.
    """

    prefix: ClassVar[str] = "warn_"

    stt_ms: Annotated[float, Field(gt=0, le=3_600_000)] = 500.0
    tts_ms: Annotated[float, Field(gt=0, le=3_600_000)] = 300.0
    first_token_ms: Annotated[float, Field(gt=0, le=3_600_000)] = 1000.0
    gpu: Annotated[float, Field(gt=0, le=1)] = 0.8


@dataclass(frozen=True, slots=True)
class DailySettings(Section):
    """How much of servers that cost money may be used in a day, which ends at midnight in ``TIMEZONE``; 0 is no limit.

    Attributes:
        tokens: tokens that model servers read and write.
        speech_minutes: minutes of sound that speech servers make, plus minutes of sound that is sent to recognisers.
    """

    prefix: ClassVar[str] = "daily_"

    tokens: Annotated[int, Field(ge=0, le=1_000_000_000_000)] = 0
    speech_minutes: Annotated[float, Field(ge=0, le=1_000_000)] = 0.0
