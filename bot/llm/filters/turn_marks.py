"""The control marks by which chat templates part one turn from the next, where a server passes them on as text."""

from __future__ import annotations

from collections.abc import Iterable

import regex

from bot.llm.filters.code_spans import CodeSpans

_HEADER = regex.compile(
    r"<\|im_start\|>assistant\n|<\|start_header_id\|>assistant<\|end_header_id\|>|<start_of_turn>model\n"
    r"|<\|turn>model\n|<\|start_of_role\|>assistant<\|end_of_role\|>|<\|START_OF_TURN_TOKEN\|><\|CHATBOT_TOKEN\|>"
    r"|<\|CHATBOT_TOKEN\|>"
)
_BEGINNING = regex.compile(r"<s>|<bos>|<\|begin_of_text\|>|<\|startoftext\|>|<[|｜]begin[▁_]of[▁_]sentence[|｜]>")
_END = regex.compile(
    r"<\|(?:im_end|im_start|eot_id|eom_id|end|eot|endoftext|end_of_text|return|start_header_id|end_of_role|user|system"
    r"|start_of_role|END_OF_TURN_TOKEN|START_OF_TURN_TOKEN|assistant)\|>"
    r"|<(?:end_of_turn|start_of_turn|eos)>|<turn\|>|<\|turn>|</s>|\[/?INST\]"
    r"|<[|｜](?:end[▁_]of[▁_]sentence|User|Assistant)[|｜]>"
)


class TurnMarks:
    """A :class:`~bot.llm.filters.chain.TextFilter`: the reply ends where its turn ends.

    Marks before its first word only open the turn, and are dropped. In code they are words like any other, and so is
    ``</s>`` behind a ``<s>``, which is HTML.
    """

    def __init__(self) -> None:
        self.ended = False
        self._held = ""
        self._spoke = False
        self._struck = False
        self._code = CodeSpans()

    @property
    def holds(self) -> bool:
        """Whether text is held back that may be said yet."""
        return bool(self._held)

    def feed(self, text: str) -> Iterable[str]:
        """Take the next piece."""
        self._held += text
        return self._scan(final=False)

    def finish(self) -> Iterable[str]:
        """The reply is over."""
        return self._scan(final=True)

    def _scan(self, *, final: bool) -> list[str]:
        said: list[str] = []
        while self._held and not self.ended:
            plain = next((at for at, character in enumerate(self._held) if character in "<["), len(self._held))
            if plain:
                said.append(self._take(plain))
                continue
            if self._code.inside:
                said.append(self._take(1))
                continue
            patterns = (_END,) if self._spoke else (_HEADER, _BEGINNING, _END)
            found = [match for each in patterns if (match := each.match(self._held, partial=not final)) is not None]
            if any(match.partial for match in found):
                break
            mark = max((match[0] for match in found), key=len, default="")
            if not mark or (self._struck and mark == "</s>"):
                self._struck = self._struck or self._held.startswith("<s>")
                said.append(self._take(1))
            else:
                self._held = self._held[len(mark) :]
                self.ended = self._spoke
        return said

    def _take(self, length: int) -> str:
        text, self._held = self._held[:length], self._held[length:]
        self._spoke = self._spoke or bool(text.strip())
        self._code.feed(text)
        return text
