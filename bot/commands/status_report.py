"""The text of the ``voice-status`` command."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import discord

from bot.calls import NO_CALL, Calls
from bot.llm.personas import Character
from bot.speech_server.status import ServerHealth
from bot.voice.call_life import CallState
from bot.voice.discord.link import VoiceChannel
from bot.voice.discord.transport import DiscordCall
from bot.voice.listening_notice import CallMode
from bot.voice.metrics import STAGES, ReplyMetrics, ReplyTrace
from bot.voice.reply_waits import bars
from config.sections import Captions, MemoryPolicy

MEMORY: Mapping[MemoryPolicy, str] = MappingProxyType(
    {
        MemoryPolicy.ASK: "of people who have agreed, after I asked them",
        MemoryPolicy.ON: "of everybody who has not refused",
        MemoryPolicy.OFF: "off",
    }
)


@dataclass(frozen=True, slots=True)
class EngineTexts:
    """The bot's engines, in words.

    Attributes:
        character: returns the persona and mood of a server (by id).
        model: returns the name of a character's model.
        engine_warning: a warning if engines are toys, or the language model is small; ``None`` if there is none.
        memory: the operator's rule for remembering people.
        limits: returns the limits of the day that are reached, in sentences.
    """

    character: Callable[[int], Character]
    model: Callable[[Character], str]
    engine_warning: str | None
    memory: MemoryPolicy
    limits: Callable[[], Sequence[str]]


class StatusReporter:
    """Describes the state of the call and of the engines.

    Args:
        transcriber: returns the name of the transcriber and its device.
        voice_health: asks the speech server for its state. It never raises.
        telephone: describes the state of the telephone; ``None`` if there is none.
    """

    def __init__(
        self,
        calls: Calls,
        engines: EngineTexts,
        transcriber: Callable[[], str],
        voice_health: Callable[[], Awaitable[ServerHealth]],
        telephone: Callable[[], str] | None = None,
    ) -> None:
        self._calls = calls
        self._engines = engines
        self._transcriber = transcriber
        self._voice_health = voice_health
        self._telephone = telephone

    async def report(self, guild: int, reader: discord.Member | discord.User) -> str:
        """The report for a person (``reader``) on a server (by id). It names no channel that the person can't see."""
        status, call = self._calls.status(), self._calls.current_on(guild)
        if call is not None:
            lines = self._call(call, reader)
        else:
            lines = [NO_CALL if status.state is CallState.IDLE else f"🎤 {self._calls.elsewhere}"]
        lines.append(f"**Model** {self._engines.model(self._engines.character(guild))}")
        lines.append(f"**Ears** {self._transcriber()}")
        lines.append(f"**Voice** {await self._voice_health()}")
        lines += [f"⚠️ {limit}" for limit in self._engines.limits()]
        lines.append(f"**Memory** {self._memory(guild)}")
        if self._telephone is not None:
            lines.append(f"**Telephone** {self._telephone()}")
        over = "the call ends" if status.count == 1 else f"all {status.count} calls have ended"
        until = f" until {over}" if status.held and status.count else ""
        lines.append(f"**Paused{until}** {', '.join(status.held) or 'nothing'}")
        if status.stuck:
            lines.append(f"⚠️ **Could not be resumed** {', '.join(status.stuck)}: trying again")
        if self._engines.engine_warning:
            lines.append(self._engines.engine_warning)
        return "\n".join(lines)

    def _memory(self, guild: int) -> str:
        character = self._engines.character(guild)
        if not character.persona.memory:
            return f"off: {character.persona.name} remembers nobody"
        return MEMORY[self._engines.memory]

    @staticmethod
    def _call(call: DiscordCall, reader: discord.Member | discord.User) -> list[str]:
        conversation = call.conversation
        lines = [
            f"🎤 **In** {_name(call.channel, reader)}, prompts from <#{call.prompts.channel.id}>",
            f"**Persona** {call.character.persona.name}, {call.character.mood}",
            f"**Encryption** {'end to end (DAVE)' if call.transport.encrypted else 'transport only'}",
            f"**Now** {'answering' if conversation.answering else 'listening'}, {conversation.waiting} waiting",
            f"**Listening** {_listening(call)}",
        ]
        if not call.voice_connected:
            lines.append("⚠️ The speech server is away; I answer in text until it is back.")
        if conversation.metrics.last is not None:
            lines += _timings(conversation.metrics, conversation.metrics.last)
        return lines


def _name(channel: VoiceChannel, reader: discord.Member | discord.User) -> str:
    seen = isinstance(reader, discord.Member) and channel.permissions_for(reader).view_channel
    return channel.name if seen else "a channel that you don't see"


def _listening(call: DiscordCall) -> str:
    if not call.listening:
        return "off"
    extras = ["only writing down" if call.mode is CallMode.TRANSCRIBE else "answering what is said"]
    if call.captions is not Captions.OFF:
        extras.append(f"captions in the {call.captions.value}")
    if call.recordings.on:
        extras.append("🔴 recording")
    return ", ".join(["on", *extras])


def _timings(metrics: ReplyMetrics, last: ReplyTrace) -> list[str]:
    lines = [f"**Last reply** {last.outcome.value}, {last.audio / 1000:.1f} s of speech, {last.underruns} gaps"]
    if last.mood is not None:
        lines.append(f"　it moved my mood to {last.mood}")
    for stage, name in STAGES.items():
        value, summary = getattr(last, stage), metrics.summary(stage)
        if value is not None and summary is not None:
            lines.append(f"　{name}: {value:.0f} ms (median {summary.median:.0f}, p95 {summary.p95:.0f})")
    if drawn := bars(metrics.traces):
        lines += ["**Where the time went** until the first packet", "```", *drawn, "```"]
    return lines
