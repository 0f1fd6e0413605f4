"""The texts for people whose prompts have no answer yet when the call ends."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bot.text import shorten
from bot.voice.dialogue.effects import Tell
from bot.voice.turn import Prompt

CALL_ENDED = "🎤 The call ended before I could"
"""The beginning of all these texts."""
LEFT_UNANSWERED = f"{CALL_ENDED} answer that. Ask me again."
SEVERAL_LEFT = f"{CALL_ENDED} answer your last {{count}} questions. Ask me again."
LEFT_UNSAID = f"{CALL_ENDED} say this: “{{text}}”"
"""Told if the prompt is a text that was to be read aloud."""
SHOWN_CHARS = 1_000
"""Maximum number of characters that are shown of a text that was not said."""


def left_unanswered(count: int) -> str:
    """The text for the author of ``count`` prompts."""
    return LEFT_UNANSWERED if count == 1 else SEVERAL_LEFT.format(count=count)


def told_at_end(prompts: Iterable[Prompt], *, spoken_too: bool) -> Iterator[Tell]:
    """Tell the authors of prompts that the call has ended without an answer.

    A person with several messages is told once, in answer to the newest one. People whose prompts are no messages are
    told together. What the bot itself wanted to say is left out, and so is the confirmation of what was done.

    Args:
        spoken_too: whether this is also told about spoken prompts. People who have ended the call themselves know it,
            but whoever types need not be in the call.
    """
    asked = dict[int | str | None, list[Prompt]]()
    for prompt in prompts:
        if not prompt.awaited or (prompt.spoken is not None and not spoken_too):
            continue
        if prompt.may_be_quoted:
            yield Tell(LEFT_UNSAID.format(text=shorten(prompt.text, SHOWN_CHARS)), prompt)
        else:
            by = None if prompt.message is None else prompt.person or prompt.author
            asked.setdefault(by, []).append(prompt)
    for several in asked.values():
        newest = several[-1]
        people = {(each.author, each.person): each for each in several}
        del people[newest.author, newest.person]
        yield Tell(left_unanswered(len(several)), newest, tuple(people.values()))
