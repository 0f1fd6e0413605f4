"""Tells from the settings which servers cost money. The daily limits hold for these servers alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from urllib.parse import urlsplit

from bot.metering import Paid
from bot.speculation_policy import voice_costs_money
from config.hosts import costs_money
from config.settings import Settings
from config.speech_settings import engine_costs_money

NO_VARIABLES: Mapping[str, str] = MappingProxyType({})
_SETTINGS = {Paid.TOKENS: "DAILY_TOKENS", Paid.SPEECH: "DAILY_SPEECH_MINUTES"}


def paid_fallbacks(settings: Settings, variables: Mapping[str, str]) -> tuple[str, ...]:
    """The engines of ``TTS_FALLBACK`` that cost money, and stand in for ``TTS_ENGINE`` on the bot's own speech server.

    Args:
        variables: the variables of the environment and of ``.env``.
    """
    listed = variables.get("TTS_FALLBACK", "").split(",")
    return tuple(name for name in _paid_engines(settings, variables, listed) if name != settings.voice_engine)


def paid_better_engine(settings: Settings, variables: Mapping[str, str]) -> str | None:
    """The engine ``TTS_BETTER_ENGINE`` of the bot's own speech server if it costs money."""
    return next(iter(_paid_engines(settings, variables, [variables.get("TTS_BETTER_ENGINE", "")])), None)


def _paid_engines(settings: Settings, variables: Mapping[str, str], names: Iterable[str]) -> Iterator[str]:
    if settings.tts.websocket_url is None:
        for name in dict.fromkeys(name.strip().lower() for name in names):
            if engine_costs_money(name, variables.get("OPENAI_BASE_URL")):
                yield name


def paid_servers(settings: Settings, variables: Mapping[str, str] = NO_VARIABLES) -> Mapping[Paid, tuple[str, ...]]:
    """The names of the servers that cost money.

    Args:
        variables: the variables of the environment and of ``.env``, which name fallback voices, and the server for the
            voice engine ``openai`` if it is not OpenAI's own.
    """
    return {
        Paid.TOKENS: tuple(dict.fromkeys(_models(settings))),
        Paid.SPEECH: tuple(dict.fromkeys(_speech(settings, variables))),
    }


def costing_kinds(settings: Settings, variables: Mapping[str, str] = NO_VARIABLES) -> tuple[Paid, ...]:
    """The kinds of use for which a server costs money."""
    return tuple(paid for paid, servers in paid_servers(settings, variables).items() if servers)


def daily_limits(settings: Settings) -> Mapping[Paid, str]:
    """The limits that are set, as in ``.env``."""
    values = {Paid.TOKENS: settings.daily.tokens, Paid.SPEECH: settings.daily.speech_minutes}
    return {paid: f"{_SETTINGS[paid]}={value:.15g}" for paid, value in values.items() if value}


def limit_notices(settings: Settings, variables: Mapping[str, str] = NO_VARIABLES) -> list[str]:
    """Sentences for the operator about daily limits that have no effect."""
    servers = paid_servers(settings, variables)
    return [
        f"{text} limits nothing: no server of its kind costs money, as far as the settings tell (a server that "
        "does is on the internet and has a key)."
        for paid, text in daily_limits(settings).items()
        if not servers[paid]
    ]


def _models(settings: Settings) -> Iterator[str]:
    key = settings.llm.api_key
    listed = [(server.url, server.key) for server in settings.llm.listed]
    by_gpu = [(url, None if key is None else key.get_secret_value()) for url in settings.llm.servers.values()]
    for url, secret in listed or by_gpu:
        if costs_money(url, secret):
            yield _host(url)
    if settings.vision.llm_url is not None and costs_money(settings.vision.llm_url, settings.vision.llm_api_key):
        yield _host(settings.vision.llm_url)
    if settings.embeddings.url is not None and costs_money(settings.embeddings.url, settings.embeddings.api_key):
        yield _host(settings.embeddings.url)


def _speech(settings: Settings, variables: Mapping[str, str]) -> Iterator[str]:
    for server in settings.stt.listed:
        if costs_money(server.url, server.key):
            yield _host(server.url)
    for url in settings.tts.listed:
        if costs_money(url, settings.tts.token):
            yield _host(url)
    if voice_costs_money(settings, variables.get("OPENAI_BASE_URL")):
        yield f"the voice of {settings.voice_engine}"
    for engine in paid_fallbacks(settings, variables):
        yield f"the voice of {engine} (TTS_FALLBACK)"
    if (better := paid_better_engine(settings, variables)) is not None:
        yield f"the voice of {better} (TTS_BETTER_ENGINE)"


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""
