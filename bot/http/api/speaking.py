"""``POST /tts``, and OpenAI's endpoints for speech: their requests are passed on to the speech server."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import hdrs, web

from bot.http.api.admission import Admission, as_http_error
from bot.http.api.fields import optional_text, required_text
from bot.http.api.streams import send_stream
from bot.http.bodies import read_object
from bot.http.errors import HttpError
from bot.speech_server.errors import VoiceAwayError
from bot.speech_server.forwarding import ForwardedAnswer, SpeechForwarding
from wire.parameters import SpeechParameters

SPEECH = "/v1/audio/speech"
MAX_TEXT = 4_096
"""Largest number of characters of a text, as on the speech server."""
MAX_NAME = 200
"""Largest number of characters of a voice's or a language's name."""
_KINDS = ("audio/", "text/event-stream", "application/json")
"""Content types that an answer keeps. Others are replaced, because a browser must never take an answer for a page."""


class SpeakingApi:
    """The endpoints.

    Args:
        forwarding: passes requests on to the speech server.
        manner: returns the voice and the manner of speaking that were chosen for the page.
        charge: called with the answer of the server that speaks, and the text that it was asked to speak. The length of
            the sound is estimated by the text, because the sound is passed on as it comes, in any format.
        admission: admits requests to the engines.
    """

    def __init__(
        self,
        forwarding: SpeechForwarding,
        manner: Callable[[], SpeechParameters],
        charge: Callable[[ForwardedAnswer, str], None],
        admission: Admission,
    ) -> None:
        self._forwarding = forwarding
        self._manner = manner
        self._charge = charge
        self._admission = admission

    async def speak(self, request: web.Request) -> web.StreamResponse:
        """``POST /tts``: a text as a WAV file, which streams while it is made."""
        async with self._admission.admit(request):
            fields = await read_object(request)
            text = required_text(fields, "text", MAX_TEXT)
            language, voice = optional_text(fields, "language", MAX_NAME), optional_text(fields, "voice", MAX_NAME)
            manner = self._manner().write()
            if language is not None or voice is not None:
                # Perhaps the chosen voice can't speak that language.
                manner.pop("voice", None)
            named = {"language": language, "voice": voice}
            given = {name: value for name, value in named.items() if value is not None}
            async with self._admission.engines():
                body = {**manner, **given, "input": text, "response_format": "wav"}
                return await self._speech(request, body)

    async def pass_speech_on(self, request: web.Request) -> web.StreamResponse:
        """``POST /v1/audio/speech``: as OpenAI's; see the speech server."""
        async with self._admission.admit(request):
            fields = await read_object(request)
            async with self._admission.engines():
                return await self._speech(request, fields)

    async def _speech(self, request: web.Request, body: Mapping[str, Any]) -> web.StreamResponse:
        given = body.get("input")
        text = given if isinstance(given, str) else ""
        return await pass_on(self._forwarding, request, "POST", SPEECH, body, lambda answer: self._charge(answer, text))

    async def pass_list_on(self, request: web.Request) -> web.StreamResponse:
        """``GET /v1/audio/voices`` and ``GET /v1/models``. They need no engine, so a call does not hold them back."""
        try:
            return await pass_on(self._forwarding, request, "GET", request.path, None)
        except VoiceAwayError as error:
            raise as_http_error(error) from error


async def pass_on(
    forwarding: SpeechForwarding,
    request: web.Request,
    method: str,
    path: str,
    body: Mapping[str, Any] | None,
    when_taken: Callable[[ForwardedAnswer], None] = lambda _: None,
) -> web.StreamResponse:
    """Ask the speech server, and answer ``request`` with its answer, while it comes in.

    Args:
        when_taken: called with the speech server's answer when it has taken the request.

    Raises:
        HttpError: the speech server refuses it.
        VoiceAwayError: the speech server can't answer.
        ConnectionError: the client is gone.
    """
    async with forwarding.ask(method, path, body) as answer:
        if answer.status >= 400:
            raise await _refusal(answer)
        when_taken(answer)
        kind = answer.content_type if answer.content_type.startswith(_KINDS) else "application/octet-stream"
        return await send_stream(request, {hdrs.CONTENT_TYPE: kind}, answer.pieces())


async def _refusal(answer: ForwardedAnswer) -> HttpError:
    """The speech server's refusal as an error of this server; raises :class:`VoiceAwayError` for a fault inside it."""
    reason, code = await answer.reason()
    if answer.status >= 500:
        raise VoiceAwayError(f"the speech server answers with status {answer.status}: {reason}")
    text = reason or "The speech server does not take this request."
    return HttpError(answer.status, code or "bad_parameter", text, retry_after=answer.retry_after)
