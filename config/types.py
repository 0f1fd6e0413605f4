"""Types of settings. Each accepts values whose meaning is clear, and refuses all others in plain words."""

from __future__ import annotations

import functools
import re
import zoneinfo
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AnyUrl, BeforeValidator, GetPydanticSchema, SecretStr
from pydantic_core import CoreSchema, core_schema

from config.addresses import MAX_PORT, PLAIN, PROTOCOL, local_path, read_host, read_origin, web_address
from config.card_limits import read_limits
from config.characters import check_passphrase, check_secret
from config.plain_json import read_json
from config.spelling import nearest
from languages.names import LANGUAGES, OWN_NAMES

PERSONAS = Path(__file__).parent / "personas"
MAX_KEPT = 36_500
"""Longest storage time, in days."""
YEAR = 31_536_000
"""Longest waiting time of a setting, in seconds."""


class GpuVendor(StrEnum):
    """Maker of a GPU. The maker's name also stands for the model server that runs on this GPU."""

    NVIDIA = "nvidia"
    AMD = "amd"


class Device(StrEnum):
    """Device on which an engine computes; espeak-ng ignores it."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


class BlankCounts:
    """Marks a setting for which an empty value is a value. For other settings, an empty value means "not set"."""


class LinesCount:
    """Marks a setting whose value may have several lines."""


def must_match(pattern: str, wanted: str) -> AfterValidator:
    """A validator that requires a whole text to match ``pattern``. ``wanted`` completes the error "it must be …"."""
    compiled = re.compile(pattern, re.ASCII)

    def check(value: str) -> str:
        if compiled.fullmatch(value) is None:
            raise ValueError(f"it must be {wanted}")
        return value

    return AfterValidator(check)


def _blank_is_unset(value: object) -> object:
    return None if isinstance(value, str) and not value.strip() else value


def _of_text(change: Callable[[str], object]) -> BeforeValidator:
    return BeforeValidator(lambda value: change(value) if isinstance(value, str) else value)


def _split_at_commas(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _channel(name: str) -> str:
    """Name or id of a channel, without Discord's markup: ``#general``, ``<#123>``."""
    return re.sub(r"^<#(\d+)>$", r"\1", name.strip()).removeprefix("#").strip()


def _permit(text: str) -> str:
    """Write the fixed words in lower case, and keep the names of roles as they are."""
    words = [word.strip() for word in text.split(",")]
    return ", ".join(re.sub(r"(?i)^role\s*:\s*", "role:", word) if ":" in word else word.lower() for word in words)


def _user_ids(text: str) -> tuple[int, ...]:
    """Parse user ids, which may be written as Discord's mentions (``<@123>``)."""
    words = [re.sub(r"^<@!?(\d+)>$", r"\1", word) for word in _split_at_commas(text)]
    if not all(re.fullmatch(r"[0-9]{1,20}", word) for word in words):
        raise ValueError("it must be user ids, separated by commas (in Discord: Copy User ID)")
    return tuple(map(int, words))


def _persona(text: str) -> str:
    name = re.sub(r"^(\./)?config/personas/", "", text.strip()).removesuffix(".yaml")
    known = {file.stem.casefold(): file.stem for file in PERSONAS.glob("*.yaml")}
    return name if name in known.values() else known.get("_".join(name.casefold().split()), name)


def _hours(text: str) -> str:
    return re.sub(r"\s*[-–]\s*", "-", re.sub(r"\b(\d{1,2}):00\b", r"\1", text.strip()))


def _rate(text: str) -> str:
    return re.sub(r"\s+", "", text).removesuffix("s")


def _language(text: str) -> str:
    word = text.strip().lower()
    code = re.split(r"[-_]", word)[0] if re.fullmatch(r"[a-z]{2,3}[-_]\w+", word) else word
    return LANGUAGES.get(word) or OWN_NAMES.get(word, code)


def _known_language(code: str) -> str:
    if code not in LANGUAGES.values():
        near = nearest(code, (*LANGUAGES, *OWN_NAMES))
        meant = f". Did you mean {near.capitalize()}?" if near is not None else ""
        raise ValueError(
            "it must be the code or the English name of a language; many own names work too (de, German or Deutsch)"
            + meant
        )
    return code


@functools.cache
def _timezones() -> frozenset[str]:
    """The time zones that this machine knows. They are looked up once, because Python opens 600 files for that."""
    return frozenset(zoneinfo.available_timezones())


def _timezone(name: str) -> str:
    known = _timezones()
    meant = name if name in known else {each.casefold(): each for each in known}.get(name.strip().casefold())
    if meant is None:
        raise ValueError("it must be the name of a time zone, such as Europe/Berlin")
    return meant


def _feeds(addresses: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(web_address(address, "http", named=True) for address in addresses)


def _origins(pages: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(read_origin, pages))


def _hosts(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(read_host, names))


def _card_limits(limits: tuple[str, ...]) -> tuple[str, ...]:
    read_limits(limits)
    return limits


def _bind(text: str) -> str:
    if not text.isprintable():
        raise ValueError("it must have only printable characters")
    if int(text.rpartition(":")[2]) > MAX_PORT:
        raise ValueError(f"its port must be a number from 0 to {MAX_PORT}")
    return text


def _days(text: str) -> int | str:
    word = text.strip().lower()
    number = re.fullmatch(r"(\d{1,5}) ?(d|days?)?", word)
    if word != "forever" and (number is None or int(number[1]) > MAX_KEPT):
        raise ValueError(f"it must be a number of days up to {MAX_KEPT:,} (0 keeps nothing), or forever")
    return int(number[1]) if number else word


def _secret(text: str) -> str:
    check_secret(text.strip())
    return text


def _passphrase(text: str) -> str:
    check_passphrase(text.strip())
    return text


def _json_object(text: str) -> object:
    try:
        value = read_json(text)
    except (ValueError, RecursionError) as error:
        raise ValueError("it must be a JSON object, with names and texts in double quotes") from error
    if not isinstance(value, dict):
        raise ValueError("it must be a JSON object, in curly brackets")
    return value


def _request_fields(fields: dict[str, Any]) -> dict[str, Any]:
    ours = ", ".join(sorted(fields.keys() & {"messages", "prompt"}))
    if ours:
        raise ValueError(f"it must not hold {ours}: the bot writes the conversation itself")
    return fields


def _base_schema(_: object, __: object) -> CoreSchema:
    return core_schema.no_info_after_validator_function(lambda url: str(url).rstrip("/"), core_schema.url_schema())


def _bases(text: str) -> str:
    words = _split_at_commas(text)
    return ",".join(web_address(word, "http", named=len(words) > 1) for word in words)


def _bases_schema(_: object, __: object) -> CoreSchema:
    def each(text: str, check: core_schema.ValidatorFunctionWrapHandler) -> str:
        return ",".join(str(check(word)).rstrip("/") for word in text.split(","))

    return core_schema.no_info_wrap_validator_function(each, core_schema.url_schema())


def _sockets(text: str) -> str:
    words = _split_at_commas(text)
    urls = [web_address(word, "ws", named=len(words) > 1) for word in words]
    if len(urls) > 1 and any(f"{PROTOCOL}={PLAIN}" in url for url in urls):
        raise ValueError(f"a server with ?{PROTOCOL}={PLAIN} must stand alone")
    return ",".join(urls)


def _sockets_schema(_: object, __: object) -> CoreSchema:
    def each(text: str, check: core_schema.ValidatorFunctionWrapHandler) -> str:
        return ",".join(str(check(word)) for word in text.split(","))

    return core_schema.no_info_wrap_validator_function(each, core_schema.url_schema())


HttpUrl = Annotated[AnyUrl, _of_text(lambda text: web_address(text, "http"))]
OptionalBase = Annotated[
    Annotated[str, GetPydanticSchema(_base_schema), _of_text(lambda text: web_address(text, "http"))] | None,
    BeforeValidator(_blank_is_unset),
]
"""A server's base address, without a slash at its end. Paths are appended to it."""
OptionalBases = Annotated[
    Annotated[str, GetPydanticSchema(_bases_schema), _of_text(_bases)] | None,
    BeforeValidator(_blank_is_unset),
]
"""The base addresses of one server or several, parted by commas, each without a slash at its end."""
OptionalHttpUrl = Annotated[HttpUrl | None, BeforeValidator(_blank_is_unset)]
OptionalWebSocketUrls = Annotated[
    Annotated[str, GetPydanticSchema(_sockets_schema), _of_text(_sockets)] | None,
    BeforeValidator(_blank_is_unset),
]
"""The addresses of one WebSocket or several, parted by commas."""
OptionalSecret = Annotated[SecretStr | None, _of_text(_secret), BeforeValidator(_blank_is_unset)]
OptionalPassphrase = Annotated[SecretStr | None, _of_text(_passphrase), BeforeValidator(_blank_is_unset)]
"""A secret that people choose themselves, so it may have blanks and any letters."""
OptionalText = Annotated[str | None, BeforeValidator(_blank_is_unset)]
LocalPath = Annotated[Path, _of_text(local_path)]
"""A file or folder of this machine."""
OptionalPath = Annotated[LocalPath | None, BeforeValidator(_blank_is_unset)]
ModelName = Annotated[str | None, _of_text(local_path), BeforeValidator(_blank_is_unset)]
"""A model's name, or its folder on this machine."""
CommaList = Annotated[tuple[str, ...], _of_text(_split_at_commas)]
WebAddresses = Annotated[tuple[str, ...], _of_text(_split_at_commas), AfterValidator(_feeds)]
Origins = Annotated[tuple[str, ...], _of_text(_split_at_commas), AfterValidator(_origins)]
"""Origins of web pages, each as a browser writes it; ``*`` allows all."""
HostNames = Annotated[tuple[str, ...], _of_text(_split_at_commas), AfterValidator(_hosts)]
"""Names of hosts on the internet, each as DNS knows it."""
CardLimits = Annotated[tuple[str, ...], _of_text(_split_at_commas), AfterValidator(_card_limits), BlankCounts()]
"""Warning levels of GPU memory; see :func:`config.card_limits.read_limits`."""
JsonObject = Annotated[dict[str, Any], _of_text(_json_object), LinesCount()]
RequestFields = Annotated[JsonObject, AfterValidator(_request_fields)]
"""Fields that are added to each request to the model server."""
Address = Annotated[
    str,
    must_match(
        r"(\[[0-9a-fA-F:]+\]|[^:\s]+):\d{1,5}",
        "an address and a port, with a colon between them; port 0 means any free port",
    ),
    AfterValidator(_bind),
]
"""The address and port on which a server listens."""
EngineChoice = Annotated[
    str, _of_text(lambda text: text.strip().lower()), must_match(r"[a-z][a-z0-9_-]{0,31}", "the name of an engine")
]
"""The name of a speech engine. Only the speech server checks whether there is such an engine."""
OptionalEngine = Annotated[EngineChoice | None, BeforeValidator(_blank_is_unset)]
RecognitionDevice = Annotated[
    str,
    _of_text(lambda text: text.strip().lower()),
    must_match(r"auto|cpu|cuda(:\d{1,2})?", "auto, cpu, cuda, or cuda:N for one card of several"),
]
"""The device on which speech is recognised."""
EnglishModel = Annotated[
    str,
    _of_text(local_path),
    must_match(r"auto|off|.*[/\\].*", "auto, off, or the path of a folder, with a slash in it"),
]
"""The quick model for English: its folder, ``auto`` for the downloaded one, or ``off`` for none."""
Channel = Annotated[str | None, _of_text(_channel), BeforeValidator(_blank_is_unset)]
Channels = Annotated[tuple[str, ...], _of_text(lambda text: tuple(map(_channel, _split_at_commas(text))))]
PersonaName = Annotated[
    str,
    _of_text(_persona),
    must_match(r"[A-Za-z0-9_-]{1,64}", "the name of a file in config/personas, without its folder and .yaml"),
]
OptionalPersona = Annotated[PersonaName | None, BeforeValidator(_blank_is_unset)]
Language = Annotated[
    Annotated[str, AfterValidator(_known_language)] | None,
    _of_text(_language),
    BeforeValidator(_blank_is_unset),
]
Rate = Annotated[
    str,
    _of_text(_rate),
    must_match(r"[1-9]\d{0,3}/[1-9]\d{0,4}", "a count, a slash and a number of seconds: 10/60 is ten times a minute"),
]
"""Rate limit ``COUNT/SECONDS``: the largest number of requests of one user in any period of this many seconds."""
_ONE = r"\s*(managers|role:[^,]+|\d+)\s*"
Permitted = Annotated[
    str,
    _of_text(_permit),
    must_match(
        rf"everyone|{_ONE}(,{_ONE})*",
        "everyone, managers, or a list of role:NAME, role ids and user ids, separated by commas",
    ),
]
"""Who may do one thing; see :class:`bot.access.Permit`."""
_ONE_OF_CALL = r"\s*(call|managers|role:[^,]+|\d+)\s*"
PermittedOnCall = Annotated[
    str,
    _of_text(_permit),
    must_match(
        rf"everyone|{_ONE_OF_CALL}(,{_ONE_OF_CALL})*",
        "everyone, call, managers, or a list of call, role:NAME, role ids and user ids, separated by commas",
    ),
]
"""Who may do one thing, as in :data:`Permitted`; ``call`` means the people in the call."""
PermittedOrNobody = Annotated[
    str,
    _of_text(_permit),
    must_match(
        rf"everyone|nobody|{_ONE_OF_CALL}(,{_ONE_OF_CALL})*",
        "everyone, nobody, call, managers, or a list of call, role:NAME, role ids and user ids, separated by commas",
    ),
]
"""Who may do one thing, as in :data:`PermittedOnCall`, with ``nobody`` as a further choice."""
UserIds = Annotated[tuple[int, ...], _of_text(_user_ids)]
"""Ids of Discord users."""
BargeIn = Annotated[
    str,
    _of_text(lambda text: _permit(text) if "," not in text else text),
    must_match("everyone|answered|nobody|role:.+", "everyone, answered, nobody, or role:NAME"),
]
"""Who may interrupt; see :class:`bot.voice.discord.people.BargeInRule`."""
KeptDays = Annotated[int | Literal["forever"], _of_text(_days)]
"""Number of days for which something is kept; 0 keeps nothing."""
QuietHours = Annotated[
    str,
    _of_text(_hours),
    must_match(
        r"|([01]?\d|2[0-3])-([01]?\d|2[0-3])",
        "two whole hours, from 0 to 23, with a dash between them; empty for no quiet hours",
    ),
    BlankCounts(),
]
Timezone = Annotated[str, AfterValidator(_timezone)]
CommandPrefix = Annotated[str, must_match(r"\S{1,10}", "1 to 10 characters without a space")]
