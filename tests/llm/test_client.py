"""The client of a model server: it asks in the terms of each API, passes the answer on in pieces, and hangs up."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing

import pytest
from aiohttp import web
from pydantic import SecretStr

from bot.llm import response as response_reading
from bot.llm.client import ModelClient
from bot.llm.messages import ChatMessage, SpeakerNames
from bot.llm.requests import ModelOptions, reply_url
from config.engine_sections import ModelApi
from tests.llm.answers import texts
from tests.llm.servers import DONE, FINISHED, begin_stream, event, for_ever, said, serving, streaming

HELLO = (ChatMessage("system", "Be kind."), ChatMessage("user", "Ann: hello"))


async def reply(client: ModelClient) -> list[str]:
    return await texts(client.text(HELLO))


async def reply_from(*parts: bytes) -> list[str]:
    async with serving(streaming(*parts)) as url, ModelClient(ModelOptions(url)) as client:
        return await reply(client)


async def test_the_pieces_arrive_as_they_were_sent() -> None:
    assert await reply_from(said("Hello"), said(" there."), FINISHED, DONE) == ["Hello", " there."]


async def test_each_piece_arrives_before_the_next_one_is_sent() -> None:
    heard = asyncio.Event()

    async def handler(request: web.Request) -> web.StreamResponse:
        response = await begin_stream(request)
        await response.write(said("One"))
        await heard.wait()
        await response.write(said("Two", "stop"))
        return response

    async with serving(handler) as url, ModelClient(ModelOptions(url)) as client, asyncio.timeout(30):
        pieces = []
        async for piece in client.text(HELLO):
            pieces.append(piece.text)
            heard.set()
    assert pieces == ["One", "Two"]


async def test_characters_that_are_split_between_two_writes_arrive_whole() -> None:
    whole = said("日本👋") + FINISHED
    assert await reply_from(*(bytes([byte]) for byte in whole)) == ["日本👋"]


async def test_everything_except_the_words_of_the_reply_is_left_out() -> None:
    pieces = await reply_from(
        b": ping\n\n",
        event({"choices": [{"delta": {"role": "assistant", "content": None}}]}),
        event({"choices": [{"delta": {"reasoning_content": "Hm."}}]}),
        said("<thi"),
        said("nk>Hm.</think>\n"),
        said("Hello."),
        FINISHED,
        event({"choices": [], "usage": {"total_tokens": 9}}),
        DONE,
    )
    assert "".join(pieces) == "Hello."


@pytest.mark.parametrize("end", [FINISHED, DONE, b""])
async def test_every_regular_end_is_accepted(end: bytes) -> None:
    assert await reply_from(said("Hello."), end) == ["Hello."]


async def test_a_server_that_does_not_stream_is_understood() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        return web.json_response({"choices": [{"message": {"content": "Hello."}, "finish_reason": "stop"}]})

    async with serving(handler) as url, ModelClient(ModelOptions(url)) as client:
        assert await reply(client) == ["Hello."]


async def test_a_server_that_waits_after_the_end_does_not_delay_the_reply() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = await begin_stream(request)
        await response.write(said("Hello.") + FINISHED)
        await for_ever()
        return response

    async with serving(handler) as url, ModelClient(ModelOptions(url)) as client, asyncio.timeout(30):
        assert await reply(client) == ["Hello."]


@pytest.mark.parametrize(
    ("api", "path", "event_fields"),
    [
        (ModelApi.CHAT, "/v1/chat/completions", {"choices": [{"delta": {"content": "Hi"}, "finish_reason": "stop"}]}),
        (ModelApi.COMPLETIONS, "/v1/completions", {"choices": [{"text": "Hi", "finish_reason": "stop"}]}),
        (ModelApi.COMPLETION, "/v1/completion", {"content": "Hi", "stop": True}),
    ],
)
async def test_each_api_is_asked_in_its_own_terms(api: ModelApi, path: str, event_fields: object) -> None:
    asked: dict[str, object] = {}

    async def handler(request: web.Request) -> web.StreamResponse:
        asked.update(json.loads(await request.text()), path=request.path, key=request.headers["Authorization"])
        return await streaming(event(event_fields))(request)

    async with serving(handler) as url:
        options = ModelOptions(
            url + "/",
            api,
            model="m",
            api_key=SecretStr("k"),
            temperature=0.3,
            max_tokens=77,
            stop=("END",),
            chat_template="chatml",
        )
        async with ModelClient(options) as client:
            assert await reply(client) == ["Hi"]
    common = {"path": path, "key": "Bearer k", "model": "m", "temperature": 0.3, "stream": True}
    prompt = "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nAnn: hello<|im_end|>\n<|im_start|>assistant\n"
    stop = ["<|im_end|>", "END"]
    assert (
        asked
        == common
        | {
            ModelApi.CHAT: {
                "messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Ann: hello"}],
                "max_tokens": 77,
                "stop": ["END"],
            },
            ModelApi.COMPLETIONS: {"prompt": prompt, "max_tokens": 77, "stop": stop},
            ModelApi.COMPLETION: {"prompt": prompt, "n_predict": 77, "stop": stop, "cache_prompt": True},
        }[api]
    )


async def test_fields_that_are_not_set_are_not_sent() -> None:
    asked: dict[str, object] = {}

    async def handler(request: web.Request) -> web.StreamResponse:
        asked.update(json.loads(await request.text()))
        assert "Authorization" not in request.headers
        return await streaming(said("Hi", "stop"))(request)

    async with serving(handler) as url, ModelClient(ModelOptions(url)) as client:
        await reply(client)
    assert not {"model", "stop"} & asked.keys()


async def test_the_next_reply_uses_the_same_connection() -> None:
    peers = []

    async def handler(request: web.Request) -> web.StreamResponse:
        peers.append(request.transport.get_extra_info("peername") if request.transport else None)
        return await streaming(said("Hello."), FINISHED, DONE)(request)

    async with serving(handler) as url, ModelClient(ModelOptions(url)) as client:
        await reply(client)
        await reply(client)
    assert len(peers) == 2
    assert peers[0] == peers[1]


async def test_a_kept_connection_that_died_is_replaced() -> None:
    requests = 0

    async def handler(request: web.Request) -> web.StreamResponse:
        nonlocal requests
        requests += 1
        if requests == 2 and request.transport:
            request.transport.abort()
        return await streaming(said("Hello."), FINISHED, DONE)(request)

    async with serving(handler) as url, ModelClient(ModelOptions(url)) as client:
        assert await reply(client) == ["Hello."]
        assert await reply(client) == ["Hello."]
    assert requests == 3


async def test_warming_up_has_the_server_read_the_prompt_on_the_connection_of_the_reply() -> None:
    asked: list[tuple[object, object]] = []
    peers = set()

    async def handler(request: web.Request) -> web.StreamResponse:
        body = json.loads(await request.text())
        asked.append((body["max_tokens"], body["messages"]))
        peers.add(request.transport.get_extra_info("peername") if request.transport else None)
        # The only token of a warm-up may be part of a thought. Then the answer has no text, and this is no failure.
        words = event({"choices": [{"delta": {"reasoning_content": "Hm"}}]}) if body["max_tokens"] == 1 else said("Hi")
        return await streaming(words, FINISHED, DONE)(request)

    async with serving(handler) as url, ModelClient(ModelOptions(url, max_tokens=50)) as client:
        await client.warm_up(HELLO)
        assert await reply(client) == ["Hi"]
    assert [limit for limit, _ in asked] == [1, 50]
    assert asked[0][1] == asked[1][1]
    assert len(peers) == 1


async def test_a_task_may_ask_for_a_longer_answer_than_the_operator_has_set_and_never_gets_a_shorter_one() -> None:
    limits: list[int] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        limits.append(json.loads(await request.text())["max_tokens"])
        return await streaming(said("Hi"), FINISHED, DONE)(request)

    async with serving(handler) as url, ModelClient(ModelOptions(url, max_tokens=50)) as client:
        for limit in (20, 900, None):
            assert [piece.text async for piece in client.text(HELLO, max_tokens=limit)] == ["Hi"]
    assert limits == [50, 900, 50]


class EndlessServer:
    """A server that sends "Word" and then waits. It notices when the client closes the connection."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.hung_up = asyncio.Event()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        try:
            response = await begin_stream(request)
            await response.write(said("Word"))
            self.begun.set()
            await for_ever()
        except asyncio.CancelledError:
            self.hung_up.set()
            raise
        return response


async def test_closing_the_stream_closes_the_connection() -> None:
    server = EndlessServer()
    async with serving(server.handle) as url, ModelClient(ModelOptions(url)) as client:
        async with aclosing(client.text(HELLO)) as pieces:
            assert (await anext(pieces)).text == "Word"
        async with asyncio.timeout(30):
            await server.hung_up.wait()


async def test_cancelling_the_reader_closes_the_connection() -> None:
    server = EndlessServer()
    async with serving(server.handle) as url, ModelClient(ModelOptions(url)) as client, asyncio.timeout(30):
        task = asyncio.create_task(reply(client))
        await server.begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await server.hung_up.wait()


def test_the_key_is_not_in_a_repr() -> None:
    assert "s3cret" not in repr(ModelOptions("http://h/v1", api_key=SecretStr("s3cret")))


def test_the_error_names_an_unknown_template() -> None:
    with pytest.raises(ValueError, match=r"'alpaca'; there are: chatml"):
        ModelOptions("http://h/v1", chat_template="alpaca")  # type: ignore[arg-type]


def test_only_the_endpoint_is_appended_to_the_base() -> None:
    options = ModelOptions("https://api.example.com/deploy/a%2Fb/?version=2")
    assert str(reply_url(options)) == "https://api.example.com/deploy/a%2Fb/chat/completions?version=2"


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("http://user:pass@llm.example:8080/v1?key=x", "llm.example:8080"),
        ("http://[::1]:8080/v1", "[::1]:8080"),
        ("https://api.example.com/v1", "api.example.com"),
    ],
)
def test_a_server_is_named_without_secrets(url: str, name: str) -> None:
    assert ModelOptions(url).server_name == name


@pytest.mark.parametrize("finish", ["", "null", "stop"])
async def test_a_finish_reason_on_every_chunk_cuts_nothing_off(finish: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # A machine that stalls may need longer than usual for the next chunk.
    for wait in ("_FIRST_TEXT_WAIT", "_MORE_TEXT_WAIT"):
        monkeypatch.setattr(response_reading, wait, 60.0)

    async def handler(request: web.Request) -> web.StreamResponse:
        response = await begin_stream(request)
        for text in ("", "Hello", " there,", " Ada."):
            await response.write(said(text, finish))
            await asyncio.sleep(0.1)
        await response.write(DONE)
        return response

    async with serving(handler) as url, ModelClient(ModelOptions(url)) as client:
        assert "".join(await reply(client)) == "Hello there, Ada."


async def test_the_client_hangs_up_when_a_model_writes_the_line_of_another_person() -> None:
    hung_up = asyncio.Event()

    async def handler(request: web.Request) -> web.StreamResponse:
        try:
            response = await begin_stream(request)
            await response.write(said("Hello Ada.\nAda: Hi"))
            await for_ever()
        finally:
            hung_up.set()
        return response

    async with serving(handler) as url, ModelClient(ModelOptions(url)) as client, asyncio.timeout(30):
        speakers = SpeakerNames(("Seiyuu",), ("Ada",))
        assert "".join(await texts(client.text(HELLO, speakers=speakers))).strip() == "Hello Ada."
        await hung_up.wait()
