"""Tests of the exceptions that come when Discord, or the way to it, fails, and of the code that catches them."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import aiohttp
import discord
import pytest

from bot.discord_errors import DISCORD_ERRORS, discord_error_detail, discord_error_text
from bot.first_start import explain_login_failure
from config.project import ROOT
from tests.bot.test_network_errors import HOST, server

BROAD = frozenset({"DiscordException", "HTTPException"})
"""discord.py's classes for all errors, and for all answers of Discord."""
ONLY_ANSWERS = frozenset(
    {
        # The backlog catches the other errors, and tries again.
        ("bot/features/text_chat/service.py", "_answer_waiting"),
        # It looks only for answers that refuse the file. The caller catches the rest.
        ("bot/commands/notes_posting.py", "_post"),
    }
)
"""Functions that catch Discord's answers, and leave the other errors to their callers."""

JSON = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "
ANSWERS = {
    "nothing": b"",
    "a text that is no HTTP": b"SSH-2.0-OpenSSH_9\r\n",
    "half of a text": JSON + b"9\r\n\r\n{",
    "a length that is no number": JSON + b"x\r\n\r\n{}",
    "JSON that is none": JSON + b"1\r\n\r\n{",
    "bytes that are no UTF-8": b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 2\r\n\r\n\xff\xfe",
    "an error": b"HTTP/1.1 400 Bad Request\r\nContent-Length: 4\r\n\r\noops",
}


async def log_in(base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discord.http.Route, "BASE", base)
    async with discord.Client(intents=discord.Intents.none(), connector=aiohttp.TCPConnector()) as client:
        await client.login("token")


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
async def test_every_error_that_discord_py_lets_through_is_in_discord_errors(
    answer: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with server(answer) as port:
        with pytest.raises(DISCORD_ERRORS) as raised:
            await log_in(f"http://{HOST}:{port}", monkeypatch)
    assert discord_error_text(raised.value) not in ("", "something went wrong on the way")
    assert discord_error_detail(raised.value)
    if not isinstance(raised.value, discord.HTTPException):
        assert "can't be reached" in (explain_login_failure(raised.value) or "")


async def test_an_address_where_nobody_listens_is_reported_as_that(monkeypatch: pytest.MonkeyPatch) -> None:
    async with server(b"") as port:
        pass
    with pytest.raises(DISCORD_ERRORS) as raised:
        await log_in(f"http://{HOST}:{port}", monkeypatch)
    assert "nothing listens there" in discord_error_text(raised.value)


async def test_only_the_log_has_the_words_of_discord_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    async with server(ANSWERS["an error"]) as port:
        with pytest.raises(discord.HTTPException) as raised:
            await log_in(f"http://{HOST}:{port}", monkeypatch)
    assert "oops" in discord_error_detail(raised.value)
    assert "oops" not in discord_error_text(raised.value)
    assert discord_error_detail(aiohttp.ServerDisconnectedError()) == "it hung up"
    assert discord_error_detail(RuntimeError("the disk is full")) == "the disk is full"


def handlers_that_lack_others(name: str, module: ast.Module) -> Iterator[str]:
    """A line for each handler that catches all of discord.py's own errors, but not the errors of other libraries that
    discord.py lets through.
    """
    for function in ast.walk(module):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) or (name, function.name) in ONLY_ANSWERS:
            continue
        for node in ast.walk(function):
            match node:
                case ast.Try(handlers=handlers):
                    caught = [set(names(handler.type)) for handler in handlers]
                    for number, handler in enumerate(handlers):
                        if caught[number] & BROAD and not any("DISCORD_ERRORS" in each for each in caught[number:]):
                            yield f"{name}:{handler.lineno}"
                case ast.Call(func=ast.Name(id="suppress") | ast.Attribute(attr="suppress"), args=given):
                    if {word for each in given for word in names(each)} & BROAD:
                        yield f"{name}:{node.lineno}"
                case _:
                    pass


def names(expression: ast.expr | None) -> Iterator[str]:
    for node in ast.walk(expression) if expression is not None else ():
        match node:
            case ast.Name(id=word) | ast.Attribute(attr=word):
                yield word
            case _:
                pass


def test_whoever_catches_errors_of_discord_catches_all_of_them() -> None:
    found = [
        fault
        for path in sorted((ROOT / "bot").rglob("*.py"))
        if "discord" in (text := path.read_text(encoding="utf-8"))
        for fault in handlers_that_lack_others(path.relative_to(ROOT).as_posix(), ast.parse(text))
    ]
    assert found == []


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("try: ...\n except discord.HTTPException: ...", True),
        ("try: ...\n except (discord.DiscordException, OSError): ...", True),
        ("with suppress(discord.HTTPException): ...", True),
        ("with contextlib.suppress(discord.DiscordException, OSError): ...", True),
        ("try: ...\n except DISCORD_ERRORS: ...", False),
        ("try: ...\n except discord.NotFound: ...\n except (*DISCORD_ERRORS, ValueError): ...", False),
        ("try: ...\n except discord.HTTPException: ...\n except DISCORD_ERRORS: ...", False),
        ("try: ...\n except DISCORD_ERRORS: ...\n except discord.HTTPException: ...", True),
        ("with suppress(*DISCORD_ERRORS): ...", False),
    ],
)
def test_only_a_handler_that_lacks_some_of_the_errors_is_found(code: str, found: bool) -> None:
    module = ast.parse(f"def made_up():\n {code}")
    assert bool([*handlers_that_lack_others("made_up.py", module)]) is found
