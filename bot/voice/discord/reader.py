"""The thread that takes datagrams from the voice socket: discord.py's, without its deaf half minute."""

from __future__ import annotations

import logging
import select

from discord.voice_state import SocketReader, VoiceConnectionState

_log = logging.getLogger(__name__)

READER_POLL = 0.25
MAX_DATAGRAM = 2048


class PollingReader(SocketReader):
    """discord.py's reader with a short poll: its own stays deaf for 30 s when the socket was replaced under it.

    It also ends when it was stopped before it had begun; discord.py's forgets that and stays for ever.
    """

    def __init__(self, state: VoiceConnectionState) -> None:
        super().__init__(state)
        self._idle_paused = False

    def run(self) -> None:
        """Hand on datagrams until :meth:`stop`."""
        while not self._end.is_set():
            if self._running.is_set():
                self._read()
            else:
                self._running.wait()
        self._callbacks.clear()

    def _read(self) -> None:
        try:
            readable, _, _ = select.select([self.state.socket], [], [], READER_POLL)
            if not readable:
                return
            data = self.state.socket.recv(MAX_DATAGRAM)
        except (ValueError, TypeError, OSError):
            # The socket is being replaced or is gone; a moment, so as not to spin meanwhile.
            self._end.wait(READER_POLL / 10)
            return
        for callback in tuple(self._callbacks):
            try:
                callback(data)
            except Exception:
                _log.exception("A datagram could not be handled")
