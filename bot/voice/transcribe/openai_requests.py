"""One request to a server with OpenAI's transcription API, and what its failure means."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

import aiohttp
from yarl import URL

from audio.samples import HEARING_RATE
from audio.wav import to_wav
from bot.voice.transcribe.hallucinations import LANGUAGE_DETECTION_SECONDS
from bot.voice.transcribe.openai_responses import AnswerError, TranscriptionResponse, complaint, read_answer
from bot.voice.transcribe.transcriber import TranscriptionRequest
from config.engine_sections import RecogniserSettings
from web_access.bodies import BodyTooLargeError, read_body

CHECK_TIMEOUT = aiohttp.ClientTimeout(total=5.0)
"""Time limit of :meth:`TranscriptionEndpoint.problem`."""
MAX_ANSWER_BYTES = 1_000_000
"""Maximum number of bytes of an answer."""
TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529})
"""HTTP statuses of temporary errors."""
REFUSED_FIELDS = frozenset({400, 415, 422, 501})
"""HTTP statuses with which a server may refuse a field of the request that it does not know."""
ABOUT_THE_REQUEST = frozenset({400, 413, 422})
"""HTTP statuses with which a server may refuse one request and accept the next one."""
USED_UP = "insufficient_quota"
"""Error code that says that the quota is used up. This error is not temporary, although its HTTP status is 429."""


@dataclass(frozen=True, slots=True)
class RequestFormat:
    """A format of requests.

    Attributes:
        response_format: value of the field of this name. "verbose_json" gives probabilities, but not every model can
            answer with it.
        language_hint: True if the usual language of the speaker is sent.
    """

    response_format: str
    language_hint: bool


REQUEST_FORMATS = (
    RequestFormat("verbose_json", language_hint=True),
    RequestFormat("json", language_hint=True),
    RequestFormat("json", language_hint=False),
)
"""The formats that are tried, best first."""


class RequestFailed(Exception):  # noqa: N818
    """One request has failed.

    Attributes:
        temporary: True if the same request may succeed when it is made again.
        busy: True if the server refused the request because it has too many requests.
        wait: seconds for which the server asks to wait; ``None`` if it does not ask.
        refused_field: True if the server perhaps does not know a field of the request.
        used: True if the server may have worked on the sound.
        about_request: True if the fault may lie in this request, so that the server may accept the next one.
    """

    def __init__(
        self,
        text: str,
        *,
        temporary: bool = False,
        busy: bool = False,
        wait: float | None = None,
        refused_field: bool = False,
        about_request: bool = False,
        used: bool = False,
    ) -> None:
        super().__init__(text)
        self.temporary = temporary
        self.busy = busy
        self.wait = wait
        self.refused_field = refused_field
        self.about_request = about_request
        self.used = used


class TranscriptionEndpoint:
    """The endpoint of one server. Use it on one event loop.

    Args:
        url: base URL of the server, with its version. Only the path of the endpoint is added.
        settings: key, model and language.
        http: session for the requests.
        asked_to_wait: returns the seconds for which the headers of a refusal ask to wait; ``None`` if they don't.

    Attributes:
        host: the server's host.
    """

    def __init__(
        self,
        url: str,
        settings: RecogniserSettings,
        http: aiohttp.ClientSession,
        asked_to_wait: Callable[[Mapping[str, str]], float | None],
    ) -> None:
        self.host = url.partition("://")[2].partition("/")[0]
        self._url = url
        self._settings = settings
        self._http = http
        self._asked_to_wait = asked_to_wait

    async def problem(self) -> str | None:
        """The reason for which the server can't be used: no answer, or the key is refused. ``None`` if it can."""
        # Not every server lists its models, so other error statuses don't matter.
        url = f"{self._url}/models"
        try:
            async with self._http.get(
                url, headers=self._headers(), timeout=CHECK_TIMEOUT, allow_redirects=False
            ) as response:
                if _leads_elsewhere(response):
                    return f"the recogniser at {self.host} redirects us elsewhere"
                refused = response.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
                if refused or response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                    return f"the recogniser at {self.host} answers with status {response.status}"
        except (aiohttp.ClientError, TimeoutError, OSError):
            return f"the recogniser at {self.host} can't be reached"
        return None

    async def send(
        self, request: TranscriptionRequest, request_format: RequestFormat, limit: float
    ) -> TranscriptionResponse:
        """Send one HTTP request with a time limit in seconds; raises :class:`RequestFailed`."""
        url = f"{self._url}/audio/transcriptions"
        try:
            async with (
                asyncio.timeout(limit),
                # People were told of this host alone, so their voices go to no other one.
                self._http.post(
                    url, data=self._form(request, request_format), headers=self._headers(), allow_redirects=False
                ) as response,
            ):
                body = await read_body(response.content, MAX_ANSWER_BYTES)
        except TimeoutError as error:
            raise RequestFailed(
                f"{self.host} gave no whole answer within {limit:.0f} s.", temporary=True, used=True
            ) from error
        except BodyTooLargeError as error:
            raise RequestFailed(f"{self.host} answers with more words than anybody can have said.") from error
        except (aiohttp.ClientError, OSError) as error:
            text = f"The transcription server at {self.host} can't be reached, or hangs up."
            raise RequestFailed(text, temporary=True) from error
        if response.status >= 300:
            raise self._refusal(response.status, response.headers, body)
        try:
            return read_answer(body)
        except AnswerError as error:
            reason = f": {error}" if str(error) else ""
            text = f"{self.host} does not answer as a transcription server does{reason}."
            raise RequestFailed(text, temporary=_is_cut_off(body), used=True) from error

    def _headers(self) -> dict[str, str]:
        key = self._settings.api_key
        return {"Authorization": f"Bearer {key.get_secret_value()}"} if key else {}

    def _form(self, request: TranscriptionRequest, request_format: RequestFormat) -> aiohttp.FormData:
        """The form of a request: the sound as a WAV file, and the fields."""
        settings = self._settings
        form = aiohttp.FormData()
        form.add_field("file", to_wav(request.sound, HEARING_RATE), filename="speech.wav", content_type="audio/wav")
        form.add_field("model", settings.server_model or "whisper-1")
        form.add_field("response_format", request_format.response_format)
        usual = (
            request.language if request_format.language_hint and request.seconds < LANGUAGE_DETECTION_SECONDS else None
        )
        if language := settings.language or usual:
            form.add_field("language", language)
        if request.hint is not None:
            form.add_field("prompt", request.hint)
        return form

    def _refusal(self, status: int, headers: Mapping[str, str], body: bytes) -> RequestFailed:
        """The error for a response with an error status."""
        if status < 400:
            place = headers.get("Location", "")[:200]
            where = f"elsewhere{f', to {place}' if place else ''}"
            return RequestFailed(
                f"The transcription server at {self.host} redirects us {where}. Is STT_URL right? It answered {status}."
            )
        wait = self._asked_to_wait(headers)
        try:
            words = complaint(json.loads(body))
        except (ValueError, RecursionError):
            words = ""
        temporary = status in TRANSIENT and USED_UP.encode() not in body
        text = f"The transcription server at {self.host} answered {_explain(status, words, wait)}"
        return RequestFailed(
            text,
            temporary=temporary,
            busy=temporary and (status == 429 or wait is not None),
            wait=wait,
            refused_field=status in REFUSED_FIELDS,
            about_request=status in ABOUT_THE_REQUEST,
        )


def _leads_elsewhere(response: aiohttp.ClientResponse) -> bool:
    """Whether a response redirects to another server, or to no valid address."""
    if not 300 <= response.status < 400:
        return False
    try:
        return response.url.join(URL(response.headers.get("Location", ""))).origin() != response.url.origin()
    except ValueError:
        return True


def _is_cut_off(body: bytes) -> bool:
    """True if an unusable answer was cut off, or is a proxy's page. The next answer may be complete then."""
    text = body.decode("utf-8-sig", errors="replace").strip()
    if text[:1] not in ("{", "["):
        return text[:1] in ("", "<")
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return True
    return False


def _explain(status: int, words: str, wait: float | None) -> str:
    """The part of an error's text that follows "answered".

    Args:
        status: HTTP status.
        words: the server's own error text; may be empty.
        wait: seconds for which the server asks to wait.
    """
    match status:
        case 401 | 403:
            return f"{status}: it does not accept STT_API_KEY."
        case 404:
            return "404: is STT_URL its whole base address, with /v1, and STT_MODEL one of its models?"
        case 429:
            return f"429: it is too busy{f', for {wait:.0f} s' if wait else ''}{f' ({words})' if words else ''}."
        case _:
            said = words.rstrip(".")
            return f"{status}: {said}." if said else f"{status}."
