"""The prompts that a call no longer answers because the bot is being restarted, and what their authors are told."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace

from bot.restarting import RESTARTING
from bot.text import shorten
from bot.voice.dialogue.effects import Drop, Effect, Tell
from bot.voice.dialogue.left_unanswered import SHOWN_CHARS
from bot.voice.turn import Prompt, PromptKind

ASK_AGAIN = "👋 I'm restarting. Ask me that again when I am back."
"""The answer if the prompt can't be kept: outside of Discord, and where spoken words may not be stored."""
NOT_SAID = "👋 I'm restarting, so I did not say this: “{text}”"
"""The answer if the prompt can't be kept and is a text that was to be read aloud."""
Keeps = Callable[[Prompt], bool]
"""Returns whether a prompt is kept until the bot is back."""


def restart_answer(prompt: Prompt, *, kept: bool) -> str:
    """What the author of a prompt is told if it is not answered or read aloud before the restart."""
    if kept:
        return RESTARTING
    if prompt.may_be_quoted:
        return NOT_SAID.format(text=shorten(prompt.text, SHOWN_CHARS))
    return ASK_AGAIN


class SetAside:
    """The prompts that wait for the end of a restart. A pure part of the state machine.

    Attributes:
        begun: whether the restart has begun.
    """

    def __init__(self) -> None:
        self.begun = False
        self._keeps: Keeps = lambda _: False
        self._prompts: list[Prompt] = []
        self._rest: Prompt | None = None
        """The part of a text that was not read aloud, because the restart broke it off."""

    def begin(self, keeps: Keeps) -> None:
        """Begin the restart."""
        self.begun, self._keeps = True, keeps

    @property
    def kept(self) -> tuple[Prompt, ...]:
        """The prompts that are kept for after the restart, in order."""
        rest = () if self._rest is None else (self._rest,)
        return tuple(each for each in (*rest, *self._prompts) if self._keeps(each))

    def put_all(self, prompts: Collection[Prompt]) -> Iterator[Effect]:
        """Put prompts aside. A person with several prompts that are kept is told once, in answer to the newest one."""
        newest = {(each.author, each.person): each for each in prompts if self._keeps(each)}
        for prompt in prompts:
            tell = not self._keeps(prompt) or newest[prompt.author, prompt.person] is prompt
            yield from self.put(prompt, tell=tell)

    def put(self, prompt: Prompt, *, tell: bool = True) -> Iterator[Effect]:
        """Keep a prompt for after the restart if somebody waits for it, and tell its author if ``tell`` is True."""
        yield Drop(prompt)
        if prompt.awaited:
            self._prompts.append(replace(prompt, results=()))
            if tell:
                yield Tell(restart_answer(prompt, kept=self._keeps(prompt)), prompt)

    def put_rest(self, prompt: Prompt, cut_off: str) -> Iterator[Effect]:
        """Keep the rest of a text that is read aloud, if the restart cuts it off. The rest of an answer is not kept."""
        if not self.begun or prompt.kind is not PromptKind.RECITE or not prompt.awaited:
            return
        known, self._rest = self._rest, replace(prompt, text=cut_off)
        if known is None:
            yield Tell(restart_answer(self._rest, kept=self._keeps(self._rest)), prompt)

    def put_whole(self, prompt: Prompt) -> Iterator[Effect]:
        """Keep a prompt as a whole. If the rest of a text was kept, the whole text takes its place."""
        told, self._rest = self._rest is not None, None
        yield from self.put(prompt, tell=not told)


def told_together(effects: Iterable[Effect]) -> Iterator[Effect]:
    """The same effects, but with one message for everybody whose prompt is kept, in place of one for each of them.

    This message answers the newest prompt that was typed, or the newest one if all were spoken.
    """
    kept = list[Tell]()
    for effect in effects:
        if isinstance(effect, Tell) and effect.text == RESTARTING:
            kept.append(effect)
        else:
            yield effect
    if kept:
        newest = max(kept, key=lambda each: (each.prompt.message or 0, each.prompt.at))
        asked = {(each.prompt.author, each.prompt.person): each.prompt for each in kept}
        del asked[newest.prompt.author, newest.prompt.person]
        yield replace(newest, others=tuple(asked.values()))
