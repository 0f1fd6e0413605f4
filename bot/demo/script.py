"""The scripts of the demonstration's calls: one for real speech recognition, and a shorter one for toy weights."""

from __future__ import annotations

from bot.demo.guests import Guests


async def toy_call(guests: Guests) -> None:
    """Play a call of two guests, who say only sentences that the toy weights know.

    Raises:
        CallFailedError: an expected event did not happen.
    """
    await guests.wait_for_the_engines()
    await guests.enter("Ada")
    await guests.call_the_bot("Ada")
    guests.note("From now on she speaks into her microphone.")
    await guests.ask("hello")
    await guests.ask("question")
    await guests.interrupt("story", "interruption")
    await guests.enter("Ben")
    guests.note("Ben comes in: now there are two of them, so he calls the bot by its name.")
    await guests.ask("by name")
    await guests.send_away("farewell")


async def real_call(guests: Guests) -> None:
    """Play a call of three guests, who come and go, ask, interrupt, cough, and talk to each other.

    Raises:
        CallFailedError: an expected event did not happen.
    """
    await guests.wait_for_the_engines()
    await guests.enter("Ada")
    await guests.call_the_bot("Ada")
    guests.note("From now on she speaks into her microphone.")
    await guests.ask("hello")
    await guests.ask("capital")
    await guests.interrupt("story", "interruption")
    await guests.enter("Dan")
    guests.note("Dan comes in: now there are two of them, so he calls the bot by its name.")
    await guests.ask("dog")
    await guests.enter("Cleo")
    guests.note("Cleo comes in. What she and Dan say to each other is not for the bot.")
    await guests.say_aside("aside")
    await guests.say_aside("agreed")
    await guests.ask("memory")
    await guests.ask("colors")
    await guests.say_aside("thanks")
    await guests.leave("Cleo")
    await guests.send_away("farewell")
