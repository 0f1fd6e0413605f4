"""Checks the ports of the telephone at the beginning of a start, before anything large is loaded."""

from __future__ import annotations

from bot.binding import WebBindError, find_phone_bind_error, phone_bind_error_text
from bot.voice.phone.answering import PhoneStartError
from bot.voice.phone.sip.ports import bind_error_text, find_bind_error
from config.settings import Settings


def check_phone_ports(settings: Settings) -> None:
    """Find out whether phone calls could come in at ``SIP_BIND`` and ``PHONE_BIND``, if they are wanted. Blocks.

    Raises:
        PhoneStartError, WebBindError: a port is taken, or its address is none of this machine's.
    """
    sip, phone = settings.sip, settings.phone
    if sip.on and (error := find_bind_error(sip.host, sip.port)) is not None:
        raise PhoneStartError(bind_error_text(sip.host, sip.port, error))
    if settings.takes_twilio and (error := find_phone_bind_error(phone)) is not None:
        raise WebBindError(phone_bind_error_text(phone, error))
