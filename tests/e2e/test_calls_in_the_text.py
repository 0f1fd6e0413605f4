"""A model without tool calling writes tool calls into the text: in a voice call, only the answer is heard and read."""

from __future__ import annotations

from bot.voice.events import ReplyEnded, WordsSpoken
from bot.voice.turn import Outcome
from tests.e2e.conftest import StageMaker
from tests.e2e.scripted_model import Answer, ScriptedModel
from tests.e2e.talking import Since

CALL = '<tool_call>\n{"name": "roll_dice", "arguments": {"dice": "1d1+41"}}\n</tool_call>'
BROKEN = '<tool_call>{"name": "roll_dice", "arguments": {"dice": </tool_call>'
QUESTION, OTHER = "Roll for me, please.", "Once more, please."


def script(line: str) -> Answer:
    if "42" in line:
        return Answer("It is forty-two.")
    if OTHER in line:
        return Answer(f"{BROKEN} The dice fell off the table.")
    return Answer(f"I roll. {CALL} It is a six!")


async def test_nothing_of_a_tool_call_in_the_text_is_heard_or_read(make_stage: StageMaker) -> None:
    async with ScriptedModel(script) as model, make_stage(llm_url=model.url) as stage:
        await stage.join()
        since = Since(stage)
        await stage.ask(QUESTION)
        await stage.ask(OTHER)
        first, second = await stage.turns(2)
        assert (first.outcome, second.outcome) == (Outcome.SPOKEN, Outcome.SPOKEN)
        one, other = since.all(ReplyEnded)
        assert " ".join(one.heard.split()) == "I roll. It is forty-two."
        assert other.heard == "The dice fell off the table."
        heard = "".join(event.text for event in since.all(WordsSpoken))
        assert not any(sign in heard for sign in ("tool", "roll_dice", "{", "six"))
        remembered = "".join(str(message["content"]) for message in model.asked[-1])
        assert "roll_dice" not in remembered, "later prompts hold the answer alone"
