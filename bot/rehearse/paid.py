"""Finds the paid services that a rehearsal would use, and asks the operator before anything is sent to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

from bot.rehearse.script import max_questions
from bot.speculation_policy import voice_costs_money
from config.hosts import costs_money
from config.server_lists import ListedServer
from config.settings import Settings

REQUESTS_PER_QUESTION = 3
"""Maximum number of requests for one question. The bot may transcribe and answer it anew at each pause."""
OTHER_REQUESTS = 10
"""Further requests that one service may get: to warm it up, and to try it again with the same questions."""


def paid_services(settings: Settings, openai_url: str | None = None) -> tuple[str, ...]:
    """The services of these settings that probably cost money, in words for people.

    Args:
        openai_url: address of the server for the voice engine ``openai``; ``None`` if it is OpenAI's own server.
    """
    return tuple(_services(settings, openai_url))


def _services(settings: Settings, openai_url: str | None) -> Iterator[str]:
    key = settings.llm.api_key
    by_gpu = ListedServer(settings.llm.call_url or "", key=None if key is None else key.get_secret_value())
    for server in settings.llm.listed or (by_gpu,):
        if costs_money(server.url, server.key):
            yield f"the language model at {_host(server.url)}"
    for server in settings.stt.listed:
        if costs_money(server.url, server.key):
            yield f"the speech recognition at {_host(server.url)}"
    if voice_costs_money(settings, openai_url):
        yield f"the voice of {settings.voice_engine}"


def _host(url: str | None) -> str:
    return urlsplit(url or "").hostname or ""


def requests_warning(services: tuple[str, ...], seconds: float) -> str:
    """The warning that names the services, and how many requests each may get in a rehearsal of ``seconds``."""
    questions = max_questions(seconds)
    requests = questions * REQUESTS_PER_QUESTION + OTHER_REQUESTS
    return (
        f"The rehearsal asks up to {questions} questions, and sends up to {requests} requests to each of these "
        f"services, which may cost money: {', '.join(services)}."
    )


def is_agreed(
    warning: str, *, yes: bool, interactive: bool, ask: Callable[[str], str], say: Callable[[str], None]
) -> bool:
    """Tell the operator that paid services get requests. Returns whether the rehearsal may begin.

    Args:
        yes: whether the operator has agreed on the command line.
        interactive: whether there is a person at a terminal who can be asked.
        ask: shows a question and returns the typed answer. Blocks.
        say: shows a sentence.
    """
    say(warning)
    if yes:
        return True
    if not interactive:
        say("Nothing was sent. Type the command again with --yes to agree.")
        return False
    try:
        agreed = ask("Go on? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        agreed = False
    if not agreed:
        say("Nothing was sent.")
    return agreed
