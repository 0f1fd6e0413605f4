"""Buttons and menus below the bot's messages, for a person who types: each has a number, which presses it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from sandbox.world.entities import Json, Message

HOW = "Type a number to press a button, after other talk with its brackets: {choices}"
_BUTTON, _MENU = 2, 3
"""Discord's types of components."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A button, or an entry of a menu.

    Attributes:
        custom_id: the id of the button or menu within its message.
        value: the value of the menu's entry; ``None`` for a button.
        label: what people read on it.
    """

    custom_id: str
    value: str | None
    label: str


def choices_of(message: Message) -> tuple[Choice, ...]:
    """The choices below a message that can be made now, in the order in which Discord shows them."""
    return tuple(choice for row in message.components for part in row.get("components", ()) for choice in _parts(part))


def _parts(component: Json) -> Iterator[Choice]:
    # A button that opens a link has no id.
    name = component.get("custom_id")
    if name is None or component.get("disabled"):
        return
    if component["type"] == _BUTTON:
        emoji = (component.get("emoji") or {}).get("name")
        yield Choice(name, None, " ".join(filter(None, (emoji, component.get("label")))))
    elif component["type"] == _MENU:
        for option in component.get("options", ()):
            yield Choice(name, option["value"], option["label"])


class TypedButtons:
    """Numbers the choices, and finds the one that is meant by what somebody types.

    A number stays the same for as long as its choice is there, also if later messages have choices too.
    """

    def __init__(self) -> None:
        self._numbers: dict[tuple[int, Choice], int] = {}
        self._messages: dict[int, Message] = {}
        self._newest: Message | None = None

    def line(self, message: Message) -> str | None:
        """The line that shows the choices below a message with their numbers; ``None`` if it has no choices."""
        choices = choices_of(message)
        if not choices:
            return None
        self._messages[message.id], self._newest = message, message
        numbered = (f"[{self._number(message, choice)}] {choice.label}" for choice in choices)
        return HOW.format(choices="  ".join(numbered))

    def find(self, line: str) -> tuple[Message, Choice] | None:
        """The choice that is typed: its number, or the label of one below the newest message with choices.

        ``None`` if the line is something else, or if the choice is no longer there. After a line that is no choice,
        only a number in brackets counts: a "no" or a "2" of the conversation must not answer an old question.
        """
        number = re.fullmatch(r"\[(\d{1,4})\]" if self._newest is None else r"\[?(\d{1,4})\]?", line)
        for (message_id, choice), known in self._numbers.items():
            message = self._messages[message_id]
            named = message is self._newest and choice.label.casefold() == line.casefold()
            if (named or (number is not None and int(number[1]) == known)) and choice in choices_of(message):
                return message, choice
        self._newest = None
        return None

    def _number(self, message: Message, choice: Choice) -> int:
        return self._numbers.setdefault((message.id, choice), len(self._numbers) + 1)
