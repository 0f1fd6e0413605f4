"""What people are told about their prompts that a call no longer answers, because the bot is being restarted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from bot.restarting import RESTARTING
from bot.text import shorten
from bot.voice.dialogue.effects import Effect, Tell
from bot.voice.turn import Prompt, PromptKind

ASK_AGAIN = "👋 I'm restarting. Ask me that again when I am back."
"""The answer if the prompt can't be kept: outside of Discord, and where spoken words may not be stored."""
NOT_SAID = "👋 I'm restarting, so I did not say this: “{text}”"
"""The answer if the prompt can't be kept and is a text that was to be read aloud."""
SHOWN_CHARS = 1_000
"""Maximum number of characters that are shown of a text that was not said."""

Keeps = Callable[[Prompt], bool]
"""Returns whether a prompt is kept until the bot is back."""


def restart_answer(prompt: Prompt, *, kept: bool) -> str:
    """What the author of a prompt is told if it is not answered or read aloud before the restart."""
    if kept:
        return RESTARTING
    if prompt.kind is PromptKind.RECITE:
        return NOT_SAID.format(text=shorten(prompt.text, SHOWN_CHARS))
    return ASK_AGAIN


def told_together(effects: Iterable[Effect]) -> Iterator[Effect]:
    """The same effects, but with one message for everybody whose prompt is kept, in place of one for each of them.

    It answers the newest prompt that was written.
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
