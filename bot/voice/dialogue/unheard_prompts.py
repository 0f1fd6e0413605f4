"""Prompts whose replies were interrupted before anything of them was heard. None of them is lost."""

from __future__ import annotations

from collections.abc import Callable

from bot.voice.dialogue.reply_state import Reply
from bot.voice.turn import Prompt, PromptKind, TurnId

MAX_BEGUN = 3
"""Largest number of replies to one prompt that are interrupted unheard: endless talk must not keep the model busy."""
NOT_ANSWERED = "🎤 I was interrupted before I could answer. Please ask me again."
"""Written if a reply was interrupted unheard and is not made anew: it was begun :data:`MAX_BEGUN` times, or its tools
would run again."""


class UnheardPrompts:
    """The prompts that have no answer yet because somebody began to speak. A pure part of the state machine.

    A person often speaks on after a short pause: "What is the difference between a frog?" "And a toad?" The second
    turn ends the reply to the first one, and the reply to the second turn answers both. In all other cases the first
    prompt is to be answered anew when the second turn is over: that turn may turn out to have no words, it may be for
    somebody else, or it may be another person's.
    """

    def __init__(self) -> None:
        self._replies: dict[TurnId, Reply] = {}

    def note_interrupted(self, reply: Reply, position: int, by: TurnId) -> None:
        """Note that a turn ends a reply of which people have heard ``position`` samples.

        Does nothing if they have heard words of the answer itself; "Let me look that up." does not count. Also does
        nothing if the reply is a text that the bot itself recites: whoever queued the text is notified by its
        :class:`~bot.voice.prompt_handles.PromptHandle`, and decides.
        """
        if (reply.prompt.author or reply.prompt.kind is PromptKind.ASK) and not reply.has_answered(position):
            self._replies[by] = reply

    def note_accepted(self, prompt: Prompt) -> None:
        """Note that a prompt will be answered. If its turn has ended a reply to the same person, one reply answers both
        prompts.
        """
        if prompt.turn is not None and (reply := self._replies.get(prompt.turn)) is not None:
            first = reply.prompt.turn
            if first is not None and first.person == prompt.turn.person:
                del self._replies[prompt.turn]

    def take(self, turn: TurnId) -> Reply | None:
        """The reply that ``turn`` has ended and whose prompt is still unanswered. It is no longer kept here."""
        return self._replies.pop(turn, None)

    def take_all(self) -> list[Prompt]:
        """All prompts that are still unanswered. They are no longer kept here."""
        prompts = [reply.prompt for reply in self._replies.values()]
        self._replies.clear()
        return prompts

    def drop(self, unwanted: Callable[[Prompt], bool]) -> None:
        """Drop the prompts that are ``unwanted``."""
        self._replies = {turn: reply for turn, reply in self._replies.items() if not unwanted(reply.prompt)}
