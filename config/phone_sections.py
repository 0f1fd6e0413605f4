"""Sections of the bot's settings for the telephone: who may call, Twilio, and SIP."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Annotated, ClassVar

from pydantic import AfterValidator, BeforeValidator, SecretStr

from config.addresses import MAX_PORT
from config.section import Section, ServerSection
from config.types import (
    Address,
    OptionalBase,
    OptionalPersona,
    OptionalSecret,
    must_match,
)

EVERYONE = "*"
"""The pattern of ``PHONE_ALLOW`` that allows every number, and callers who withhold theirs."""
_WRITTEN_NUMBER = re.compile(r"\+?[\d\s()./-]+\*?")
_SEPARATORS = re.compile(r"[\s()./-]")
# Telephones within a house have numbers such as **610 at a FRITZ!Box.
_PATTERN = re.compile(r"\*|(\*\*)?[A-Za-z0-9+._@:%-]{1,100}\*?", re.ASCII)
_DIGITS = re.compile(r"(\+|\*\*)?\d*", re.ASCII)
_PORTS = re.compile(r"(\d{1,5})\s*[-–]\s*(\d{1,5})", re.ASCII)
MIN_RTP_PORT = 1024


def plain_number(number: str) -> str:
    """A number as it is compared: without ``sip:`` or ``tel:``, without blanks and hyphens, and in lower case."""
    text = re.sub(r"^(sips?|tel):", "", number.strip(), flags=re.IGNORECASE).lower()
    return _SEPARATORS.sub("", text) if _WRITTEN_NUMBER.fullmatch(text) else text


def _patterns(text: str) -> tuple[str, ...]:
    return tuple(plain_number(word) for word in text.split(",") if word.strip())


def _known_patterns(patterns: tuple[str, ...]) -> tuple[str, ...]:
    for pattern in patterns:
        if _PATTERN.fullmatch(pattern) is None:
            raise ValueError(
                f"{pattern[:60]!r} must be a number, the beginning of numbers with * after it, or * alone for everyone"
            )
        if not pattern.endswith("*") and "@" not in pattern and _DIGITS.fullmatch(pattern) is None:
            # Such a pattern would match nobody: callers have a number, or a name with a host.
            raise ValueError(f"{pattern[:60]!r} is neither a number nor a SIP address such as ada@192.168.1.1")
    return patterns


def _pin(pin: SecretStr) -> SecretStr:
    if re.fullmatch(r"[0-9]{4,12}", pin.get_secret_value().strip(), re.ASCII) is None:
        raise ValueError("it must be 4 to 12 digits")
    return SecretStr(pin.get_secret_value().strip())


def _number(text: str) -> str:
    number = plain_number(text)
    if re.fullmatch(r"\+[1-9][0-9]{4,14}", number, re.ASCII) is None:
        raise ValueError("it must be a number with its country code: + and digits")
    return number


def _blank_is_unset(value: object) -> object:
    return None if isinstance(value, str) and not value.strip() else value


def _outer_address(text: str) -> str:
    try:
        address = ip_address(text.strip())
    except ValueError:
        address = None
    if address is None or address.is_unspecified or address.is_multicast:
        raise ValueError("it must be the IP address of one machine, such as 192.168.1.20")
    return str(address)


def _ports(text: str) -> str:
    found = _PORTS.fullmatch(text.strip())
    if found is None or not MIN_RTP_PORT <= int(found[1]) < int(found[2]) <= MAX_PORT:
        raise ValueError(f"it must be two ports from {MIN_RTP_PORT} to {MAX_PORT} with a dash between them")
    return f"{int(found[1])}-{int(found[2])}"


_OptionalNumber = Annotated[Annotated[str, AfterValidator(_number)] | None, BeforeValidator(_blank_is_unset)]
_OptionalAccount = Annotated[
    Annotated[str, must_match(r"AC[0-9a-fA-F]{32}", "AC and 32 digits and letters from a to f")] | None,
    BeforeValidator(_blank_is_unset),
]
_OptionalRegistrar = Annotated[
    Annotated[str, must_match(r"[A-Za-z0-9._-]{1,253}(:[0-9]{1,5})?", "a host, and a port after a colon if needed")]
    | None,
    BeforeValidator(_blank_is_unset),
]
_OptionalUser = Annotated[
    Annotated[str, must_match(r"[^\s@:;<>\"]{1,100}", "a user name, without @ and the host")] | None,
    BeforeValidator(_blank_is_unset),
]


_OptionalIpAddress = Annotated[
    Annotated[str, AfterValidator(_outer_address)] | None,
    BeforeValidator(_blank_is_unset),
]


@dataclass(frozen=True, slots=True)
class PhoneSettings(ServerSection):
    """The telephone: who may call, and what they hear.

    Attributes:
        bind: address and port on which Twilio's requests are taken.
        public_url: the public address to which Twilio sends its requests.
        allow: the numbers that may call; a ``*`` at the end stands for any further digits, and alone for everyone.
        pin: digits that callers must press before they are talked with.
        persona: file of the persona of phone calls; ``None`` for ``PERSONA``.
    """

    prefix: ClassVar[str] = "phone_"

    bind: Address = "127.0.0.1:8771"
    public_url: OptionalBase = None
    allow: Annotated[
        tuple[str, ...],
        BeforeValidator(lambda value: _patterns(value) if isinstance(value, str) else value),
        AfterValidator(_known_patterns),
    ] = ()
    pin: Annotated[
        Annotated[SecretStr, AfterValidator(_pin)] | None,
        BeforeValidator(_blank_is_unset),
    ] = None
    persona: OptionalPersona = None

    def allows(self, number: str) -> bool:
        """Whether this number may call. An empty number, of a caller who withholds it, may call only if everyone may.

        A SIP address such as ``+4930123456@pbx.example`` is allowed by its telephone number, too.
        """
        whole = plain_number(number)
        return any(_fits(pattern, whole) for pattern in self.allow)


def _fits(pattern: str, number: str) -> bool:
    if pattern == EVERYONE:
        return True
    beginning, rest = (pattern[:-1], True) if pattern.endswith("*") else (pattern, False)
    if _DIGITS.fullmatch(beginning):
        # A pattern of digits matches only telephone numbers: "+49*" matches no SIP user of that name.
        number = number.partition("@")[0]
        if _DIGITS.fullmatch(number) is None:
            return False
    return number.startswith(beginning) if rest else bool(number) and number == beginning


@dataclass(frozen=True, slots=True)
class TwilioSettings(Section):
    """The account at Twilio, and its telephone number."""

    prefix: ClassVar[str] = "twilio_"

    account_sid: _OptionalAccount = None
    auth_token: OptionalSecret = None
    phone_number: _OptionalNumber = None


@dataclass(frozen=True, slots=True)
class SipSettings(ServerSection):
    """SIP: phone calls over a home PBX, or directly.

    Attributes:
        bind: address and UDP port on which SIP is spoken.
        registrar: host (and port) of the PBX with which the bot registers; ``None`` for calls that come directly.
        rtp_ports: the first and the last UDP port for sound.
        external_address: IP address at which the PBX and phones reach ``bind`` and ``rtp_ports`` if that is not an
            address of this machine, as in a container; ``None`` if it is.
    """

    prefix: ClassVar[str] = "sip_"

    bind: Address = "127.0.0.1:5060"
    registrar: _OptionalRegistrar = None
    user: _OptionalUser = None
    password: OptionalSecret = None
    rtp_ports: Annotated[str, AfterValidator(_ports)] = "10000-10099"
    external_address: _OptionalIpAddress = None

    @property
    def on(self) -> bool:
        """Whether phone calls over SIP are wanted."""
        return self.registrar is not None or "bind" in self.chosen

    @property
    def rtp_range(self) -> range:
        """The ports for sound."""
        first, _, last = self.rtp_ports.partition("-")
        return range(int(first), int(last) + 1)
