"""The registration at a PBX: the bot's place among its phones (RFC 3261, section 10).

The library aiosipua computes the digest of the password. Its registration is not used, because of these faults:

- It never sends a lost REGISTER again, and never tries again after a refusal, or if no answer comes.
- If a registrar grants 0 s, it refreshes without a pause.
- It uses the granted time of the first contact, which may be another phone's.
- It looks at one challenge only, and takes answers from anybody.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

from aiosipua import AuthChallenge, SipDigestAuth, SipRequest, Via, parse_auth, stringify_auth, stringify_via
from aiosipua.auth import build_credentials
from aiosipua.utils import format_addr, generate_branch, generate_call_id

from bot.voice.phone.sip.messages import SIP_PORT, Endpoint, Response, new_tag

_LOG = logging.getLogger(__name__)

EXPIRES = 300
"""Seconds for which the bot asks to be registered."""
_LONGEST = 7200
"""Maximum number of granted seconds. If a PBX grants more, the bot refreshes as if it were this many."""
REFRESH_AFTER, SHORTEST_PAUSE = 0.75, 3.0
"""Share of the granted time after which the registration is refreshed, and the fewest seconds between two requests."""
FIRST_PAUSE, LONGEST_PAUSE = 2.0, 300.0
"""Seconds before the next attempt when no answer comes: at first, and at most."""
REFUSED_PAUSE, LONGEST_REFUSED_PAUSE = 30.0, 1800.0
"""Seconds before the next attempt after a refusal: at first, and at most. A PBX may lock out whoever tries wrong
passwords too often."""
_ATTEMPTS = 4
"""Maximum number of requests in one attempt: the first one, one with the password, one with a fresh nonce, and one that
asks for another time."""
_ALGORITHMS = ("SHA-256", "MD5")


class RegistrationState(StrEnum):
    """The state of the registration."""

    OFF = "not registered at a PBX"
    TRYING = "being registered"
    REGISTERED = "registered"
    REFUSED = "refused"
    NO_ANSWER = "no answer"


@dataclass(frozen=True, slots=True)
class Account:
    """Where and as whom the bot registers.

    Attributes:
        registrar: host or ``host:port``.
    """

    registrar: str
    user: str
    password: str

    @property
    def host(self) -> str:
        """Host of the PBX, without the port."""
        return split_address(self.registrar)[0]

    @property
    def uri(self) -> str:
        """The address of the PBX in messages."""
        host, port = split_address(self.registrar)
        return f"sip:{host}" if port == SIP_PORT else f"sip:{format_addr(host, port)}"


def split_address(text: str) -> Endpoint:
    """Split ``host``, ``host:port`` or ``[address]:port``."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdigit() or (":" in host and not host.startswith("[")):
        return text.strip("[]"), SIP_PORT
    return host.strip("[]"), int(port)


async def find_host(registrar: str) -> Endpoint | None:
    """Look up the address of a PBX; ``None`` if its name is not known."""
    host, port = split_address(registrar)
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    except OSError:
        return None
    found.sort(key=lambda each: each[0] != socket.AF_INET)
    return (str(found[0][4][0]), port) if found else None


Ask = Callable[[SipRequest, Endpoint], Awaitable[Response | None]]


class Registration:
    """Keeps the bot registered, until its task is cancelled.

    Args:
        ask: sends a request until it is answered.
        local: returns this endpoint's address, as the PBX at a given address reaches it.
        sleep: waits for a number of seconds.
    """

    def __init__(
        self,
        account: Account,
        ask: Ask,
        local: Callable[[Endpoint], Endpoint],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.state = RegistrationState.TRYING
        self.detail = ""
        self.registrar: Endpoint | None = None
        self._account, self._ask, self._local, self._sleep = account, ask, local, sleep
        self._call_id = generate_call_id("seiyuu")
        self._tag = new_tag()
        self._sequence = 0
        self._challenge: tuple[str, AuthChallenge] | None = None  # the header that answers it, and the challenge
        self._nonce_count = 0
        self._told = self.state, self.detail

    async def run(self) -> None:
        """Register, refresh before the time is up, and try again after failures, with growing pauses."""
        failures = 0
        while True:
            granted = await self._attempt(EXPIRES)
            if granted is not None:
                failures = 0
                self._set(RegistrationState.REGISTERED, f"as {self._account.user} at {self._account.registrar}")
            self._log_change()
            if granted is not None:
                await self._sleep(max(granted * REFRESH_AFTER, SHORTEST_PAUSE))
                continue
            refused = self.state is RegistrationState.REFUSED
            first, longest = (REFUSED_PAUSE, LONGEST_REFUSED_PAUSE) if refused else (FIRST_PAUSE, LONGEST_PAUSE)
            await self._sleep(min(first * 2 ** min(failures, 20), longest))
            failures += 1

    async def check(self) -> bool:
        """Ask the PBX who is registered, which changes nothing. Returns whether it has let the bot in."""
        return await self._attempt(None) is not None

    async def leave(self) -> None:
        """Give up the registration."""
        if self.state is RegistrationState.REGISTERED:
            await self._attempt(0)

    def _set(self, state: RegistrationState, detail: str) -> None:
        self.state, self.detail = state, detail

    def _log_change(self) -> None:
        told, self._told = self._told, (self.state, self.detail)
        if self._told != told:
            level = logging.INFO if self.state is RegistrationState.REGISTERED else logging.WARNING
            _LOG.log(level, "The telephone is %s: %s.", _WORDS[self.state], self.detail)

    async def _attempt(self, expires: int | None) -> int | None:
        """Register. Returns the seconds that are granted; ``None`` after a failure, which is noted.

        Args:
            expires: the seconds that are asked for; 0 ends the registration, and ``None`` only asks who is registered.
        """
        where = await find_host(self._account.registrar)
        if where is None:
            self._set(RegistrationState.NO_ANSWER, f"{self._account.host} is not a known host")
            return None
        self.registrar = where
        own = self._local(where)[0]
        if _is_loopback(own) and not _is_loopback(where[0]):
            reason = f"SIP_BIND listens on {own}, which the PBX can't reach; set SIP_BIND=0.0.0.0:5060"
            self._set(RegistrationState.NO_ANSWER, reason)
            return None
        tried = False  # whether this attempt has sent the password for a fresh nonce
        for _ in range(_ATTEMPTS):
            response = await self._ask(self._request(where, expires), where)
            if response is None:
                self._set(RegistrationState.NO_ANSWER, f"{self._account.registrar} does not answer")
                return None
            if 200 <= response.status < 300:
                return self._granted(response, where, expires or 0)
            if response.status == 423 and (longer := _number(response.message.headers.get_first("min-expires"))):
                if expires is not None and expires < longer <= _LONGEST:
                    expires = longer
                    continue
            elif response.status in (401, 407):
                challenge = _challenge_of(response)
                if challenge is None:
                    self._set(RegistrationState.REFUSED, "the PBX asks for a kind of password check that is not known")
                    return None
                if tried and challenge[1].params.get("stale", "").lower() != "true":
                    self._set(RegistrationState.REFUSED, "SIP_USER or SIP_PASSWORD is wrong")
                    return None
                tried = True
                self._challenge, self._nonce_count = challenge, 0
                continue
            self._challenge = None
            self._set(
                RegistrationState.REFUSED, f"the PBX says {response.status} {response.message.reason_phrase[:60]}"
            )
            return None
        self._set(RegistrationState.REFUSED, "the PBX asks for the password again and again")
        return None

    def _request(self, where: Endpoint, expires: int | None) -> SipRequest:
        host, port = self._local(where)
        self._sequence += 1
        user, uri = self._account.user, self._account.uri
        message = SipRequest(method="REGISTER", uri=uri)
        via = Via(host=host, port=port, params={"branch": generate_branch(), "rport": None})
        domain = split_address(self._account.registrar)[0]
        headers = {
            "Via": stringify_via(via),
            "From": f"<sip:{user}@{domain}>;tag={self._tag}",
            "To": f"<sip:{user}@{domain}>",
            "Call-ID": self._call_id,
            "CSeq": f"{self._sequence} REGISTER",
            "Max-Forwards": "70",
        }
        if expires is not None:
            headers |= {"Contact": f"<sip:{user}@{format_addr(host, port)}>", "Expires": str(expires)}
        for name, value in headers.items():
            message.headers.append(name, value)
        if self._challenge is not None:
            name, challenge = self._challenge
            self._nonce_count += 1
            login = SipDigestAuth(user, self._account.password)
            answer = build_credentials(login, challenge, "REGISTER", uri, nonce_count=self._nonce_count)
            if answer is not None:
                message.headers.append(name, stringify_auth(answer))
        return message

    def _granted(self, response: Response, where: Endpoint, asked: int) -> int:
        """The seconds that are granted to this contact. The response may have other contacts too."""
        own = self._local(where)
        for contact in response.message.contact:
            if (contact.uri.host.strip("[]"), contact.uri.port or SIP_PORT) == own:
                seconds = _number(contact.params.get("expires"))
                if seconds is not None:
                    return min(seconds, _LONGEST)
        seconds = _number(response.message.headers.get_first("expires"))
        return min(asked if seconds is None else seconds, _LONGEST)


_WORDS = {
    RegistrationState.REGISTERED: "registered",
    RegistrationState.REFUSED: "not registered, and was refused",
    RegistrationState.NO_ANSWER: "not registered",
}


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else None


def _challenge_of(response: Response) -> tuple[str, AuthChallenge] | None:
    """The best challenge that can be answered, and the header that answers it."""
    proxy = response.status == 407
    found: list[tuple[int, AuthChallenge]] = []
    for value in response.message.headers.get("proxy-authenticate" if proxy else "www-authenticate"):
        parsed = parse_auth(value)
        challenge = AuthChallenge(parsed.scheme, {name.lower(): text for name, text in parsed.params.items()})
        algorithm = challenge.params.get("algorithm", "MD5").upper()
        if algorithm in _ALGORITHMS and build_credentials(SipDigestAuth("", ""), challenge, "REGISTER", "sip:x"):
            found.append((_ALGORITHMS.index(algorithm), challenge))
    if not found:
        return None
    return "Proxy-Authorization" if proxy else "Authorization", min(found, key=lambda each: each[0])[1]
