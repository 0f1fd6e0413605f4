"""``python -m sandbox``: a local Discord to point a bot at by hand, until Ctrl-C."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import sys

from sandbox.server import Sandbox

_HOW_TO = """\
A local Discord is running.

  REST API   {api}
  gateway    {gateway}
  bot token  {token}
  CA file    {ca}
  guild      {guild}: text channel #{text}, voice channel {voice}, {guest} sits in it

A bot on discord.py gets there so:

  discord.http.Route.BASE = "{api}"
  discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL("{gateway}")
  connector = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile="{ca}"))   # made inside the event loop
  bot = commands.Bot("!", intents=intents, connector=connector)

Ctrl-C ends it.
"""


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description="A local Discord for voice bots.")
    parser.add_argument("--port", type=int, default=0, help="port of REST and gateway (a free one)")
    parser.add_argument("--no-dave", action="store_true", help="voice channels without end-to-end encryption")
    return parser.parse_args(arguments)


async def _serve(options: argparse.Namespace) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows has no handlers here; Ctrl-C raises there.
            loop.add_signal_handler(name, stop.set)
    async with Sandbox(port=options.port, dave=not options.no_dave) as sandbox:
        guest = await sandbox.add_guest("Ada")
        await guest.join_voice(sandbox.voice_channel)
        sys.stdout.write(
            _HOW_TO.format(
                api=sandbox.api_url,
                gateway=sandbox.gateway_url,
                token=sandbox.bot_token,
                ca=sandbox.ca_file,
                guild=sandbox.guild.name,
                text=sandbox.text_channel.name,
                voice=sandbox.voice_channel.name,
                guest=guest.user.name,
            )
        )
        sys.stdout.flush()
        await stop.wait()


def main(arguments: list[str] | None = None) -> None:
    """Run until interrupted."""
    options = _options(sys.argv[1:] if arguments is None else arguments)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(options))


if __name__ == "__main__":
    main()
