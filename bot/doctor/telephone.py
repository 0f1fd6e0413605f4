"""The doctor's check of the telephone: who may call, whether the ports are free, whether the PBX lets the bot in, and
whether Twilio's address leads to the bot."""

from __future__ import annotations

import asyncio
import errno
from dataclasses import replace

from bot.binding import find_phone_bind_error, phone_bind_error_text
from bot.check_result import CheckResult
from bot.doctor.twilio import check_twilio
from config.settings import Settings

_SUBJECT = "Telephone"


async def check_telephone(settings: Settings) -> CheckResult:
    """Check the ways by which phone calls come in, without making one. Nothing is registered."""
    found = []
    if settings.sip.on:
        found.append(await _check_sip(settings))
    if settings.takes_twilio:
        found.append(await _check_twilio(settings))
    if not found:
        return CheckResult(_SUBJECT, None, "it is off; the operator guide says how to switch it on (The telephone)")
    if not settings.phone.allow:
        found.insert(0, CheckResult(_SUBJECT, None, "nobody may call, because PHONE_ALLOW is empty"))
    goods = [each.good for each in found]
    good = False if False in goods else None if None in goods else True
    return CheckResult(_SUBJECT, good, "; ".join(each.text for each in found))


async def _check_sip(settings: Settings) -> CheckResult:
    """Try the account at the PBX, without registering there."""
    # The libraries of SIP are loaded only where they are used.
    from bot.voice.phone.sip.account_check import check_account
    from bot.voice.phone.sip.gateway import account_of
    from bot.voice.phone.sip.ports import bind_error_text, find_bind_error
    from bot.voice.phone.sip.registration import RegistrationState

    account, sip = account_of(settings.sip), settings.sip
    taken = ""
    if (error := find_bind_error(sip.host, sip.port)) is not None:
        if error.errno != errno.EADDRINUSE:
            return CheckResult(_SUBJECT, False, bind_error_text(sip.host, sip.port, error))
        taken = _taken(sip.bind, "SIP_BIND")
    good = None if taken else True
    if account is None:
        return CheckResult(_SUBJECT, good, f"phone calls come directly, to {sip.bind}{taken}")
    state, detail = await check_account(account, sip.host)
    if state is RegistrationState.REGISTERED:
        return CheckResult(_SUBJECT, good, f"the PBX lets me in, {detail}{taken}")
    problem = "can't be asked" if state is RegistrationState.NO_ANSWER else "does not let me in"
    return CheckResult(_SUBJECT, False, f"the PBX {problem}: {detail}{taken}")


async def _check_twilio(settings: Settings) -> CheckResult:
    """Ask the public address for the bot, and try the port that it leads to."""
    found = await check_twilio(_SUBJECT, settings.phone, settings.twilio)
    error = await asyncio.to_thread(find_phone_bind_error, settings.phone)
    if error is None or found.good:
        return found
    if error.errno != errno.EADDRINUSE:
        return CheckResult(_SUBJECT, False, f"{phone_bind_error_text(settings.phone, error)} {found.text}")
    return replace(found, text=f"{found.text.rstrip('.')}{_taken(settings.phone.bind, 'PHONE_BIND')}")


def _taken(bind: str, setting: str) -> str:
    return f". The port of {bind} is taken: by me, if I run now; otherwise choose another one ({setting})"
