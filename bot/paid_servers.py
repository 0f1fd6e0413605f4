"""Tells from the settings which servers cost money. The daily limits hold for these servers alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from bot.metering import Paid
from bot.speculation_policy import voice_costs_money
from config.hosts import costs_money
from config.settings import Settings

_SETTINGS = {Paid.TOKENS: "DAILY_TOKENS", Paid.SPEECH: "DAILY_SPEECH_MINUTES"}


def paid_servers(settings: Settings, openai_url: str | None = None) -> Mapping[Paid, tuple[str, ...]]:
    """The names of the servers that cost money.

    Args:
        openai_url: address of the server for the voice engine ``openai``; ``None`` if it is OpenAI's own server.
    """
    return {
        Paid.TOKENS: tuple(dict.fromkeys(_models(settings))),
        Paid.SPEECH: tuple(dict.fromkeys(_speech(settings, openai_url))),
    }


def costing_kinds(settings: Settings, openai_url: str | None = None) -> tuple[Paid, ...]:
    """The kinds of use for which a server costs money."""
    return tuple(paid for paid, servers in paid_servers(settings, openai_url).items() if servers)


def daily_limits(settings: Settings) -> Mapping[Paid, str]:
    """The limits that are set, as in ``.env``."""
    values = {Paid.TOKENS: settings.daily.tokens, Paid.SPEECH: settings.daily.speech_minutes}
    return {paid: f"{_SETTINGS[paid]}={value:.15g}" for paid, value in values.items() if value}


def limit_notices(settings: Settings, openai_url: str | None = None) -> list[str]:
    """Sentences for the operator about daily limits that have no effect."""
    servers = paid_servers(settings, openai_url)
    return [
        f"{text} limits nothing: no server of its kind costs money, as far as the settings tell (on the internet, with "
        "a key)."
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


def _speech(settings: Settings, openai_url: str | None) -> Iterator[str]:
    for server in settings.stt.listed:
        if costs_money(server.url, server.key):
            yield _host(server.url)
    for url in settings.tts.listed:
        if costs_money(url, settings.tts.token):
            yield _host(url)
    if voice_costs_money(settings, openai_url):
        yield f"the voice of {settings.voice_engine}"


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""
