"""The command ``memory`` typed on the page: a person sees, corrects and deletes what is remembered of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.browser_memory import BrowserMemory
from bot.user_error import UserError
from bot.voice.browser.people import PAGE_PLACE
from config.sections import MemoryPolicy
from tests.bot.memory.brain import ADA, BEN, CLEO, HOME, brain


async def test_whoever_has_not_chosen_is_asked_once(tmp_path: Path) -> None:
    async with brain(tmp_path, policy=MemoryPolicy.ASK) as mind:
        typed = BrowserMemory(mind.memory, "!")
        assert "`!memory on`" in (typed.question(ADA) or "")
        assert typed.question(ADA) is None
        await typed.carry_out(BEN, PAGE_PLACE, " on")
        assert typed.question(BEN) is None
        small = BrowserMemory(mind.memory, "!", lambda: False)
        assert small.question(CLEO) is None, "a small model gathers nothing"


async def test_a_person_on_the_page_sees_corrects_and_deletes_what_is_theirs(tmp_path: Path) -> None:
    async with brain(tmp_path) as mind:
        typed = BrowserMemory(mind.memory, "!")

        async def ask(words: str, person: int = ADA) -> str:
            return await typed.carry_out(person, PAGE_PLACE, words)

        assert await ask("") == "🧠 I remember nothing of you here."
        tea = await mind.learn("likes Tea", "I like Tea.", server=PAGE_PLACE)
        await mind.learn("plays chess", "I play chess.", server=HOME)
        other = await mind.learn("has a cat", "I have a cat.", speaker=BEN, server=PAGE_PLACE)
        listed = await ask(" me")
        assert f"{tea.id}: likes Tea" in listed
        assert "chess" not in listed, "what was said on Discord is not shown on the page"
        assert await ask(f" correct {tea.id} likes Coffee") == "🧠 Corrected."
        assert "likes Coffee" in await ask("")
        for attack in (f" forget {other.id}", f" correct {other.id} x", " forget cat", " forget 99999", " correct x"):
            assert (await ask(attack)).startswith("❌ I remember nothing like that of you."), attack
        with pytest.raises(UserError) as refused:
            await ask(" delete` 1")
        assert str(refused.value) == (
            "❓ I don't know `!memory delete`. `!memory` shows what I remember of you, and these change it: "
            "`!memory forget NUMBER|WORDS|all`, `!memory correct NUMBER TEXT`, `!memory on|off`."
        )
        assert (await ask(" forget coffee")).startswith("🧠 Forgotten (1): nothing of it is in my files any more")
        assert b"Coffee" not in mind.bytes_of_all_files()
        assert (await ask(" off")).startswith("🧠 I remember nothing of you from now on")
        assert mind.memory.choice(ADA) is False
        assert await mind.memory.export(ADA) == []
        assert (await ask(" on")).startswith("🧠 I remember from now on")
        for number in range(23):
            await mind.learn(f"likes number {number}!", f"I like number {number}.", server=PAGE_PLACE)
        first, second = await ask(""), await ask(" me 2")
        assert "Page 1 of 2: `!memory me 2`" in first
        assert "Page 2 of 2: `!memory me 1`" in second
        assert [f"number {number}!" in second for number in range(23)] == [True] * 3 + [False] * 20
        assert await ask(" me 99") == second
        await mind.memory.forget_all(ADA)
        assert [fact.id for fact in await mind.memory.export(BEN)] == [other.id]
