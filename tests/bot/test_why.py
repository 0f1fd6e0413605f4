"""The command that shows an owner what the model's last prompt held."""

from __future__ import annotations

from datetime import datetime

from bot.commands.why import MAX_TEXT, prompt_text, report_text
from bot.last_prompts import MAX_PLACES, LastPrompts, NotedPrompt
from bot.llm.messages import ChatMessage
from bot.llm.prompt_report import PromptReport
from bot.llm.tool_calls import ToolCall
from bot.text import MESSAGE_LIMIT

SYSTEM = ChatMessage("system", "You are Seiyuu.\n\n## Room\nYou are in the lounge.\n\n## Now\nThursday")
MESSAGES = (
    SYSTEM,
    ChatMessage("user", "Ada: hi"),
    ChatMessage("assistant", "Hello!"),
    ChatMessage("user", "Ada: rain?"),
)
AT = datetime(2026, 11, 28, 12, 0, 5)


def test_the_parts_of_the_prompt_and_what_was_left_out_are_reported() -> None:
    report = PromptReport(4096, 500, MESSAGES, ("web_search",), 90, 3, True, ("dice", "draw"))
    text = report_text(NotedPrompt(AT, "call", report))
    assert "in a call at 12:00:05" in text
    assert "Persona and rules" in text
    assert "Room" in text
    assert "2 earlier messages" in text
    assert "90 in 1 descriptions (web_search)" in text
    assert "of 4,096" in text
    assert "Left out: 3 earlier messages; the middle of a message; the tools dice, draw" in text
    assert "You are in the lounge" not in text, "the text itself is in the attached file"


def test_the_answer_fits_into_a_message_whatever_the_prompt_held() -> None:
    long = "x" * 5_000
    system = ChatMessage("system", "".join(f"\n\n## {number}{long}\ntext" for number in range(30)))
    report = PromptReport(10**9, 10**9, (system, *MESSAGES), (long, long), 10**9, 10**9, True, (long, long))
    assert len(report_text(NotedPrompt(AT, "chat", report))) < MESSAGE_LIMIT


def test_the_text_of_the_prompt_is_whole_and_bounded() -> None:
    call = ChatMessage("assistant", "", (ToolCall("1", "dice", '{"sides": 6}'),))
    text = prompt_text(PromptReport(4096, 500, (*MESSAGES, call)))
    assert text.startswith("[system]\nYou are Seiyuu.")
    assert text.endswith('[assistant]\n\ndice({"sides": 6})')
    assert len(prompt_text(PromptReport(4096, 500, (ChatMessage("user", "x" * 10**6),)))) <= MAX_TEXT


def test_each_place_has_its_own_last_prompt_and_only_so_many_are_kept() -> None:
    prompts = LastPrompts(lambda: AT)
    assert prompts.newest() is prompts.newest(1) is None
    first, second = PromptReport(1, 1, ()), PromptReport(2, 2, ())
    prompts.note(1, "call", first)
    prompts.note(2, "chat", second)
    assert prompts.newest(1) == NotedPrompt(AT, "call", first)
    assert prompts.newest() == NotedPrompt(AT, "chat", second)
    for place in range(3, 3 + MAX_PLACES):
        prompts.note(place, "chat", first)
    assert prompts.newest(1) is None
    prompts.forget(7)
    assert prompts.newest() is None
