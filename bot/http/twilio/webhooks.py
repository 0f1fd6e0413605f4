"""``POST /phone/twilio/voice`` and ``/phone/twilio/status``: Twilio's signed questions and reports about calls."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable, Mapping
from urllib.parse import parse_qsl, urlsplit

from aiohttp import web
from twilio.request_validator import RequestValidator
from twilio.twiml.voice_response import Connect, VoiceResponse

from bot.http.bodies import read_bytes
from bot.http.errors import HttpError
from bot.http.twilio.announced import AnnouncedCalls
from bot.http.twilio.expected import ExpectedCalls
from bot.http.twilio.media_socket import PATH as MEDIA
from bot.http.twilio.media_socket import MediaSocket
from bot.http.twilio.messages import TOKEN
from bot.http.twilio.pending import PendingRequests
from bot.voice.phone.answering import Admission, PhoneAnswering, Refusal
from bot.voice.phone.line import LineEnd
from config.phone_sections import TwilioSettings
from web_access.rate_limit import ClientRateLimit

VOICE = "/phone/twilio/voice"
STATUS = "/phone/twilio/status"
SIGNATURE = "X-Twilio-Signature"
SIGNATURE_LENGTH = 28
"""Number of characters of a signature: SHA-1 in base64."""
MAX_FORM = 16 * 1_024
"""Largest number of bytes of a form. Twilio sends about 1,000."""
MAX_FIELDS = 100
CALLS_PER_MINUTE = 120
"""Largest number of phone calls for which streams are opened in a minute."""
LOOK_SECONDS = 10.0
"""Seconds between two looks for phone calls whose streams have not come in time."""
OVER = frozenset({"completed", "busy", "failed", "no-answer", "canceled"})
"""The states of a phone call that is over."""
WITHHELD = frozenset({"anonymous", "restricted", "unknown", "unavailable", "private"})
"""What Twilio writes in place of a number that the caller withholds."""
WITHHELD_KEYS = frozenset({"266696687", "7378742833", "2562533", "8656696", "86282452253"})
"""Numbers that spell such words on a telephone's keys: ANONYMOUS, RESTRICTED, BLOCKED, UNKNOWN, UNAVAILABLE."""
_SID = re.compile(r"[A-Za-z0-9]{2,64}")
_MAX_NUMBER = 100
_ALL = "all"


class TwilioWebhooks:
    """The endpoints. They read no body without a signature, and do nothing before the signature is checked.

    The limits for signed requests count only signed ones. Otherwise strangers could use these limits up: behind a proxy
    that names no clients, everybody looks like one client, Twilio too.

    Twilio signs the address that it was told, so the address of the settings counts. The Host header is not looked at.

    Args:
        public_url: the address under which Twilio reaches this server, without a slash at its end.
        settings: the account at Twilio, with the secret with which Twilio signs.
        answering: the service of phone calls.
        announced: remembers which phone calls were announced.
        expected: the phone calls whose streams are awaited.
        media: the endpoint to which the streams of answered phone calls are sent.
        clock: returns monotonic seconds.
    """

    def __init__(
        self,
        public_url: str,
        settings: TwilioSettings,
        answering: PhoneAnswering,
        announced: AnnouncedCalls,
        expected: ExpectedCalls,
        media: MediaSocket,
        clock: Callable[[], float],
    ) -> None:
        self._public_url = public_url.rstrip("/")
        self._settings = settings
        token = settings.auth_token
        # Without the secret, nothing can be checked, and so everything is refused.
        self._validator = RequestValidator(token.get_secret_value()) if token is not None else None
        self._answering = answering
        self._announced = announced
        self._expected = expected
        self._media = media
        self._pending = PendingRequests()
        self._rate = ClientRateLimit(CALLS_PER_MINUTE, clock)

    @property
    def routes(self) -> Iterable[web.RouteDef]:
        """The routes of both endpoints."""
        return [web.post(VOICE, self._voice), web.post(STATUS, self._status)]

    async def log_late(self) -> None:
        """Log the phone calls whose streams have not come in time. This runs until it is cancelled.

        Twilio may never tell that such a phone call is over.
        """
        while True:
            self._log_late()
            await asyncio.sleep(LOOK_SECONDS)

    def _log_late(self) -> None:
        for call in self._expected.drop_late():
            self._answering.note_refusal("twilio", call.number, LineEnd.LOST, "its stream has not come")

    async def _voice(self, request: web.Request) -> web.Response:
        """A phone call comes in. The answer tells Twilio what to do with it."""
        form = await self._form(request)
        sid = _sid(form)
        if form.get("Direction", "inbound") != "inbound":
            raise HttpError(403, "not_inbound", "Only phone calls that come in are answered.")
        if not await self._announced.add(sid):
            raise HttpError(403, "replay", "This phone call was announced already.")
        number = caller_number(form.get("From", ""))
        admission = self._answering.decide(number)
        if admission in (Admission.NOT_ALLOWED, Admission.NOT_READY):
            return self._refuse(number, admission)
        if admission is Admission.BUSY and self._media.full:
            return self._refuse(number, admission, "and enough others are being told so already")
        # If another caller's token had to make room for this caller's, the other caller's line would be dead.
        if self._expected.full or self._rate.take(_ALL):
            return self._refuse(number, Refusal.TOO_MANY)
        self._log_late()
        token = self._expected.expect(sid, number)
        return _twiml(lambda response: response.append(self._stream(token)))

    def _refuse(self, number: str, cause: Admission | Refusal, detail: str = "") -> web.Response:
        """Reject a phone call. It is not answered, so it costs nothing."""
        self._answering.note_refusal("twilio", number, cause, detail)
        reason = "rejected" if cause is Admission.NOT_ALLOWED else "busy"
        return _twiml(lambda response: response.reject(reason=reason))

    async def _status(self, request: web.Request) -> web.Response:
        """The state of a phone call has changed."""
        form = await self._form(request)
        sid = _sid(form)
        if form.get("CallStatus") in OVER:
            if (missed := self._expected.forget(sid)) is not None:
                self._answering.note_refusal("twilio", missed.number, LineEnd.CALLER)
            self._media.over(sid)
        return web.Response(status=204)

    def _stream(self, token: str) -> Connect:
        parts = urlsplit(self._public_url)
        scheme = "ws" if parts.scheme == "http" else "wss"
        connect = Connect()
        stream = connect.stream(url=parts._replace(scheme=scheme).geturl() + MEDIA)
        stream.parameter(name=TOKEN, value=token)
        return connect

    async def _form(self, request: web.Request) -> Mapping[str, str]:
        """Read the form, and check its signature; raises :class:`HttpError`."""
        signatures = request.headers.getall(SIGNATURE, [])
        if len(signatures) != 1 or len(signatures[0]) != SIGNATURE_LENGTH:
            raise _forged()
        if request.content_type != "application/x-www-form-urlencoded":
            raise HttpError(415, "unsupported_media_type", "Send a form: application/x-www-form-urlencoded.")
        self._pending.add(request)
        try:
            body = await read_bytes(request, MAX_FORM)
        finally:
            self._pending.remove(request)
        try:
            fields = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)
        except ValueError:
            raise HttpError(400, "bad_form", "The form is not valid.") from None
        form = dict(fields)
        if len(form) != len(fields):
            raise HttpError(400, "bad_form", "A field of the form comes twice.")
        url = self._public_url + request.raw_path
        if self._validator is None or not self._validator.validate(url, form, signatures[0]):
            raise _forged()
        if form.get("AccountSid") not in (None, self._settings.account_sid or form.get("AccountSid")):
            raise HttpError(403, "bad_account", "This is another account.")
        return form


def caller_number(told: str) -> str:
    """The caller's number for :attr:`~bot.voice.phone.line.PhoneLine.number`; empty if the caller withholds it."""
    number = "".join(character for character in told.strip() if character.isprintable())[:_MAX_NUMBER]
    withheld = number.lower() in WITHHELD or number.lstrip("+") in WITHHELD_KEYS
    return "" if withheld else number


def _sid(form: Mapping[str, str]) -> str:
    sid = form.get("CallSid", "")
    if _SID.fullmatch(sid) is None:
        raise HttpError(400, "bad_form", "The form has no valid CallSid.")
    return sid


def _twiml(write: Callable[[VoiceResponse], object]) -> web.Response:
    response = VoiceResponse()
    write(response)
    return web.Response(text=str(response), content_type="text/xml")


def _forged() -> HttpError:
    return HttpError(403, "bad_signature", f"{SIGNATURE} is missing or wrong.")
