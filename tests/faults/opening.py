"""Opens a call in which everything that the bot needs stands behind something that can break."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import uvicorn
import yaml
from mcp.server.mcpserver import MCPServer

from bot.database import FILE
from sandbox.server import Sandbox
from tests.e2e.program import VOICE, program, read_until
from tests.e2e.scripted_ears import ScriptedEars
from tests.e2e.scripted_model import Answer, ScriptedModel
from tests.faults.call import LONG, FaultyCall
from tests.faults.disk import Disk
from tests.faults.proxy import TcpProxy, noise, without_quotes
from tests.faults.things import Name, Proxied, Thing
from tests.faults.udp_path import UdpPath
from tests.faults.words import WORDS
from tests.timing import LIMIT

PAUSES = {
    Name.MODEL: 0.2,
    Name.SPEECH_SERVER: 0.15,
    Name.EARS: 0.3,
    Name.GATEWAY: 0.5,
    Name.VOICE_GATEWAY: 0.5,
    Name.TOOLS: 0.5,
}
"""Seconds that each piece takes when a server is ten times slower: a word of the model, 0.1 s of sound, a message."""
WORD_SECONDS = 0.02
"""Seconds from one word of the model to the next."""
SETTINGS = {
    "ANSWER_TO": "always",
    "GUESSES": "off",
    "INTERIM_TRANSCRIPTS": "off",
    "LLM_CONNECT_TIMEOUT": "2",
    "LLM_FIRST_TOKEN_TIMEOUT": "3",
    "LLM_STALL_TIMEOUT": "3",
    "MEMORY": "off",
}
"""With these settings, the bot gives up a hanging model server sooner than by default, and asks servers only for what
Ada asks.
"""
_ASKED = re.compile(r"\b(say|find) (\w+)\b")


def script(line: str) -> Answer:
    """What the model answers: the word that it is asked for, or that a tool has found."""
    asked = _ASKED.findall(line)
    match asked[-1] if asked else None:
        case ("say", "everything"):
            sentences = (f"{' '.join(LONG[at : at + 3])}." for at in range(0, len(LONG), 3))
            return Answer(" ".join(sentences), pause=WORD_SECONDS)
        case ("find", word):
            return Answer(calls=("look",), arguments=json.dumps({"word": word}))
        case (_, word):
            return Answer(f"{word}.")
    found = [word for word in re.findall(r"\w+", line) if word in WORDS]
    return Answer(f"{found[-1]}." if found else "Sorry.")


@asynccontextmanager
async def faulty_call(folder: Path, speech_server: str, name: Name) -> AsyncIterator[tuple[FaultyCall, Thing]]:
    """A call that has begun, and the thing of this name. At the end of the block the bot ends, and its log is read.

    Args:
        folder: an empty folder for the bot.
        speech_server: the address of the WebSocket of a speech server.
    """
    async with AsyncExitStack() as stack:
        sandbox = await stack.enter_async_context(Sandbox())
        model = await stack.enter_async_context(ScriptedModel(script))
        ears = await stack.enter_async_context(ScriptedEars())

        async def behind(server: str, **more: Any) -> TcpProxy:
            port = urlsplit(server).port
            assert port is not None
            return await stack.enter_async_context(TcpProxy(port, **more))

        proxies = {
            Name.MODEL: await behind(model.url),
            Name.SPEECH_SERVER: await behind(speech_server),
            Name.EARS: await behind(ears.url),
            Name.GATEWAY: await behind(sandbox.gateway_url),
            Name.VOICE_GATEWAY: await behind(f"wss://{sandbox.voice_server.endpoint}", authority=sandbox.authority),
        }
        sandbox.world.gateway_endpoint = f"127.0.0.1:{proxies[Name.GATEWAY].port}"
        sandbox.world.voice_endpoint = f"localhost:{proxies[Name.VOICE_GATEWAY].port}"
        settings = {
            "LLM_URL": moved(model.url, proxies[Name.MODEL]),
            VOICE: moved(speech_server, proxies[Name.SPEECH_SERVER]),
            "STT_URL": moved(ears.url, proxies[Name.EARS]),
        }
        if name is Name.TOOLS:
            proxies[Name.TOOLS] = await behind(await stack.enter_async_context(_tool_server()))
            settings["TOOLS_FILE"] = str(_tools_file(folder, proxies[Name.TOOLS]))
            # By default, the bot assumes 4,096 tokens for this model: too few for tools that are not the bot's own.
            settings["LLM_CONTEXT_TOKENS"] = "32768"
        ada = await sandbox.add_guest("Ada")
        await ada.join_voice(sandbox.home.lounge)
        bot = await stack.enter_async_context(
            program("run", folder=folder, **SETTINGS, **settings, **sandbox.bot_settings)
        )
        await read_until(bot, "The MCP server tools has" if name is Name.TOOLS else "Connected as")
        await sandbox.bot_online(LIMIT)
        log = asyncio.create_task(bot.communicate())
        call = FaultyCall(sandbox, ada, bot, ears)
        broken: dict[Name, Thing] = {
            Name.UDP: UdpPath(sandbox),
            Name.DISK: Disk(folder / "data" / FILE, bot.pid),
            **{
                each: Proxied(proxy, PAUSES[each], noise if each is Name.VOICE_GATEWAY else without_quotes)
                for each, proxy in proxies.items()
            },
        }
        try:
            await call.join()
            yield call, broken[name]
        finally:
            for thing in broken.values():
                await thing.heal()
            bot.terminate()
            said, _ = await asyncio.wait_for(log, LIMIT)
            # Pytest shows this of a test that has failed.
            sys.stdout.write(said.decode() + "\n".join(call.account()))
        assert bot.returncode == 0
        assert "never retrieved" not in said.decode()


def moved(url: str, proxy: TcpProxy) -> str:
    """The address of a server behind its proxy."""
    parts = urlsplit(url)
    return parts._replace(netloc=f"127.0.0.1:{proxy.port}").geturl()


@asynccontextmanager
async def _tool_server() -> AsyncIterator[str]:
    """A real server of the MCP library, with one tool. Yields its address."""
    server: MCPServer[Any] = MCPServer("tools")

    @server.tool()
    def look(word: str) -> str:
        """Look for a word."""
        return word

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        program = uvicorn.Server(uvicorn.Config(server.streamable_http_app(), log_config=None, lifespan="on"))
        task = asyncio.create_task(program.serve(sockets=[taken]))
        try:
            yield f"http://127.0.0.1:{taken.getsockname()[1]}/mcp"
        finally:
            program.should_exit = program.force_exit = True
            await task


def _tools_file(folder: Path, proxy: TcpProxy) -> Path:
    file = folder / "tools.yaml"
    servers = {"tools": {"url": f"http://127.0.0.1:{proxy.port}/mcp"}}
    file.write_text(yaml.safe_dump({"mcpServers": servers, "allow": {"look": "everyone"}}), encoding="utf-8")
    return file
