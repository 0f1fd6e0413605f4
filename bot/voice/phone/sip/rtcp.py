"""Reports about sound, sent and received (RTCP, RFC 3550).

The library aiortp writes, reads and counts the packets. Its own sender of reports is not used: it ends for good when a
timestamp of the other side is so far off that the jitter needs more than 32 bits. This module cuts all numbers to 32
bits.
"""

from __future__ import annotations

from struct import error as StructError  # noqa: N812  # named as a class, which it is

from aiortp import RtpPacket
from aiortp.clock import current_ntp_time
from aiortp.packet import (
    RtcpByePacket,
    RtcpPacket,
    RtcpReceiverInfo,
    RtcpRrPacket,
    RtcpSdesPacket,
    RtcpSenderInfo,
    RtcpSourceInfo,
    RtcpSrPacket,
)
from aiortp.stats import StreamStatistics

INTERVAL = 5.0
"""Seconds between two reports."""
_MOST = (1 << 32) - 1
"""Largest number of 32 bits."""
_CNAME = b"seiyuu"


class Reports:
    """Reports of one phone call."""

    def __init__(self, ssrc: int) -> None:
        self._ssrc = ssrc
        self._heard: StreamStatistics | None = None
        self._other = 0
        self._last_report = (0, 0.0)  # the other side's clock, and the arrival of its report

    def count(self, packet: RtpPacket) -> None:
        """Count a packet of sound or digits."""
        if self._heard is None or packet.ssrc != self._other:
            self._heard, self._other = StreamStatistics(8000), packet.ssrc
        self._heard.add(packet)

    def take(self, data: bytes, at: float) -> bool:
        """Read a report of the other side. Returns whether ``data`` is one."""
        try:
            packets = RtcpPacket.parse(data)
        except (ValueError, IndexError, StructError):
            return False
        for packet in packets:
            if isinstance(packet, RtcpSrPacket):
                self._last_report = ((packet.sender_info.ntp_timestamp >> 16) & _MOST, at)
        return bool(packets)

    def report(self, now: float, packets: int, timestamp: int) -> bytes:
        """Write a report.

        Args:
            packets: number of packets of sound that this side has sent.
            timestamp: timestamp of the newest of them.
        """
        heard = self._reception(now)
        if packets:
            sent = RtcpSenderInfo(current_ntp_time(), timestamp, packets & _MOST, packets * 160 & _MOST)
            report = bytes(RtcpSrPacket(self._ssrc, sent, heard))
        else:
            report = bytes(RtcpRrPacket(self._ssrc, heard))
        return report + bytes(RtcpSdesPacket([RtcpSourceInfo(self._ssrc, [(1, _CNAME)])]))

    def farewell(self) -> bytes:
        """Write that the stream is over."""
        return bytes(RtcpRrPacket(self._ssrc)) + bytes(RtcpByePacket([self._ssrc]))

    def _reception(self, now: float) -> list[RtcpReceiverInfo]:
        heard = self._heard
        if heard is None:
            return []
        clock, arrived = self._last_report
        return [
            RtcpReceiverInfo(
                ssrc=self._other,
                fraction_lost=heard.fraction_lost & 0xFF,
                packets_lost=heard.packets_lost,
                highest_sequence=(heard.cycles + (heard.max_seq or 0)) & _MOST,
                jitter=min(max(heard.jitter, 0), _MOST),
                lsr=clock,
                dlsr=int((now - arrived) * 65536) & _MOST if clock else 0,
            )
        ]
