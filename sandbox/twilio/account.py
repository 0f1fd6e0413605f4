"""An account at the stand-in for Twilio: it announces phone calls and their ends to a bot, and signs what it says."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.etree import ElementTree

import aiohttp
from twilio.request_validator import RequestValidator

VOICE = "/phone/twilio/voice"
STATUS = "/phone/twilio/status"
NUMBER = "+15005550006"
"""The bot's telephone number."""
CALLER = "+4930123456"


@dataclass(frozen=True, slots=True)
class Instruction:
    """What the bot's TwiML tells Twilio to do.

    Attributes:
        status: HTTP status of the answer.
        verb: ``Connect`` or ``Reject``; empty if the answer is no TwiML.
        reason: why the phone call is rejected.
        stream: address of the stream.
        parameters: the parameters of the stream.
        text: the whole answer.
    """

    status: int
    verb: str = ""
    reason: str = ""
    stream: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    text: str = ""


def new_id(kind: str) -> str:
    """A new id as Twilio makes them: two letters and 32 hexadecimal digits."""
    return kind + secrets.token_hex(16)


class TwilioAccount:
    """The account.

    Args:
        session: sends the requests.
        server: address at which the bot really listens, without a slash at its end.
        public_url: the public address in the bot's settings, which Twilio would use.
    """

    def __init__(self, session: aiohttp.ClientSession, server: str, public_url: str, sid: str, auth_token: str) -> None:
        self.sid = sid
        self.public_url = public_url
        self.session = session
        self._server = server
        self._validator = RequestValidator(auth_token)

    def here(self, address: str) -> str:
        """The local address to which a proxy would pass on requests for a public address of the bot."""
        public, server = (url.partition("://")[2] for url in (self.public_url, self._server))
        scheme, _, rest = address.partition("://")
        if not rest.startswith(public):
            raise ValueError(f"{address} is not the bot's")
        return f"{scheme.removesuffix('s')}://{server}{rest.removeprefix(public)}"

    def announcement(self, call: str, caller: str = CALLER) -> dict[str, str]:
        """The form that announces a phone call."""
        return {
            "AccountSid": self.sid,
            "ApiVersion": "2010-04-01",
            "CallSid": call,
            "CallStatus": "ringing",
            "Called": NUMBER,
            "Caller": caller,
            "Direction": "inbound",
            "From": caller,
            "FromCity": "",
            "FromCountry": "DE",
            "To": NUMBER,
            "ToCountry": "US",
        }

    def signature(self, path: str, form: Mapping[str, str]) -> str:
        """Twilio's signature of a request."""
        return str(self._validator.compute_signature(self.public_url + path, form))

    async def post(self, path: str, form: Mapping[str, str], signature: str | None = None) -> Instruction:
        """Send a form. If no ``signature`` is given, the form gets the right one."""
        headers = {"X-Twilio-Signature": self.signature(path, form) if signature is None else signature}
        async with self.session.post(self._server + path, data=form, headers=headers) as answer:
            text = await answer.text()
            return _read(text, answer.status) if answer.content_type == "text/xml" else _refused(text, answer.status)

    async def announce(self, call: str, caller: str = CALLER) -> Instruction:
        """Announce a phone call."""
        return await self.post(VOICE, self.announcement(call, caller))

    async def tell_status(self, call: str, status: str) -> Instruction:
        """Tell the bot the state of a phone call, such as ``completed``."""
        return await self.post(STATUS, {**self.announcement(call), "CallStatus": status})


def _refused(text: str, status: int) -> Instruction:
    return Instruction(status, text=text)


def _read(text: str, status: int) -> Instruction:
    response = ElementTree.fromstring(text)  # noqa: S314  # The bot of this test has written it.
    first = next(iter(response))
    stream = first.find("Stream")
    parameters = {} if stream is None else {each.attrib["name"]: each.attrib["value"] for each in stream}
    url = "" if stream is None else stream.attrib["url"]
    return Instruction(status, first.tag, first.attrib.get("reason", ""), url, parameters, text)
