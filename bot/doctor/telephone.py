"""The doctor's check of the telephone: whether the PBX lets the bot in."""

from __future__ import annotations

from bot.check_result import CheckResult
from config.settings import Settings

_SUBJECT = "Telephone"


async def check_telephone(settings: Settings) -> CheckResult:
    """Try the account at the PBX, without registering there."""
    if not settings.sip.on:
        if settings.takes_twilio:
            return CheckResult(_SUBJECT, True, f"phone calls come over Twilio, to {settings.phone.public_url}")
        return CheckResult(_SUBJECT, None, "it is off; the operator guide says how to switch it on (The telephone)")
    # The libraries of SIP are loaded only where they are used.
    from bot.voice.phone.sip.account_check import check_account
    from bot.voice.phone.sip.gateway import account_of
    from bot.voice.phone.sip.registration import RegistrationState

    account = account_of(settings.sip)
    if account is None:
        return CheckResult(_SUBJECT, True, f"phone calls come directly, to {settings.sip.bind}")
    state, detail = await check_account(account, settings.sip.host)
    if state is RegistrationState.REGISTERED:
        return CheckResult(_SUBJECT, True, f"the PBX lets me in, {detail}")
    return CheckResult(_SUBJECT, False, f"the PBX does not let me in: {detail}")
