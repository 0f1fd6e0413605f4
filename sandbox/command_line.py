"""The command line of ``python -m sandbox``: a local Discord that runs until Ctrl-C."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import signal
import sys

from config.plain_parser import PlainParser
from sandbox.guest import Guest
from sandbox.server import Sandbox

_HOW_TO = """\
A local Discord is running.

  REST API   {api}
  gateway    {gateway}
  bot token  {token}
  CA file    {ca}
  guild      {guild}: text channel #{text}, voice channel {voice}, {guest} is in it

To connect Seiyuu to it, set these three variables, in .env or in the environment:

  DISCORD_TOKEN={token}
  DISCORD_API_URL={api}
  DISCORD_CA_FILE={ca}

To connect a bot that uses discord.py:

  discord.http.Route.BASE = "{api}"
  discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL("{gateway}")
  connector = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile="{ca}"))   # made inside the event loop
  bot = commands.Bot("!", intents=intents, connector=connector)

Ctrl-C ends it.
"""


MAX_PORT = 65_535
FAILED = 1


def _port(written: str) -> int:
    try:
        port = int(written)
    except ValueError:
        port = -1
    if not 0 <= port <= MAX_PORT:
        raise argparse.ArgumentTypeError(
            f"{written!r} is not a port. A port is a number from 0 (any free one) to {MAX_PORT}, such as 8080."
        )
    return port


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = PlainParser(prog="python -m sandbox", description="A local Discord for voice bots.")
    parser.add_argument("--port", type=_port, default=0, help="port of REST and gateway (default: a free one)")
    parser.add_argument("--no-dave", action="store_true", help="voice channels without end-to-end encryption")
    parser.add_argument("--json", action="store_true", help="print the addresses as one JSON object, for programs")
    return parser.read(arguments)


async def _serve(options: argparse.Namespace) -> None:
    """Run the local Discord until SIGINT or SIGTERM. Raises :class:`OSError` if the port can't be opened."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        # Windows has no signal handlers. Ctrl-C raises KeyboardInterrupt there.
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(name, stop.set)
    async with Sandbox(port=options.port, dave=not options.no_dave) as sandbox:
        guest = await sandbox.add_guest("Ada")
        await guest.join_voice(sandbox.voice_channel)
        sys.stdout.write(f"{_for_programs(sandbox)}\n" if options.json else _for_people(sandbox, guest))
        sys.stdout.flush()
        await stop.wait()


def _for_people(sandbox: Sandbox, guest: Guest) -> str:
    return _HOW_TO.format(
        api=sandbox.api_url,
        gateway=sandbox.gateway_url,
        token=sandbox.bot_token,
        ca=sandbox.ca_file,
        guild=sandbox.guild.name,
        text=sandbox.text_channel.name,
        voice=sandbox.voice_channel.name,
        guest=guest.user.name,
    )


def _for_programs(sandbox: Sandbox) -> str:
    """The addresses as one line of JSON. Ids are strings, as in Discord's own JSON."""
    return json.dumps(
        {
            "api": sandbox.api_url,
            "gateway": sandbox.gateway_url,
            "token": sandbox.bot_token,
            "ca": str(sandbox.ca_file),
            "guild": str(sandbox.guild.id),
            "text": str(sandbox.text_channel.id),
            "voice": str(sandbox.voice_channel.id),
        }
    )


def run(arguments: list[str]) -> int:
    """Run the local Discord until Ctrl-C or SIGTERM, and return the exit status."""
    options = _options(arguments)
    try:
        asyncio.run(_serve(options))
    except KeyboardInterrupt:
        return 0
    except OSError as error:
        sys.stderr.write(f"The local Discord can't listen on port {options.port}: {error.strerror or error}\n")
        return FAILED
    return 0
