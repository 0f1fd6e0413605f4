"""Tests that after any end of a call all features work again, and waiting messages are answered once."""

from __future__ import annotations

import signal

import pytest

from bot.voice.call_life import CallState
from tests.lease import browser_endings as browser
from tests.lease import phone_endings as phone
from tests.lease.browser_endings import browser_call_ended_by, process_with_a_page_ended_by
from tests.lease.callers import SipNetwork, TwilioNetwork
from tests.lease.endings import (
    Ending,
    Means,
    a_hold_fails,
    a_release_fails,
    call_ended_by,
    delete_the_channel,
    go_away,
    kick,
    leave,
    leave_aloud,
    lose_the_gateway,
    lose_the_voice,
    process_ended_by,
)
from tests.lease.phone_endings import phone_call_ended_by

slow = pytest.mark.slow


@pytest.mark.parametrize(
    "ending",
    [
        pytest.param(call_ended_by(leave), id="leave"),
        pytest.param(call_ended_by(leave_aloud), id="voice command"),
        pytest.param(call_ended_by(kick), id="kick"),
        pytest.param(call_ended_by(delete_the_channel), id="channel deleted"),
        pytest.param(call_ended_by(go_away), id="everyone gone"),
        pytest.param(call_ended_by(lose_the_voice), id="voice lost for good"),
        pytest.param(call_ended_by(lose_the_gateway), id="gateway session lost"),
        pytest.param(a_hold_fails, id="exception in any hold"),
        pytest.param(a_release_fails, id="exception in any release"),
        pytest.param(process_ended_by(signal.SIGTERM), id="SIGTERM"),
        pytest.param(process_ended_by(signal.SIGKILL), id="kill -9"),
        pytest.param(browser_call_ended_by(browser.hang_up), id="browser: hung up"),
        pytest.param(browser_call_ended_by(browser.hang_up_aloud), id="browser: voice command"),
        pytest.param(browser_call_ended_by(browser.close_the_tab), id="browser: tab closed"),
        pytest.param(browser_call_ended_by(browser.lose_the_network), id="browser: network gone"),
        pytest.param(browser_call_ended_by(browser.leave_on_discord), id="browser: leave on Discord"),
        pytest.param(browser_call_ended_by(browser.lose_the_voice), id="browser: voice lost for good"),
        pytest.param(browser.a_hold_fails, id="browser: exception in any hold"),
        pytest.param(process_with_a_page_ended_by(signal.SIGTERM), id="browser: SIGTERM"),
        pytest.param(process_with_a_page_ended_by(signal.SIGKILL), id="browser: kill -9"),
        pytest.param(phone_call_ended_by(phone.hang_up, SipNetwork), id="phone over SIP: hung up"),
        pytest.param(phone_call_ended_by(phone.vanish, SipNetwork), id="phone over SIP: no sound comes"),
        pytest.param(phone_call_ended_by(phone.leave_on_discord, SipNetwork), id="phone over SIP: !leave"),
        pytest.param(phone_call_ended_by(phone.lose_the_voice, SipNetwork), id="phone over SIP: voice killed"),
        pytest.param(phone.keys_are_wrong(SipNetwork), id="phone over SIP: wrong PINs"),
        pytest.param(phone.phone_process_ended_by_sigterm(SipNetwork), id="phone over SIP: SIGTERM"),
        pytest.param(phone_call_ended_by(phone.hang_up, TwilioNetwork), id="phone over Twilio: hung up"),
        pytest.param(
            phone_call_ended_by(phone.break_off, TwilioNetwork), id="phone over Twilio: line lost", marks=slow
        ),
        pytest.param(
            phone_call_ended_by(phone.vanish, TwilioNetwork), id="phone over Twilio: no sound comes", marks=slow
        ),
        pytest.param(
            phone_call_ended_by(phone.leave_on_discord, TwilioNetwork), id="phone over Twilio: !leave", marks=slow
        ),
        pytest.param(
            phone_call_ended_by(phone.lose_the_voice, TwilioNetwork), id="phone over Twilio: voice killed", marks=slow
        ),
        pytest.param(phone.keys_are_wrong(TwilioNetwork), id="phone over Twilio: wrong PINs", marks=slow),
        pytest.param(phone.phone_process_ended_by_sigterm(TwilioNetwork), id="phone over Twilio: SIGTERM"),
        pytest.param(phone.a_hold_fails, id="phone: exception in any hold"),
    ],
)
async def test_after_every_ending_nothing_is_held_and_every_feature_works(means: Means, ending: Ending) -> None:
    async with ending(means) as (world, features):
        calls = world.stage.app.calls
        await world.stage.until(lambda: calls.status().state is CallState.IDLE and not calls.status().stuck, "the end")
        assert calls.status().held == ()
        assert len(features) == 10
        for feature in features:
            await feature.works(world)
