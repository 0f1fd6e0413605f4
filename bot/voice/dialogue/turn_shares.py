"""Whose turn it is when several people wait: those who were answered least often in the last minute come first."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence

from bot.voice.turn import Prompt

MINUTE = 60.0
"""Seconds for which an answer counts."""


class TurnShares:
    """How often each person was answered lately. What the bot says by itself counts for nobody."""

    def __init__(self) -> None:
        self._answered: deque[tuple[float, int]] = deque()

    def note(self, prompt: Prompt) -> None:
        """Note that a prompt is being answered."""
        self._forget(prompt.at)
        if prompt.person is not None:
            self._answered.append((prompt.at, prompt.person))

    def take_back(self, prompt: Prompt) -> None:
        """Note that nothing of the answer to a prompt was heard. This answer does not count for the prompt's author."""
        if prompt.person is not None and (noted := (prompt.at, prompt.person)) in self._answered:
            self._answered.remove(noted)

    def next_of(self, waiting: Sequence[Prompt]) -> Prompt:
        """The prompt to answer next: the oldest one of the person who had the fewest answers.

        Among people with equally many answers, the one who was answered last comes after the others.

        Args:
            waiting: prompts in the order in which they came; at least one.
        """
        self._forget(max(prompt.at for prompt in waiting))
        people = [person for _, person in self._answered]
        last = people[-1] if people else None

        def share(prompt: Prompt) -> tuple[int, bool]:
            person = prompt.person
            return (0, False) if person is None else (people.count(person), person == last)

        return min(waiting, key=share)

    def _forget(self, now: float) -> None:
        while self._answered and self._answered[0][0] < now - MINUTE:
            self._answered.popleft()


def excess_prompt(waiting: Sequence[Prompt], prompt: Prompt) -> Prompt | None:
    """The waiting prompt that has to give way to ``prompt`` if all places are taken, so that one person can't take all.

    It is the newest prompt of the person who has most prompts waiting. ``None`` if the author of ``prompt`` would
    then have more prompts waiting than that person.
    """
    places = Counter(each.person for each in waiting if each.person is not None)
    if prompt.person is None or not places:
        return None
    person, most = places.most_common(1)[0]
    if most < places[prompt.person] + 2:
        return None
    return next(each for each in reversed(waiting) if each.person == person)
