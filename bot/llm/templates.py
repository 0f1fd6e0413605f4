"""Chat templates: they turn a conversation into one prompt text, in the format that a model family was trained on.

The beginning-of-text token is left out, because the servers add it themselves.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from bot.llm.messages import ChatMessage, Role

_CONTROL_MARKS = re.compile(
    r"<\|[^|<>\s]{1,40}\|>|</?s>|<(?:start|end)_of_turn>|\[/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS)\]"
    r"|<</?SYS>>"
)


@dataclass(frozen=True, slots=True)
class ChatTemplate:
    """The prompt format of one family of models.

    Attributes:
        turns: the format string for each role; its only field is ``content``. If there is none for ``system``, the
            system message is put in front of the first user message.
        cue: the text at the end of the prompt after which the model writes its reply.
        stop: the texts that end a reply.
    """

    turns: Mapping[Role, str]
    cue: str
    stop: tuple[str, ...]

    def render(self, messages: Sequence[ChatMessage], *, continues: bool = False) -> str:
        """Build the prompt text. It ends where the model's reply begins.

        Control tokens inside the messages are removed. Tool calls and their results are left out, because these
        formats have no place for them.

        Args:
            continues: whether the reply goes on with the last message, which is the assistant's.
        """
        if continues:
            *messages, begun = messages
            head = self.turns["assistant"].partition("{content}")[0]
            return self.render(messages).removesuffix(self.cue) + head + without_control_marks(begun.content)
        messages = [each for each in messages if each.role != "tool" and (each.content or not each.calls)]
        if "system" not in self.turns:
            messages = _fold_system(messages)
        turns = (
            self.turns[message.role].format(content=without_control_marks(message.content)) for message in messages
        )
        return "".join(turns) + self.cue


def without_control_marks(text: str) -> str:
    """Remove the control tokens that separate roles, so that people can't write messages in another role."""
    while (cleaned := _CONTROL_MARKS.sub("", text)) != text:
        text = cleaned
    return text


def _fold_system(messages: Sequence[ChatMessage]) -> list[ChatMessage]:
    system = [message.content for message in messages if message.role == "system"]
    rest = [message for message in messages if message.role != "system"]
    if not system:
        return rest
    if rest and rest[0].role == "user":
        return [ChatMessage("user", "\n\n".join([*system, rest[0].content])), *rest[1:]]
    return [ChatMessage("user", "\n\n".join(system)), *rest]


CHAT_TEMPLATES: Mapping[str, ChatTemplate] = MappingProxyType(
    {
        "chatml": ChatTemplate(
            turns={
                "system": "<|im_start|>system\n{content}<|im_end|>\n",
                "user": "<|im_start|>user\n{content}<|im_end|>\n",
                "assistant": "<|im_start|>assistant\n{content}<|im_end|>\n",
            },
            cue="<|im_start|>assistant\n",
            stop=("<|im_end|>",),
        ),
        "llama3": ChatTemplate(
            turns={
                "system": "<|start_header_id|>system<|end_header_id|>\n\n{content}<|eot_id|>",
                "user": "<|start_header_id|>user<|end_header_id|>\n\n{content}<|eot_id|>",
                "assistant": "<|start_header_id|>assistant<|end_header_id|>\n\n{content}<|eot_id|>",
            },
            cue="<|start_header_id|>assistant<|end_header_id|>\n\n",
            stop=("<|eot_id|>",),
        ),
        "mistral": ChatTemplate(
            turns={"user": "[INST] {content} [/INST]", "assistant": " {content}</s>"},
            cue="",
            stop=("</s>", "[INST]"),
        ),
        "gemma": ChatTemplate(
            turns={
                "user": "<start_of_turn>user\n{content}<end_of_turn>\n",
                "assistant": "<start_of_turn>model\n{content}<end_of_turn>\n",
            },
            cue="<start_of_turn>model\n",
            stop=("<end_of_turn>",),
        ),
        "plain": ChatTemplate(
            turns={"system": "{content}\n\n", "user": "User: {content}\n", "assistant": "Assistant: {content}\n"},
            cue="Assistant:",
            stop=("\nUser:",),
        ),
    }
)
