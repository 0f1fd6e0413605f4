"""Chat templates: a conversation as the single prompt text that a model family was trained on.

The beginning-of-text token is left out everywhere: the servers add it themselves.
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
    """How one family of models writes a conversation down.

    ``turns`` holds a format per role with the one field ``content``. A family without a format for ``system`` gets
    the system message in front of the first user message. ``cue`` opens the reply; ``stop`` are the marks that end it.
    """

    turns: Mapping[Role, str]
    cue: str
    stop: tuple[str, ...]

    def render(self, messages: Sequence[ChatMessage]) -> str:
        """The prompt text, ending where the model is to speak. Control marks inside messages are taken out.

        These prompts know no tools: calls, and what they returned, are left out.
        """
        messages = [each for each in messages if each.role != "tool" and (each.content or not each.calls)]
        if "system" not in self.turns:
            messages = _fold_system(messages)
        turns = (
            self.turns[message.role].format(content=without_control_marks(message.content)) for message in messages
        )
        return "".join(turns) + self.cue


def without_control_marks(text: str) -> str:
    """``text`` without the marks by which models tell roles apart, so that nobody can speak as someone else."""
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
