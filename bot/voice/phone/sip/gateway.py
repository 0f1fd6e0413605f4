"""Takes phone calls over SIP as the settings say."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.voice.phone.answering import PhoneAnswering
from bot.voice.phone.sip.endpoint import SipEndpoint, SipOptions
from bot.voice.phone.sip.registration import Account
from config.phone_sections import SipSettings


def account_of(settings: SipSettings) -> Account | None:
    """The account at the PBX; ``None`` if there is none."""
    if settings.registrar is None:
        return None
    password = "" if settings.password is None else settings.password.get_secret_value()
    return Account(settings.registrar, settings.user or "", password)


@asynccontextmanager
async def sip_endpoint(settings: SipSettings, answering: PhoneAnswering) -> AsyncIterator[SipEndpoint]:
    """Take phone calls while the ``async with`` block runs. They end with the block.

    Raises:
        PhoneStartError: ``SIP_BIND`` can't be listened on.
    """
    bind, external = (settings.host, settings.port), settings.external_address or ""
    options = SipOptions(bind, settings.rtp_range, account_of(settings), external)
    endpoint = SipEndpoint(options, answering)
    await endpoint.start()
    try:
        yield endpoint
    finally:
        await endpoint.close()
