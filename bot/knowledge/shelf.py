"""The passages that the model is shown in one place. They stay for a while, so that the prompt stays the same text."""

from __future__ import annotations

from collections.abc import Sequence

from bot.knowledge.passage import Passage

MAX_UNITS = 3_600
"""Largest size of all shown passages together, in characters; Chinese, Japanese and Korean ones count twice."""


class Shelf:
    """The passages shown in one conversation, in the order in which they came.

    A model server reads again everything that follows the first change of a prompt, and the whole conversation follows
    the passages. Therefore a passage stays when the next question does not need it. When there is no more room, all go
    but those that the current question needs.
    """

    def __init__(self, limit: int = MAX_UNITS) -> None:
        self._limit = limit
        self._shown: tuple[Passage, ...] = ()
        self._generation = 0

    def with_(self, found: Sequence[Passage], generation: int, *, keep: bool) -> tuple[Passage, ...]:
        """The passages to show for a question.

        Args:
            found: what was found for it, the best first.
            generation: the number of changes of the knowledge. If it has grown, the passages shown before are dropped.
            keep: whether the result stays for the next questions. Pass False while more words of the question may come.
        """
        before = self._shown if generation == self._generation else ()
        known = {(each.source, each.text) for each in before}
        shown = (*before, *(each for each in found if (each.source, each.text) not in known))
        if sum(map(_units, shown)) > self._limit:
            shown = self._first(found)
        if keep:
            self._shown, self._generation = shown, generation
        return shown

    def _first(self, found: Sequence[Passage]) -> tuple[Passage, ...]:
        room, shown = self._limit, []
        for each in found:
            room -= _units(each)
            if room < 0:
                break
            shown.append(each)
        return tuple(shown)


def _units(passage: Passage) -> int:
    return sum(1 if char < "\u1100" else 2 for char in passage.text) + len(passage.source)
