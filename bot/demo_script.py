"""The scripted calls of the demonstration: one for real ears, a shorter one for toys."""

from __future__ import annotations

from bot.demo_caller import Caller


async def toy_call(caller: Caller) -> None:
    """Two guests say sentences that the toys know.

    Raises:
        CallFailedError: something that should happen did not.
    """
    await caller.comes("Ada")
    await caller.calls_the_bot("Ada")
    caller.note("From now on she speaks into her microphone.")
    await caller.asks("hello")
    await caller.asks("question")
    await caller.interrupts("story", "interruption")
    await caller.comes("Ben")
    caller.note("Ben comes in: now there are two of them, so he calls by name.")
    await caller.asks("by name")
    await caller.sends_away("farewell")


async def real_call(caller: Caller) -> None:
    """Three guests come and go, ask, interrupt, cough, and talk to each other.

    Raises:
        CallFailedError: something that should happen did not.
    """
    await caller.comes("Ada")
    await caller.calls_the_bot("Ada")
    caller.note("From now on she speaks into her microphone.")
    await caller.asks("hello")
    await caller.asks("capital")
    await caller.interrupts("story", "interruption")
    await caller.comes("Dan")
    caller.note("Dan comes in: now there are two of them, so he calls by name.")
    await caller.asks("dog")
    await caller.comes("Cleo")
    caller.note("Cleo comes in. What she and Dan say to each other is not for the bot.")
    await caller.says_aside("aside")
    await caller.says_aside("agreed")
    await caller.asks("memory")
    await caller.asks("colors")
    await caller.says_aside("thanks")
    await caller.goes("Cleo")
    await caller.sends_away("farewell")
