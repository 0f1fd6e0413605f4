"""The stand-in voice of the bare floor: a WebSocket server in a process of its own.

``python -m benchmarks.bare_voice DELAY`` prints its port. For each clause that it gets, it sends a sound after a delay
of this many seconds, and then the times at which the clause came and the sound was sent. It runs until its client is
gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time

import numpy as np

from benchmarks.bare_packets import RATE
from benchmarks.bare_websocket import BareWebSocket

TONE_HZ = 220.0
SECONDS = 0.1
"""Length of the sound, in seconds. The first chunk of the stand-in engine has the same length."""


async def main(first_audio: float) -> None:
    """Serve one client until it is gone."""
    gone = asyncio.Event()
    seconds = np.arange(round(SECONDS * RATE)) / RATE
    sound = (0.2 * np.sin(2 * np.pi * TONE_HZ * seconds)).astype("<f4").tobytes()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(EOFError, ConnectionError):
            socket = await BareWebSocket.accept(reader, writer)
            while True:
                json.loads(await socket.receive())
                received_at = time.monotonic()
                await asyncio.sleep(first_audio)
                first_audio_at = time.monotonic()
                socket.send(sound)
                socket.send(json.dumps({"voice_asked": received_at, "first_audio": first_audio_at}))
        writer.close()
        gone.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await gone.wait()
    server.close()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main(float(sys.argv[1])))
