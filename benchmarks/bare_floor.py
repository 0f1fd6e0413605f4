"""The bare floor: the minimal bot to which the benchmarks compare the real one.

It is a process with the same hops as the bot, in plain asyncio, without a framework or a Discord library.
``python -m benchmarks.bare_floor GATEWAY MODEL VOICE PACKETS`` takes four ports on loopback. For each message
from the gateway it asks the model, sends the first clause of the answer to the voice, and sends the first 20 ms of the
sound as a packet. Then it tells the gateway the clause, the voice's times and the packet's number. From an event STREAM
with ``true`` to one with ``false``, it sends a stream of music, and mixes the sound into the next frame of the music.
The process ends when the gateway closes.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import sys
from collections.abc import AsyncIterator

from benchmarks.bare_packets import BarePackets
from benchmarks.bare_stream import BareStream
from benchmarks.bare_websocket import BareWebSocket

SHORTEST_CLAUSE = 10
"""A clause with fewer characters is too short to be spoken by itself."""
_CLAUSE_ENDS = (",", ";", ":", ".", "!", "?")


class BareModel:
    """A connection to the model server that stays open between requests."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def ask(self, question: str) -> AsyncIterator[str]:
        """Ask the model, and yield its tokens as they come."""
        messages = [
            {"role": "system", "content": "You talk with people in a voice channel. Answer briefly."},
            {"role": "user", "content": question},
        ]
        body = json.dumps({"model": "stand-in", "messages": messages, "stream": True}).encode()
        self._writer.write(
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n" % len(body) + body
        )
        await self._reader.readuntil(b"\r\n\r\n")
        unread = b""
        async for chunk in self._chunks():
            *lines, unread = (unread + chunk).split(b"\n")
            for line in lines:
                if line.startswith(b"data: {"):
                    token = json.loads(line[len(b"data: ") :])["choices"][0]["delta"].get("content")
                    if token:
                        yield token

    async def _chunks(self) -> AsyncIterator[bytes]:
        """The chunks of a response, to its end."""
        while size := int(await self._reader.readline(), 16):
            yield (await self._reader.readexactly(size + 2))[:size]
        await self._reader.readline()


async def main(gateway_port: int, model_port: int, voice_port: int, packet_port: int) -> None:
    """Answer every message until the gateway closes."""
    packets = BarePackets()
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.connect(("127.0.0.1", packet_port))
    model = BareModel(*await asyncio.open_connection("127.0.0.1", model_port))
    voice = await BareWebSocket.connect(voice_port)
    gateway = await BareWebSocket.connect(gateway_port)
    stream: BareStream | None = None

    async def speak() -> dict[str, float]:
        """Send the first packet of the voice's sound; returns its number and the voice's times."""
        sound = await voice.receive()
        if stream is None:
            sender.send(packets.packet(sound))
            number = packets.number
        else:
            number = await asyncio.wrap_future(stream.speak(sound))
        return {"packet": number, **json.loads(await voice.receive())}

    while True:
        message = json.loads(await gateway.receive())
        if message["t"] == "STREAM":
            if stream is not None:
                stream.end()
            stream = BareStream(packets, sender) if message["d"] else None
            continue
        text, clause = "", ""
        async with asyncio.TaskGroup() as tasks:
            speaking = tasks.create_task(speak())
            async for token in model.ask(message["d"]["content"]):
                text += token
                if not clause and len(text) >= SHORTEST_CLAUSE and text.endswith(_CLAUSE_ENDS):
                    clause = text
                    voice.send(json.dumps({"token": clause, "flush": True}))
        gateway.send(json.dumps({"clause": clause, **speaking.result()}))


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        try:
            asyncio.run(main(*map(int, sys.argv[1:5])))
        except* (EOFError, ConnectionError):
            # The benchmark has ended, and with it the gateway and the model.
            pass
