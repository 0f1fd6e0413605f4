"""The stream of the bare floor: a frame of music every 20 ms. A reply's sound is mixed into the next frame."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from itertools import cycle

import numpy as np
from numpy.typing import NDArray

from benchmarks.bare_clock import FRAME_SECONDS
from benchmarks.bare_packets import FRAME_SAMPLES, BarePackets

LEVEL, FRAMES = 0.05, 50
"""The music is noise of this level, which repeats after this number of frames."""


class BareStream:
    """A running stream. It has a thread of its own, as a bot's stream has, because asyncio's timers are up to 1 ms
    late. The thread keeps time as ``bare_clock`` does.

    Args:
        packets: makes the packets. Until :meth:`end`, nobody else may use it.
        sender: a connected UDP socket.
    """

    def __init__(self, packets: BarePackets, sender: socket.socket) -> None:
        self._packets = packets
        self._sender = sender
        self._music = cycle(music_frames())
        self._lock = threading.Lock()
        self._reply: tuple[bytes, Future[int]] | None = None
        self._fault: Exception | None = None
        """Why the stream has ended; ``None`` while it runs."""
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="bare stream", daemon=True)
        self._thread.start()

    def speak(self, sound: bytes) -> Future[int]:
        """Mix the first 20 ms of ``sound`` (float32 samples, mono, 48,000 Hz) into the next frame. Returns at once.

        The result is the sequence number of that frame's packet, or the error that has ended the stream. Call this only
        when the sound of the last reply has been sent.
        """
        number: Future[int] = Future()
        with self._lock:
            if self._fault is None:
                self._reply = sound, number
                return number
        number.set_exception(self._fault)
        return number

    def end(self) -> None:
        """Stop the stream, and wait for its thread."""
        self._ending.set()
        self._thread.join()

    def _run(self) -> None:
        fault: Exception = ConnectionError("the stream has ended")
        due = time.monotonic()
        try:
            while not self._ending.is_set():
                self._send()
                due += FRAME_SECONDS
                time.sleep(max(0.0, due - time.monotonic()))
        except Exception as error:
            fault = error
            raise
        finally:
            # Whoever still waits for a reply gets the error, and does not wait for ever.
            with self._lock:
                self._fault, reply = fault, self._reply
            if reply is not None:
                reply[1].set_exception(fault)

    def _send(self) -> None:
        with self._lock:
            reply = self._reply
        frame = next(self._music)
        if reply is not None:
            frame = frame + np.frombuffer(reply[0], "<f4", count=FRAME_SAMPLES)
        try:
            self._sender.send(self._packets.packet(frame.tobytes()))
        except ConnectionRefusedError:
            # The port is closed, so the benchmark has ended. The main thread notices that by itself.
            self._ending.set()
        if reply is not None:
            with self._lock:
                self._reply = None
            reply[1].set_result(self._packets.number)


def music_frames() -> Iterator[NDArray[np.float32]]:
    """The frames of the music, each of 20 ms: the same in each run."""
    random = np.random.default_rng(1)
    return (LEVEL * random.standard_normal(FRAME_SAMPLES, np.float32) for _ in range(FRAMES))
