"""The responder of a call: how it passes a model's reply on, and what it keeps out of the history."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest
from aiohttp import web
from pydantic import SecretStr

from bot.llm.client import ModelClient
from bot.llm.errors import ModelError
from bot.llm.history import History, Turn
from bot.llm.personas import Character, Persona
from bot.llm.prompts import CallRoom
from bot.llm.recollection import Recall, Recollection
from bot.llm.requests import ModelOptions
from bot.llm.small_model import load_small_prompts
from bot.responder import ModelResponder
from config import hosts
from tests.e2e.scripted_model import Answer, ScriptedModel
from tests.llm.servers import DONE, delta_event, said, serving, streaming

SEIYUU = Persona(name="Seiyuu", also_called=("Sei",), description="x", moods={"calm": "calm."}, default_mood="calm")
CALM = Character("seiyuu", SEIYUU, "calm")
NOW = datetime(2026, 11, 26, tzinfo=UTC)
ROOM = CallRoom("Lounge", ("Ada", "Ben"))


def thought_without_opening_tag(line: str) -> Answer:
    return Answer("She greets me. </think> Hello Ada.")


@dataclass
class Mind:
    """A responder and the history of its call."""

    responder: ModelResponder
    history: History

    def answer(self, text: str) -> AsyncGenerator[str, None]:
        return self.responder.answer(Turn.of_person("Ada", text))

    def remember(self, text: str, heard: str, *, interrupted: bool) -> None:
        self.history.add(Turn.of_person("Ada", text))
        self.history.add(Turn.of_bot(heard, interrupted=interrupted))


@asynccontextmanager
async def responder_of(
    url: str,
    model: str | None = None,
    messages: int = 10,
    character: Character = CALM,
    recall: Recall | None = None,
    api_key: str | None = None,
) -> AsyncIterator[Mind]:
    history = History()
    key = None if api_key is None else SecretStr(api_key)
    async with ModelClient(ModelOptions(url, model=model, api_key=key)) as client:
        yield Mind(
            ModelResponder(
                lambda: character,
                history,
                lambda: ROOM,
                lambda: datetime(2026, 11, 26, tzinfo=UTC),
                client,
                messages,
                load_small_prompts(),
                recall=recall,
            ),
            history,
        )


def responder(model: ScriptedModel) -> AbstractAsyncContextManager[Mind]:
    return responder_of(model.url)


async def answered(mind: Mind, text: str) -> str:
    """Have Ada say something. The answer is read to its end and added to the history."""
    heard = "".join([piece async for piece in mind.answer(text)]).strip()
    mind.remember(text, heard, interrupted=False)
    return heard


async def test_instructions_of_a_program_are_in_the_system_prompt_after_the_rules() -> None:
    character = replace(CALM, instructions="Talk like a pirate.")
    async with (
        ScriptedModel(lambda _: Answer("Aye.")) as model,
        responder_of(model.url, character=character) as mind,
        responder(model) as usual,
    ):
        await answered(mind, "Hi!")
        system = model.asked[-1][0]["content"]
        assert system.index("read aloud") < system.index("Talk like a pirate.") < system.index("mood now")
        await answered(usual, "Hi!")
        assert "pirate" not in model.asked[-1][0]["content"]


async def test_a_small_model_is_not_asked_for_what_it_can_not_do() -> None:
    async with (
        ScriptedModel(lambda _: Answer("I will!")) as model,
        responder_of(model.url, "SmolLM2-135M-Instruct") as small,
        responder_of(model.url, "qwen2.5-7b") as large,
    ):
        said = await answered(small, "Sei, can you remind me in ten minutes to call Ben?")
        assert ("can't" in said, "LLM_URL" in said, model.asked) == (True, True, [])
        assert await answered(small, "Are you there?") == "I will!"
        assert await answered(large, "Remind me in ten minutes to call Ben.") == "I will!"


class Sister:
    """Recalls the same fact for everybody, and notes for whom and for which words it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[int | None, str, bool]] = []

    async def for_turn(self, asked: Turn, *, unfinished: bool) -> Recollection:
        self.asked.append((asked.person, asked.text, unfinished))
        return Recollection("Ada's sister is Mira.")


async def test_recalled_facts_are_in_the_system_prompt_before_the_room_and_nothing_else_changes() -> None:
    recall = Sister()
    async with (
        ScriptedModel(lambda _: Answer("Mira.")) as model,
        responder_of(model.url, recall=recall) as mind,
        responder(model) as usual,
        responder_of(model.url, "m-135m", recall=recall) as small,
    ):
        await answered(mind, "Who is my sister?")
        await answered(usual, "Who is my sister?")
        recalled, without = (asked[0]["content"] for asked in model.asked)
        assert recalled == without.replace("\n\n## Room", "\n\n## Memory\nAda's sister is Mira.\n\n## Room")
        assert recall.asked == [(None, "Who is my sister?", False)]
        await answered(small, "Who is my sister?")
        assert "Mira" not in str(model.asked[-1]), "a small model is told nothing"


async def test_facts_are_recalled_for_the_words_so_far_as_soon_as_a_llama_cpp_server_reads_them() -> None:
    recall = Sister()
    async with model_with_slots(recall=recall) as (mind, asked):
        await mind.responder.read_ahead("Ada", "Who is", 11)
        assert recall.asked[-1] == (11, "Who is", True)
        assert "Mira" in asked[-1][0]["content"]


def history(model: ScriptedModel) -> list[str]:
    """The conversation in the newest request."""
    return [message["content"] for message in model.asked[-1][1:]]


async def test_a_thought_that_was_said_aloud_once_is_in_no_history() -> None:
    async with (
        ScriptedModel(thought_without_opening_tag) as model,
        responder(model) as mind,
    ):
        assert await answered(mind, "Hi!") == "She greets me. Hello Ada.", (
            "the tag came too late to keep the thought from being said"
        )
        assert await answered(mind, "And now?") == "Hello Ada."
        assert history(model) == ["Ada: Hi!\nAda: And now?"]
        await answered(mind, "Bye!")
        assert history(model) == ["Ada: Hi!\nAda: And now?", "Hello Ada.", "Ada: Bye!"]


async def test_an_interrupted_thought_is_in_no_history_either() -> None:
    async with (
        ScriptedModel(thought_without_opening_tag) as model,
        responder(model) as mind,
    ):
        async for _ in mind.answer("Hi!"):
            pass
        mind.remember("Hi!", "She gre", interrupted=True)
        await answered(mind, "And now?")
        assert history(model) == ["Ada: Hi!\nAda: And now?"]


async def test_a_thought_interrupted_before_its_tag_is_forgotten_once_a_later_answer_has_the_tag() -> None:
    async with (
        ScriptedModel(thought_without_opening_tag) as model,
        responder(model) as mind,
    ):
        mind.remember("Hi!", "She greets me", interrupted=True)
        await answered(mind, "Hello?")
        await answered(mind, "And now?")
        assert "greets" not in " ".join(history(model))


async def test_an_answer_that_begins_with_other_words_than_the_thought_is_kept() -> None:
    async with (
        ScriptedModel(thought_without_opening_tag) as model,
        responder(model) as mind,
    ):
        await answered(mind, "Hi!")
        mind.remember("What?", "She sells sea shells.", interrupted=False)
        await answered(mind, "And now?")
        assert "She sells sea shells." in history(model)


async def test_only_names_of_the_persona_and_of_people_in_the_call_count_as_speakers_in_a_reply() -> None:
    lines = {
        "Hi!": "Sei: Hello.",
        "Who?": "Ben: I am here.\nSeiyuu: He is.",
        "More?": "Sure.\nBen: Me too!",
        "And?": "Note: yes.",
    }

    def script(line: str) -> Answer:
        return Answer(lines[line.rpartition(": ")[2]])

    async with ScriptedModel(script) as model, responder(model) as mind:
        assert await answered(mind, "Hi!") == "Hello."
        assert await answered(mind, "Who?") == "He is."
        assert await answered(mind, "More?") == "Sure."
        assert await answered(mind, "And?") == "Note: yes."


async def test_a_reply_ends_where_the_model_writes_a_line_of_the_user() -> None:
    async with (
        ScriptedModel(lambda line: Answer("Hello.\nUser: Thanks!\nAssistant: Bye.")) as model,
        responder(model) as mind,
    ):
        assert await answered(mind, "Hi!") == "Hello."


async def test_tool_calls_of_the_model_are_ignored() -> None:
    call = {"index": 0, "id": "c", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    calling = delta_event("tool_calls", tool_calls=[call])
    words = [b"", said("I can't see it.")]

    async def handler(request: web.Request) -> web.StreamResponse:
        return await streaming(words[-1], calling, DONE)(request)

    async with serving(handler) as url, responder_of(url) as mind:
        assert await answered(mind, "How is the weather?") == "I can't see it."
        words.pop()
        with pytest.raises(ModelError, match="answered without saying anything"):
            await answered(mind, "And now?")


@asynccontextmanager
async def model_with_slots(
    name: str | None = None,
    *,
    messages: int = 10,
    broken: bool = False,
    recall: Recall | None = None,
    api_key: str | None = None,
) -> AsyncIterator[tuple[Mind, list[list[dict[str, str]]]]]:
    """A responder that asks a llama.cpp server, and the messages of the requests.

    Args:
        name: name of the model.
        messages: the largest number of earlier messages in a prompt.
        broken: whether the server answers each request with an error.
        recall: recalls what the model is told besides.
        api_key: the server's key.
    """
    asked: list[list[dict[str, str]]] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        if request.path == "/props":
            return web.json_response({"total_slots": 2})
        if not request.path.endswith("/chat/completions"):
            return web.Response(status=404)
        body = await request.json()
        asked.append(body["messages"])
        if broken:
            return web.json_response({"error": "out of memory"}, status=500)
        return await streaming(said("Hello.", "stop"), DONE)(request)

    async with (
        serving(handler, llama_paths=True) as url,
        responder_of(url, name, messages, recall=recall, api_key=api_key) as mind,
    ):
        await mind.responder.warm_up()
        asked.clear()
        yield mind, asked


async def test_a_llama_cpp_server_reads_the_missing_part_of_the_prompt_as_soon_as_somebody_speaks() -> None:
    async with model_with_slots() as (mind, asked):
        await mind.responder.read_ahead("Someone")
        await answered(mind, "Hi!")
        await mind.responder.read_ahead("Ben")
        await mind.responder.read_ahead("Ben")
        assert len(asked) == 3, "the second call for the same speaker sends nothing"
        assert [message["content"] for message in asked[2][1:]] == ["Ada: Hi!", "Hello.", "Ben: "]
        await answered(mind, "And now?")
        assert asked[3][:-1] == asked[2][:-1], "the answer finds all of it in the cache, except for its own line"


async def test_a_llama_cpp_server_reads_the_words_so_far_and_nothing_of_them_is_remembered() -> None:
    async with model_with_slots() as (mind, asked):
        await mind.responder.read_ahead("Ada", "What time")
        await mind.responder.read_ahead("Ada", "What time is it")
        assert [messages[-1]["content"] for messages in asked] == ["Ada: What time", "Ada: What time is it"]
        await answered(mind, "What's new?")
        await answered(mind, "I see.")
        assert [message["content"] for message in asked[-1][1:]] == ["Ada: What's new?", "Hello.", "Ada: I see."]


async def test_if_the_words_so_far_may_be_complete_the_server_reads_the_prompt_up_to_the_answer() -> None:
    template: list[bool] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        if request.path.endswith("/props"):
            return web.json_response({"total_slots": 2})
        template.append((await request.json()).get("add_generation_prompt", True))
        return await streaming(said("Hello.", "stop"), DONE)(request)

    async with serving(handler, llama_paths=True) as url, responder_of(url) as mind:
        await mind.responder.warm_up()
        template.clear()
        for words in ("", "What", "What time...", "What time is it?", "时间。"):
            await mind.responder.read_ahead("Ada", words)
        assert template == [False, False, False, True, True]


async def test_the_words_so_far_do_not_change_the_language_of_a_small_models_prompt() -> None:
    german = "Guten Morgen, wie geht es dir heute?"
    async with model_with_slots("m-135m") as (mind, asked):
        await mind.responder.read_ahead("Ada")
        await mind.responder.read_ahead("Ada", german)
        assert asked[1][:-1] == asked[0][:-1], "words that may be misheard don't choose the language"
        await answered(mind, german)
        assert asked[2][:-1] != asked[0][:-1]


async def test_a_server_that_fails_to_read_ahead_does_no_harm() -> None:
    async with model_with_slots(broken=True) as (mind, asked):
        mind.remember("Hi!", "Hello.", interrupted=False)
        await mind.responder.read_ahead("Ada")
        assert len(asked) == 1


async def test_other_servers_are_not_asked_to_read_ahead() -> None:
    async with ScriptedModel(lambda line: Answer("Hello.")) as model, responder(model) as mind:
        await mind.responder.warm_up()
        await answered(mind, "Hi!")
        await mind.responder.read_ahead("Ada")
        assert (len(model.asked), len(model.warmed)) == (1, 1)


async def test_a_server_that_costs_money_is_asked_for_nothing_when_a_call_begins(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hosts, "is_local", lambda url: False)
    recalled = Sister()
    async with (
        ScriptedModel(lambda _: Answer("Hello.")) as model,
        responder_of(model.url, api_key="sk-1", recall=recalled) as mind,
    ):
        await mind.responder.warm_up()
        assert (model.asked, model.warmed, recalled.asked) == ([], [], [])
        await answered(mind, "Hi!")
        assert len(model.asked) == 1


async def test_a_llama_cpp_server_that_costs_money_is_not_asked_to_read_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosts, "is_local", lambda url: False)
    recalled = Sister()
    async with model_with_slots(api_key="sk-1", recall=recalled) as (mind, asked):
        await mind.responder.read_ahead("Ada")
        await mind.responder.read_ahead("Ada", "What time is it")
        assert (asked, recalled.asked) == ([], [])
        await answered(mind, "What time is it?")
        assert len(asked) == 1


async def test_nothing_is_recalled_before_anybody_has_spoken() -> None:
    recalled = Sister()
    async with ScriptedModel(lambda _: Answer("Hello.")) as model, responder_of(model.url, recall=recalled) as mind:
        await mind.responder.warm_up()
        assert (len(model.warmed), recalled.asked) == (1, [])


async def test_a_tiny_model_reads_the_prompt_ahead_up_to_the_speakers_words_even_if_the_history_was_cut() -> None:
    async with model_with_slots("m-135m", messages=4) as (mind, asked):
        for number in range(6):
            await mind.responder.read_ahead("Ada")
            await answered(mind, f"Line {number}")
            *head, lines = asked[-1]
            assert asked[-2] == [*head, {"role": "user", "content": lines["content"].removesuffix(f"Line {number}")}]
    assert len(lines["content"].splitlines()) < 6, "the history was cut back"
