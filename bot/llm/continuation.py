"""Goes on with an answer that another server has begun: the request for it, and the joint between both parts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from bot.llm.messages import CJK, ChatMessage
from config.engine_sections import ModelApi

_FIELDS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        # llama.cpp's server goes on with an assistant's message at the end of the conversation unasked.
        "llamacpp": {},
        "vllm": {"continue_final_message": True, "add_generation_prompt": False},
    }
)
"""The kinds of servers that go on with an assistant's message, by the owner of their models, and the fields for it."""
_GO_ON = (
    "(Because of a technical fault, your answer was cut off after the words above, which have been heard. Go on with a "
    "new sentence. Repeat nothing, and do not mention the fault.)"
)
_LONGEST_REPETITION = 2_000
"""A repetition is looked for in this many letters at the end of what was said."""
_SHORTEST_REPETITION = 12
"""Fewer letters than this are no repetition, unless they are all that was said."""
_REFUSED = re.compile(
    # llama.cpp's server says so if the model thinks, and so do Anthropic's models, also behind other servers.
    r"prefill\w*\b.{0,60}\b(?:incompatible|not supported|unsupported|not allowed)"
    r"|not support\b.{0,40}\bprefill|conversation must end with a user message",
    re.IGNORECASE | re.DOTALL,
)
"""Matches the errors of servers that do not go on with an assistant's message."""
_UNFINISHED = re.compile(r"\w[\w'’-]*\Z")
_SENTENCE_ENDS = (".", "!", "?", "…", "。", "！", "？")
_PUNCTUATION = ".,;:!?…。、！？"


class Continuation:
    """Whether a server goes on with an answer that has been begun, as far as it is known."""

    def __init__(self) -> None:
        self._owner: str | None = None
        self._refused = False

    def learn(self, owners: Iterable[str]) -> None:
        """Recognise the kind of server by the owners of its models. An empty list tells nothing."""
        known = [owner for owner in owners if owner in _FIELDS]
        self._owner = known[0] if known else self._owner

    def refused(self) -> None:
        """Note that the server has refused to go on. It is not asked again."""
        self._refused = True

    def possible(self, api: ModelApi) -> bool:
        """Whether the server can go on. Where the bot writes the whole prompt, every server can."""
        return not self._refused and (api is not ModelApi.CHAT or self._owner is not None)

    def fields(self, api: ModelApi) -> Mapping[str, Any]:
        """The fields with which a request asks the server to go on with an answer."""
        return _FIELDS[self._owner] if api is ModelApi.CHAT and self._owner is not None else {}


def refuses_to_go_on(answer: str) -> bool:
    """Whether an error response says that the server can't go on with an assistant's message."""
    return _REFUSED.search(answer) is not None


def going_on(messages: Sequence[ChatMessage], said: str, *, continues: bool) -> tuple[ChatMessage, ...]:
    """The messages that ask for the rest of an answer.

    Args:
        said: the part of the answer that has been said.
        continues: whether the server goes on with the assistant's message. Otherwise it is asked for a new sentence.
    """
    begun = (*messages, ChatMessage("assistant", said.strip()))
    return begun if continues else (*begun, ChatMessage("user", _GO_ON))


class SaidText:
    """The part of an answer that has been said. An unfinished word is held back: servers go on after whole words.

    Chinese, Japanese and Korean text is not held back.
    """

    def __init__(self) -> None:
        self.text = ""
        self._held = ""

    def feed(self, text: str) -> str:
        """Take the next text of the answer. Returns the text to say."""
        text = self._held + text
        unfinished = _UNFINISHED.search(text)
        place = len(text) if unfinished is None or CJK.search(unfinished[0]) else unfinished.start()
        ready, self._held = text[:place], text[place:]
        self.text += ready
        return ready

    def rest(self) -> str:
        """The text that was held back, now that the answer or a part of it is over."""
        rest, self._held = self._held, ""
        self.text += rest
        return rest

    def lose(self) -> None:
        """Forget the text that was held back."""
        self._held = ""

    def retract(self) -> None:
        """Forget everything: it was a thought."""
        self.text = self._held = ""


class Joint:
    """Joins the rest of an answer to what was said. The rest's beginning is left out if it repeats what was said.

    Args:
        continues: whether the rest goes on with the sentence that was begun. Otherwise that sentence ends here.
    """

    def __init__(self, said: str, *, continues: bool) -> None:
        self._said = said
        self._continues = continues
        self._letters = _letters(said)[-_LONGEST_REPETITION:]
        self._starts = _starts_of_words(said, len(self._letters))
        self._held = ""
        self._joined = False

    def feed(self, text: str) -> str:
        """Take the next text of the rest. Returns the text that is ready, with the space or mark between both parts."""
        if self._joined:
            return text
        self._held += text
        letters = _letters(self._held)
        if not letters or any(self._letters[start:].startswith(letters) for start in self._starts):
            # All of it may still be a repetition.
            return ""
        return self._join(self._repeated(letters))

    def end(self) -> str:
        """End the rest. Returns the text that was held back."""
        if self._joined:
            return ""
        letters = _letters(self._held)
        if not letters:
            return ""
        whole = len(letters) >= _SHORTEST_REPETITION or self._letters == letters
        if not whole:
            return self._join(0)
        self._held, self._starts = "", []
        return ""

    def _repeated(self, letters: str) -> int:
        """The number of letters at the beginning of the rest that repeat what was said last."""
        lengths = (len(self._letters) - start for start in self._starts)
        enough = (length for length in lengths if length >= _SHORTEST_REPETITION or length == len(self._letters))
        return max((length for length in enough if letters.startswith(self._letters[-length:])), default=0)

    def _join(self, repeated: int) -> str:
        said, rest = self._said, _without_letters(self._held, repeated)
        if repeated and said.rstrip().endswith(tuple(_PUNCTUATION)):
            rest = rest.lstrip(_PUNCTUATION)
        if not rest.strip():
            # Only the repetition has come so far. What follows it is new.
            self._held, self._starts = "", []
            return ""
        self._joined = True
        if not self._continues:
            end = "" if said.rstrip().endswith(_SENTENCE_ENDS) else "… "
            return (end or ("" if said[-1:].isspace() else " ")) + rest.lstrip()
        if said[-1:].isspace():
            return rest.lstrip()
        # Some servers leave out the space between their prompt and their answer.
        needs_space = said[-1:] in _PUNCTUATION and rest[:1].isalpha() and CJK.match(rest) is None
        return f" {rest}" if needs_space else rest


def _letters(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum())


def _starts_of_words(text: str, kept: int) -> list[int]:
    """The positions at which words begin among the last ``kept`` letters of a text; only letters are counted."""
    lengths = [len(_letters(word)) for word in re.findall(r"\w+", text)]
    total, place, starts = sum(lengths), 0, []
    for length in lengths:
        if length and place >= total - kept:
            starts.append(place - (total - kept))
        place += length
    return starts


def _without_letters(text: str, count: int) -> str:
    """The text without its first ``count`` letters and what stands between them."""
    for place, character in enumerate(text):
        if count <= 0:
            return text[place:]
        count -= len(_letters(character))
    return text if count > 0 else ""
