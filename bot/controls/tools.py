"""Tools with which the model changes the bot's volume, speed or mood, or leaves the call, when people ask for that.

The tools act on a call over any transport, and need the same rights as the typed commands.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import aiosqlite

from bot.characters import Characters, UnknownChoiceError
from bot.controls.leaving import LateLeaving
from bot.controls.volumes import MAX_VOLUME, Volumes
from bot.controls.words import Control, ControlWords
from bot.current_calls import call_at, where_asked
from bot.llm.tools import ToolDescription
from bot.tools.negation import not_denied
from bot.tools.tool import Asker, Effect, Tool, ToolError, ToolResult
from bot.voice.call import Call
from bot.voice.manager import CallManager
from bot.voices.voices import Voices
from wire.parameters import NUMBERS

VOLUME_STEP = 0.2
"""How much "a bit louder" changes the volume. A volume of 1 leaves the sound as it is."""
SPEED_STEP = 1.15
"""The factor by which "a bit faster" changes the speed."""
MAX_MINUTES = 720
NO_CALL = "There is no voice call here."
NOT_STORED = "The choice could not be stored."
_SLOWEST, _FASTEST = NUMBERS["speed"]

LEAVE = ToolDescription(
    "leave_call",
    "Leaves the voice call when you are asked to: after your answer, or in some minutes. `stay` takes it back.",
    {"type": "object", "properties": {"in_minutes": {"type": "number"}, "stay": {"type": "boolean"}}},
)
VOLUME = ToolDescription(
    "set_volume",
    "Changes how loud you speak: give `change`, or `percent` (0 to 200, usually 100).",
    {
        "type": "object",
        "properties": {"change": {"type": "string", "enum": ["quieter", "louder"]}, "percent": {"type": "number"}},
    },
)
MOOD = ToolDescription(
    "set_mood",
    "Changes your mood to one that you are asked for. Moods, of all personas: {moods}.",
    {"type": "object", "properties": {"mood": {"type": "string"}}, "required": ["mood"]},
)
SPEED = ToolDescription(
    "set_speaking_speed",
    "Changes how fast you speak, from your next answer on.",
    {
        "type": "object",
        "properties": {"change": {"type": "string", "enum": ["slower", "faster", "usual"]}},
        "required": ["change"],
    },
)
CONTROL_NAMES = frozenset(each.name for each in (LEAVE, VOLUME, MOOD, SPEED))
"""The names of the tools of this module."""

Rights = Callable[[Asker, str], bool]
"""Whether a person may use a typed command (its qualified name) in the place where they ask."""
_Change = Callable[[Mapping[str, Any], Asker], Awaitable[str]]
"""Carries out a tool. Returns what has changed; may raise :class:`ToolError` and :class:`aiosqlite.Error`."""


@dataclass(frozen=True, slots=True)
class ControlTool:
    """A tool that changes something about the bot.

    Attributes:
        description: what the model is told about it.
        control: what it changes.
        command: the typed command whose right it needs.
    """

    description: ToolDescription
    control: Control
    command: str
    _change: _Change
    _controls: Controls

    @property
    def effect(self) -> Effect:
        """The tool changes something that not everybody may change."""
        return Effect.PRIVILEGED

    def may_use(self, asker: Asker) -> bool:
        """Whether the person may use the typed command."""
        return self._controls.may(asker, self.command)

    def asked_for(self, words: str, arguments: Mapping[str, Any]) -> bool:
        """Whether the words ask for the change. "Not so loud" and "don't be sad" ask for one, too.

        With the argument ``stay``, "don't leave" asks for it.
        """
        known = self._controls.words
        if self.control is not Control.LEAVE:
            return known.ask_for(self.control, words)
        if arguments.get("stay") is True:
            return known.ask_for(Control.STAY, words) or known.ask_for(Control.LEAVE, words)
        return known.ask_for(Control.LEAVE, not_denied(words))

    async def run(self, arguments: Mapping[str, Any], asker: Asker) -> ToolResult:
        """Make the change.

        Raises:
            ToolError: the arguments can't be used, the person has lost the right, or there is nothing to change.
        """
        # The model may have called the tool late, when the person had lost the right.
        if not self.may_use(asker):
            raise ToolError(f"{asker.name} may not do that here.")
        try:
            return ToolResult(await self._change(arguments, asker))
        except aiosqlite.Error as error:
            raise ToolError(NOT_STORED) from error


class Controls:
    """Makes the tools of this module, which act on calls over any transport.

    Args:
        manager: knows the active calls.
        leaving: leaves calls later.

    Attributes:
        words: recognises words that ask for a change.
        may: says who may change what. At first, everybody may; the part that knows people's rights replaces this.
    """

    def __init__(
        self,
        manager: CallManager[Call[Any]],
        volumes: Volumes,
        voices: Voices,
        characters: Characters,
        leaving: LateLeaving,
        words: ControlWords,
    ) -> None:
        self.words = words
        self.may: Rights = lambda asker, command: True
        self._manager = manager
        self._volumes = volumes
        self._voices = voices
        self._characters = characters
        self._leaving = leaving

    def tools(self) -> Sequence[Tool]:
        """All tools of this module, the most important first: a small context has no room for all."""
        moods = sorted({mood for persona in self._characters.personas.values() for mood in persona.moods})
        mood = replace(MOOD, text=MOOD.text.format(moods=", ".join(moods)))
        return (
            ControlTool(LEAVE, Control.LEAVE, "leave", self._leave, self),
            ControlTool(VOLUME, Control.VOLUME, "volume", self._set_volume, self),
            ControlTool(mood, Control.MOOD, "mood", self._set_mood, self),
            ControlTool(SPEED, Control.SPEED, "voice use", self._set_speed, self),
        )

    async def _leave(self, arguments: Mapping[str, Any], asker: Asker) -> str:
        call = call_at(self._manager, where_asked(asker))
        if call is None:
            raise ToolError(NO_CALL)
        if arguments.get("stay") is True:
            return "You stay." if self._leaving.cancel(call) else "You were not going to leave."
        minutes = _number(arguments, "in_minutes", 0, MAX_MINUTES) or 0.0
        self._leaving.plan(call, 60 * minutes)
        when = f"in {minutes:g} minutes" if minutes else "as soon as you have finished this answer. Say goodbye"
        return f"You leave the call {when}."

    async def _set_volume(self, arguments: Mapping[str, Any], asker: Asker) -> str:
        now = await self._volumes.at(asker.server)
        wanted = _number(arguments, "percent", 0, 100 * MAX_VOLUME)
        if wanted is not None:
            volume = wanted / 100
        else:
            step = {"quieter": -VOLUME_STEP, "louder": VOLUME_STEP}[_choice(arguments, "change", "quieter", "louder")]
            volume = min(max(now + step, VOLUME_STEP / 2), MAX_VOLUME)
        await self._volumes.choose(asker.server, volume, only=asker.call)
        return f"Your volume was {round(100 * now)} percent and is {round(100 * volume)} percent now."

    async def _set_mood(self, arguments: Mapping[str, Any], asker: Asker) -> str:
        try:
            character = await self._characters.choose_mood(asker.server, str(arguments.get("mood", ""))[:100])
        except UnknownChoiceError as error:
            raise ToolError(str(error)) from error
        about = character.persona.moods[character.mood]
        return f"Your mood is {character.mood} from now on, also in this answer: {about}"

    async def _set_speed(self, arguments: Mapping[str, Any], asker: Asker) -> str:
        change = _choice(arguments, "change", "slower", "faster", "usual")
        manner = self._voices.manner(asker.server)
        now = manner.speed or 1.0
        factor = {"slower": 1 / SPEED_STEP, "faster": SPEED_STEP}.get(change, 1 / now)
        speed = round(min(max(now * factor, _SLOWEST), _FASTEST), 2)
        await self._voices.choose_manner(asker.server, replace(manner, speed=None if speed == 1 else speed))
        return f"From your next answer on, you speak {round(100 * speed)} percent as fast as usual."


def _number(arguments: Mapping[str, Any], name: str, least: float, most: float) -> float | None:
    """An argument as a number; ``None`` if it is missing.

    Raises:
        ToolError: it is no number, or out of range.
    """
    value = arguments.get(name)
    if value is None:
        return None
    # NaN is not between any two numbers.
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise ToolError(f"{name} must be a number from {least:g} to {most:g}.")
    return float(value)


def _choice(arguments: Mapping[str, Any], name: str, *choices: str) -> str:
    value = arguments.get(name)
    if not isinstance(value, str) or value not in choices:
        raise ToolError(f"{name} must be one of these: {', '.join(choices)}.")
    return value
