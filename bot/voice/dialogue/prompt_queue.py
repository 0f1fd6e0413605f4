"""The prompts that wait behind the current one: how many may wait, and which one is answered next."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace

from bot.voice.dialogue.effects import Drop, Effect, Refuse
from bot.voice.dialogue.turn_shares import TurnShares, excess_prompt
from bot.voice.turn import Prompt

MAX_WAITING = 20
"""Maximum number of prompts that wait behind the current one. While that many wait, further prompts are refused."""
TOO_MANY_WAITING = (
    f"🎤 One moment! {MAX_WAITING} messages already wait for an answer. Ask me again when I have caught up."
)


class PromptQueue:
    """The prompts that wait, in the order in which they came. A pure part of the state machine."""

    def __init__(self) -> None:
        self._waiting: deque[Prompt] = deque()
        # Ids of people who were told that too many prompts wait, and of whom no prompt was accepted since.
        self._refused: set[int] = set()
        self._shares = TurnShares()

    def __len__(self) -> int:
        return len(self._waiting)

    def __iter__(self) -> Iterator[Prompt]:
        return iter(self._waiting)

    def put(self, prompt: Prompt) -> Generator[Effect, None, bool]:
        """Let a prompt wait, unless too many wait already. Returns whether it is accepted."""
        if not self._merge(prompt):
            # Results of late tools are always accepted: people were promised them, and there are never many.
            if len(self._waiting) >= MAX_WAITING and not prompt.results:
                excess = excess_prompt(self._waiting, prompt)
                if excess is None:
                    yield self._refuse(prompt)
                    return False
                self._waiting.remove(excess)
                yield self._refuse(excess)
            self._waiting.append(prompt)
        if prompt.person is not None:
            self._refused.discard(prompt.person)
        return True

    def put_back(self, prompt: Prompt) -> None:
        """Let a prompt wait again, before all others, because nothing of the reply to it was heard."""
        self._shares.take_back(prompt)
        self._waiting.appendleft(replace(prompt, begun=prompt.begun + 1))

    def take_next(self) -> Prompt:
        """The prompt to answer next; it no longer waits. There must be one."""
        prompt = self._shares.next_of(self._waiting)
        self._waiting.remove(prompt)
        return prompt

    def take_all(self) -> list[Prompt]:
        """All prompts that wait. They no longer do."""
        return self.drop(lambda prompt: True)

    def drop(self, unwanted: Callable[[Prompt], bool]) -> list[Prompt]:
        """Drop the prompts that are ``unwanted``. Returns them."""
        dropped = [prompt for prompt in self._waiting if unwanted(prompt)]
        self._waiting = deque(prompt for prompt in self._waiting if not unwanted(prompt))
        return dropped

    def note_answered(self, prompt: Prompt) -> None:
        """Note that a prompt is being answered, whether it has waited or not. Its author comes after others then."""
        self._shares.note(prompt)

    def _refuse(self, prompt: Prompt) -> Effect:
        """Refuse a prompt because too many wait. Its author is told only once."""
        if prompt.person in self._refused:
            return Drop(prompt, refused=True)
        if prompt.person is not None:
            self._refused.add(prompt.person)
        return Refuse(prompt, TOO_MANY_WAITING)

    def _merge(self, prompt: Prompt) -> bool:
        """Append a spoken prompt to the last waiting one if both have the same speaker. Returns whether it did so."""
        last = self._waiting[-1] if self._waiting else None
        # The words of a prompt to which a reply was begun are already shown and noted, so nothing is merged with them.
        if not (last and last.turn and prompt.turn and last.turn.person == prompt.turn.person) or last.begun:
            return False
        self._waiting[-1] = replace(prompt, text=f"{last.text} {prompt.text}")
        return True
