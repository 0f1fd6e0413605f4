"""Where the sound of a phone call may go to and come from. Nobody can make the bot send sound to somebody else."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

from bot.voice.phone.sip.negotiation import Media, NoAgreementError


@dataclass(frozen=True, slots=True)
class SoundRules:
    """The rules of one phone call.

    The answer's tag, which nobody can guess, was sent to the host that has called and to no other. So an ACK with it
    proves that this host is there, and takes part. An address in a session description proves nothing.

    - The caller's own host may be named, and gets sound once it has acknowledged the answer.
    - A phone behind a router names a private address, since it does not know the router's. Nothing is sent there: sound
      goes to where the caller's own sound comes from.
    - Other hosts are refused, except in phone calls of the PBX at which the bot is registered: its phones may exchange
      sound with the bot directly.
    - Sound is taken from the caller's host alone, and in phone calls of the PBX also from the named host. The bot's
      sound then goes to the port that this sound came from (symmetric RTP).

    Attributes:
        caller: host that the phone call was set up from.
        trusted: whether this host is the PBX at which the bot is registered.
    """

    caller: str
    trusted: bool = False

    def source_of(self, number: str) -> str:
        """Who is responsible for the phone call; see :attr:`~bot.voice.phone.line.PhoneLine.source`."""
        return number if self.trusted else self.caller

    def check(self, media: Media, *, again: bool = False) -> None:
        """Check the address of a session description.

        Args:
            again: whether the phone call is on. If so, an address of zeros is a hold, in which nothing is sent (RFC
                3264).

        Raises:
            NoAgreementError: sound may not go there.
        """
        address, caller = plain_address(media.remote[0]), plain_address(self.caller)
        if address.is_unspecified:
            if not again:
                raise NoAgreementError("there is no address for sound")
        elif address.is_loopback and not caller.is_loopback:
            raise NoAgreementError("the address for sound is on the bot's own machine")
        elif address != caller and address.is_global and not self.trusted:
            raise NoAgreementError("the address for sound is not that of the caller")

    def may_send(self, media: Media) -> bool:
        """Whether sound may go to the address of a session description before any has come from there."""
        return self.trusted or self._names_caller(media)

    def may_send_early(self, media: Media) -> bool:
        """Like :meth:`may_send`, in a phone call that nobody has acknowledged: only if the address is the PBX's."""
        return self.trusted and self._names_caller(media)

    def may_come(self, media: Media, host: str) -> bool:
        """Whether sound from this host is the caller's."""
        address = plain_address(host)
        return address == plain_address(self.caller) or (self.trusted and address == plain_address(media.remote[0]))

    def _names_caller(self, media: Media) -> bool:
        return plain_address(media.remote[0]) == plain_address(self.caller)


def plain_address(host: str) -> IPv4Address | IPv6Address:
    """An address without the form in which a socket for IPv6 writes it: IPv4 within IPv6, and the interface."""
    address = ip_address(host.partition("%")[0])
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address
