"""The doctor's check of phone calls over Twilio. It makes no phone call."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import aiohttp

from bot.check_result import CheckResult
from bot.identity import HEADERS
from bot.network_errors import network_error_text
from config.phone_sections import PhoneSettings, TwilioSettings
from web_access.bodies import read_beginning

LIMIT = aiohttp.ClientTimeout(total=10)
"""Time in which ``PHONE_PUBLIC_URL`` must answer."""
VOICE = "/phone/twilio/voice"
"""Where Twilio announces phone calls."""
FORGED = "bad_signature"
"""What the bot answers to a request that Twilio has not signed."""
NOT_TRIED = "Not tried: the account at Twilio, and a phone call"
NEEDS_HTTPS = "Twilio sends the sound of a phone call only over https (wss)"
_TOKEN = re.compile(r"[0-9a-fA-F]{32}")
_MAX_ANSWER = 4_096


async def check_twilio(subject: str, phone: PhoneSettings, twilio: TwilioSettings) -> CheckResult:
    """Look at the settings, and send ``PHONE_PUBLIC_URL`` a request without a signature, which the bot refuses."""
    url = phone.public_url or ""
    if urlsplit(url).scheme != "https":
        return CheckResult(subject, False, f"PHONE_PUBLIC_URL must begin with https://, but is {url}: {NEEDS_HTTPS}")
    token = "" if twilio.auth_token is None else twilio.auth_token.get_secret_value()
    if _TOKEN.fullmatch(token) is None:
        wrong = "TWILIO_AUTH_TOKEN is no token of Twilio: such a token is 32 digits and letters from a to f"
        return CheckResult(subject, False, f"{wrong}. Twilio's console shows the token beside the account's id")
    good, text = await find_bot(url)
    missing = "" if twilio.account_sid else " TWILIO_ACCOUNT_SID is not set, so requests of any account are accepted."
    return CheckResult(subject, good and (None if missing else good), f"{text}.{missing} {NOT_TRIED}.")


async def find_bot(url: str) -> tuple[bool | None, str]:
    """Ask the bot under its public address. Returns whether the address leads to the bot (``None`` if nobody can say),
    and what was found."""
    try:
        async with (
            aiohttp.ClientSession(headers=HEADERS, timeout=LIMIT) as http,
            http.post(f"{url}{VOICE}", data={"CallSid": "CA0"}, allow_redirects=False) as answer,
        ):
            body = (await read_beginning(answer.content, _MAX_ANSWER)).decode("utf-8", "replace")
            status = answer.status
    except (aiohttp.ClientConnectorCertificateError, aiohttp.ClientConnectorDNSError) as error:
        return False, f"Twilio can't reach {url}: {network_error_text(error)}"
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        # Many routers refuse connections from inside to their outer address.
        return None, f"from here, {url} can't be reached ({network_error_text(error)}); from the internet it may be"
    if status == 403 and f'"{FORGED}"' in body:
        return True, f"{url} leads to me"
    if status in (502, 503, 504):
        cause = "its proxy finds no program at PHONE_BIND. Repeat this check while I run"
        return None, f"{url} answers with status {status}: {cause}"
    return False, f"{url}{VOICE} answers with status {status}, which is not my answer: it leads to another program"
