"""Model servers that fail: each failure is told in words that help, and the next prompt works."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import replace

import pytest
from aiohttp import web
from pydantic import SecretStr

from bot.llm.client import ModelClient
from bot.llm.errors import ModelError, ModelErrorKind
from bot.llm.messages import ChatMessage
from bot.llm.requests import ModelOptions
from tests.http_server import Handler
from tests.llm.answers import texts
from tests.llm.servers import FINISHED, answering, begin_stream, event, for_ever, said, serving, streaming
from tests.timing import clock_of_the_loop, let_run

HELLO = (ChatMessage("user", "Ann: hello"),)
KEY = "s3cret-k3y"
PATIENT = ModelOptions("", model="m", api_key=SecretStr(KEY), first_token_timeout=30, stall_timeout=30)
HASTY = replace(PATIENT, first_token_timeout=0.2, stall_timeout=0.1)


async def failure(handler: Handler, options: ModelOptions = PATIENT) -> tuple[list[str], ModelError]:
    """The text before the reply failed, and the error."""
    async with serving(handler) as url, ModelClient(replace(options, url=url)) as client:
        return await failure_of(client)


async def failure_of(client: ModelClient) -> tuple[list[str], ModelError]:
    heard: list[str] = []
    with pytest.raises(ModelError) as caught:
        async with asyncio.timeout(60):
            async for piece in client.text(HELLO):
                heard.append(piece.text)  # noqa: PERF401 — what came before the failure counts
    return heard, caught.value


async def test_an_unreachable_server_is_reported() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        async with ModelClient(replace(PATIENT, url=f"http://127.0.0.1:{unused.getsockname()[1]}/v1")) as client:
            _, error = await failure_of(client)
    assert error.kind is ModelErrorKind.UNREACHABLE
    assert "can't be reached" in str(error)


async def test_a_host_name_that_does_not_exist_is_reported() -> None:
    async with ModelClient(replace(PATIENT, url="http://no-such-host.invalid/v1")) as client:
        _, error = await failure_of(client)
    assert error.kind is ModelErrorKind.UNREACHABLE


@pytest.mark.parametrize(
    ("status", "body", "kind", "told"),
    [
        (500, '{"error":{"message":"CUDA out of memory"}}', ModelErrorKind.HTTP, "500: CUDA out of memory"),
        (502, "<html><h1>Bad Gateway</h1></html>", ModelErrorKind.HTTP, "502 (Bad Gateway)"),
        (401, f'{{"error":"bad key {KEY}"}}', ModelErrorKind.UNAUTHORIZED, "401: bad key ***"),
        (404, '{"error":"model \'m\' not found"}', ModelErrorKind.NOT_FOUND, "404: model 'm' not found"),
        (404, "404 page not found", ModelErrorKind.NOT_FOUND, "It answered 404: page not found"),
        (500, '{"error":"HTTP 500: out of memory"}', ModelErrorKind.HTTP, "It answered 500: out of memory"),
        (500, '{"error":"5000 tokens are too many"}', ModelErrorKind.HTTP, "It answered 500: 5000 tokens are too many"),
        (307, "", ModelErrorKind.HTTP, "307"),
        (400, "", ModelErrorKind.HTTP, "400 (Bad Request)"),
    ],
)
async def test_http_errors_are_reported(status: int, body: str, kind: ModelErrorKind, told: str) -> None:
    _, error = await failure(answering(status, body))
    assert (error.kind, error.status) == (kind, status)
    assert told in str(error)
    assert KEY not in str(error)


async def test_the_error_names_the_model_that_was_asked_for() -> None:
    unknown = answering(404, '{"error":{"message":"model \'evil-seiyuu\' not found"}}')
    async with serving(unknown) as url, ModelClient(replace(PATIENT, url=url)) as client:
        with pytest.raises(ModelError, match="doesn't know the model 'evil-seiyuu'"):
            async for _ in client.text(HELLO, model="evil-seiyuu"):
                pass


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, '{"error":{"message":"model \'None\' not found"}}'),
        (400, '{"error":{"message":"model is required","type":"invalid_request_error"}}'),
        (400, '{"error":{"message":"Missing required parameter: \'model\'."}}'),
        (400, '{"error":{"message":"you must provide a model parameter"}}'),
    ],
)
async def test_the_error_says_to_set_a_model_if_the_server_does_not_choose_one(status: int, body: str) -> None:
    async with serving(answering(status, body)) as url, ModelClient(replace(PATIENT, url=url, model=None)) as client:
        _, error = await failure_of(client)
    assert "Set LLM_MODEL to one that it has." in str(error)


async def test_the_error_asks_whether_v1_is_missing_in_the_address() -> None:
    async with (
        serving(answering(404, "404 page not found", "text/plain")) as url,
        ModelClient(replace(PATIENT, url=url.removesuffix("/v1"))) as client,
    ):
        _, error = await failure_of(client)
    assert error.kind is ModelErrorKind.NOT_FOUND
    assert "Is `/v1` missing at the end of LLM_URL?" in str(error)


async def test_the_error_says_to_use_http_if_the_server_does_not_speak_https() -> None:
    async with (
        serving(answering(200, "{}")) as url,
        ModelClient(replace(PATIENT, url=url.replace("http:", "https:"))) as client,
    ):
        _, error = await failure_of(client)
    assert error.kind is ModelErrorKind.UNREACHABLE
    assert "begin LLM_URL with http://" in str(error)


async def test_the_error_says_to_set_a_key_if_the_server_needs_one() -> None:
    async with (
        serving(answering(401, '{"error":"no key"}')) as url,
        ModelClient(replace(PATIENT, url=url, api_key=None)) as client,
    ):
        _, error = await failure_of(client)
    assert "set LLM_API_KEY" in str(error)


async def test_the_error_for_a_redirect_names_the_new_address() -> None:
    moved = answering(301, "", headers={"Location": "https://llm.example/v1/chat/completions"})
    _, error = await failure(moved)
    assert "to https://llm.example/v1/chat/completions" in str(error)


async def test_a_server_that_never_gets_ready_is_reported() -> None:
    with clock_of_the_loop() as let_pass:

        async def loading(request: web.Request) -> web.StreamResponse:
            let_pass(10.0)
            return await answering(503, '{"error":{"code":503,"message":"Loading model"}}')(request)

        _, error = await failure(loading, PATIENT)
    assert (error.kind, error.status) == (ModelErrorKind.HTTP, 503)
    assert "503: Loading model" in str(error)


async def test_an_html_page_is_not_a_reply() -> None:
    _, error = await failure(answering(200, "<html>Welcome</html>", "text/html"))
    assert error.kind is ModelErrorKind.BROKEN


async def test_silence_before_the_headers_is_reported() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        await for_ever()
        return web.Response()

    _, error = await failure(handler, HASTY)
    assert error.kind is ModelErrorKind.FIRST_TOKEN_TIMEOUT
    assert "0.2 s" in str(error)


@pytest.mark.parametrize(
    ("begun", "kind"),
    [
        (b"", ModelErrorKind.FIRST_TOKEN_TIMEOUT),
        (event({"choices": [{"delta": {"role": "assistant"}}]}), ModelErrorKind.FIRST_TOKEN_TIMEOUT),
        (said("Once"), ModelErrorKind.STALLED),
        (event({"choices": [{"delta": {"reasoning_content": "Hm"}}]}), ModelErrorKind.STALLED),
    ],
)
async def test_silence_is_detected_despite_pings(begun: bytes, kind: ModelErrorKind) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = await begin_stream(request)
        await response.write(begun)
        while True:
            await response.write(b": still here\n\n")
            await asyncio.sleep(0.01)

    # The other limit is generous, so that the busiest machine does not reach it first.
    generous = replace(HASTY, stall_timeout=30)
    if kind is ModelErrorKind.STALLED:
        generous = replace(HASTY, first_token_timeout=30)
    heard, error = await failure(handler, generous)
    assert error.kind is kind
    assert heard == (["Once"] if b"Once" in begun else [])


@pytest.mark.parametrize(
    ("rest", "kind", "told"),
    [
        (b'data: {"choices":[{"delta":{"conte\n\n', ModelErrorKind.BROKEN, "not JSON"),
        (b'data: {"choices":7}\n\n', ModelErrorKind.BROKEN, "not a list"),
        (event({"error": {"message": "slot lost"}}), ModelErrorKind.SERVER, "slot lost"),
        (b'event: error\ndata: {"message":"slot lost"}\n\n', ModelErrorKind.SERVER, "slot lost"),
        (b"data: " + b"x" * 10_000_000, ModelErrorKind.BROKEN, "1048576"),
    ],
)
async def test_nonsense_after_the_first_words_is_reported(rest: bytes, kind: ModelErrorKind, told: str) -> None:
    heard, error = await failure(streaming(said("Once"), rest, FINISHED))
    assert heard == ["Once"]
    assert error.kind is kind
    assert told in str(error)


async def test_a_server_that_hangs_up_before_an_answer_is_reported() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        assert request.transport
        request.transport.abort()
        return web.Response()

    heard, error = await failure(handler)
    assert heard == []
    assert error.kind is ModelErrorKind.BROKEN


async def test_a_server_that_hangs_up_in_the_middle_of_an_answer_is_reported() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = await begin_stream(request)
        await response.write(said("Once") + "data: 日".encode()[:-1])
        assert request.transport
        request.transport.close()
        return response

    heard, error = await failure(handler)
    assert heard == ["Once"]
    assert error.kind is ModelErrorKind.BROKEN
    assert "hung up" in str(error)


@pytest.mark.parametrize("parts", [(FINISHED,), (said("<think>Hm.</think>"), FINISHED), ()])
async def test_an_answer_without_words_is_a_failure(parts: tuple[bytes, ...]) -> None:
    _, error = await failure(streaming(*parts))
    assert error.kind is ModelErrorKind.EMPTY


async def test_after_a_failure_the_next_prompt_works() -> None:
    broken = True

    async def handler(request: web.Request) -> web.StreamResponse:
        return await streaming(said("Once"), b"data: {\n\n" if broken else FINISHED)(request)

    async with serving(handler) as url, ModelClient(replace(PATIENT, url=url)) as client:
        await failure_of(client)
        broken = False
        assert await texts(client.text(HELLO)) == ["Once"]


async def test_a_slow_listener_is_not_a_stalled_server() -> None:
    sent_all = asyncio.Event()

    async def handler(request: web.Request) -> web.StreamResponse:
        response = await streaming(said("One"), said("Two"), said("Three", "stop"))(request)
        sent_all.set()
        return response

    with clock_of_the_loop() as let_pass:
        async with serving(handler) as url, ModelClient(replace(PATIENT, url=url)) as client:
            heard = []
            async for piece in client.text(HELLO):
                heard.append(piece.text)
                await sent_all.wait()
                await let_run(0.05)
                let_pass(PATIENT.stall_timeout * 2)  # the listener's own time, longer than the server may take
                await let_run(0.05)
    assert heard == ["One", "Two", "Three"]


async def test_closing_the_client_ends_a_reply() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = await begin_stream(request)
        await response.write(said("Word"))
        await for_ever()
        return response

    async with serving(handler) as url:
        client = ModelClient(replace(PATIENT, url=url))
        pieces = client.text(HELLO)
        assert (await anext(pieces)).text == "Word"
        await client.close()
        with pytest.raises(ModelError):
            async with asyncio.timeout(30):
                await anext(pieces)
