"""Attempts to be told, to keep or to delete what is not one's own, and what is left after forgetting."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path

from bot.conversations.records import ConversationPlace
from bot.conversations.writer import StoredConversation
from bot.database import FILE, Database
from bot.llm.history import Turn
from tests.bot.memory.brain import ADA, BEN, CLEO, DAY, HOME, NAMES, Brain, asker, brain
from tests.bot.memory.test_gathering import Model, gatherer
from tests.timing import LIMIT

OTHER_BEN = 99
ROOT = Path(__file__).parents[3]


def facts(*found: tuple[str, str, str]) -> str:
    """A model's answer: person, fact and quote of each."""
    return json.dumps({"facts": [{"person": person, "fact": fact, "quote": quote} for person, fact, quote in found]})


def on_disk(folder: Path) -> bytes:
    """The contents of all files in a folder. Reading them blocks."""
    return b"".join(path.read_bytes() for path in folder.iterdir())


async def gather(mind: Brain, answer: str) -> None:
    gathering = gatherer(mind, Model(lambda _: answer))
    async with asyncio.timeout(LIMIT):
        while await gathering.gather_some():
            pass


async def said(mind: Brain) -> list[str]:
    rows = await mind.database.rows("SELECT text FROM turns WHERE person IS NOT NULL ORDER BY conversation, number")
    return [str(text) for (text,) in rows]


async def test_whoever_forgets_a_fact_that_they_told_about_another_person_deletes_nothing_of_that_person(
    tmp_path: Path,
) -> None:
    async with brain(tmp_path) as mind:
        await mind.learn("dog is called Bolt", "My dog is called Bolt.", speaker=BEN, heard=[ADA, CLEO])
        await mind.written(BEN, "I went to Rome with Bolt.")
        mind.now += DAY
        told = await mind.learn("likes Bolt and Rome", "Ben likes Bolt and Rome.", speaker=CLEO, person=BEN)
        mind.now += DAY
        await mind.written(BEN, "Rome again, and Bolt is with me.")
        assert await mind.memory.forget(told.id, CLEO)
        assert "Bolt" in await mind.recalled(BEN, "What is my dog called?")
        assert await said(mind) == ["I went to Rome with Bolt.", "Rome again, and Bolt is with me."]


async def test_forgetting_a_fact_deletes_sentences_of_others_only_if_they_have_a_new_name_from_the_fact(
    tmp_path: Path,
) -> None:
    async with brain(tmp_path) as mind:
        await mind.written(BEN, "I was in Lisbon on Monday.")
        await mind.written(CLEO, "Hello everybody.")
        mind.now += DAY
        text = "My cousin Zephyrine lives in Lisbon with Cleo."
        await mind.written(ADA, text)
        fact = await mind.learn("cousin Zephyrine lives in Lisbon with Cleo", text)
        mind.now += DAY
        await mind.written(BEN, "How is Zephyrine?")
        await mind.written(BEN, "Lisbon was hot.")
        await mind.written(BEN, "Where is Cleo?")
        assert await mind.memory.forget(fact.id, ADA)
        left = {"I was in Lisbon on Monday.", "Hello everybody.", "Lisbon was hot.", "Where is Cleo?"}
        assert set(await said(mind)) == left
        assert b"ephyrin" not in mind.bytes_of_all_files()


async def test_forgetting_in_private_deletes_nothing_from_others_private_chats(tmp_path: Path) -> None:
    async with brain(tmp_path) as mind:
        for person in (ADA, BEN):
            await mind.written(person, "I know Zephyrine.", server=None)
            await mind.database.write(
                "INSERT INTO chat_memory (channel, role, text, speaker, person) VALUES (?, 'user', ?, '', ?)",
                100 + person,
                f"{NAMES[person]} knows Zephyrine.",
                str(person),
            )
        fact = await mind.learn("knows Zephyrine", "I know Zephyrine.", server=None)
        assert await mind.memory.forget(fact.id, ADA)
        assert await said(mind) == ["I know Zephyrine."]
        assert await mind.database.rows("SELECT text FROM chat_memory") == [("Ben knows Zephyrine.",)]


async def test_hearsay_does_not_supersede_what_a_person_said(tmp_path: Path) -> None:
    async with brain(tmp_path) as mind:
        await mind.learn("dog is called Bolt", "My dog is called Bolt.", speaker=BEN, heard=[ADA])
        mind.now += 5
        await mind.written(BEN, "Hello.")
        await mind.written(CLEO, "Ben's dog is called Rex.")
        await gather(mind, facts(("Ben", "dog is called Rex", "Ben's dog is called Rex.")))
        assert "Bolt" in await mind.recalled(ADA, "What is Ben's dog called?")
        both = await mind.recalled(BEN, "What is my dog called?")
        assert "Bolt (Ben said" in both
        assert "Rex (Cleo said" in both
        # What Ben himself says later replaces both.
        mind.now += 5
        await mind.written(BEN, "My dog is called Wuff.")
        await gather(mind, facts(("Ben", "dog is called Wuff", "My dog is called Wuff.")))
        only = await mind.recalled(BEN, "What is my dog called?")
        assert "Wuff" in only and "Rex" not in only and "Bolt" not in only


async def test_a_fact_from_a_time_when_the_clock_was_wrong_does_not_keep_newer_ones_out(tmp_path: Path) -> None:
    async with brain(tmp_path) as mind:
        mind.now += 900 * DAY
        await mind.learn("lives in Paris", "I live in Paris.")
        mind.now -= 900 * DAY
        await mind.written(ADA, "I live in Rome.")
        await gather(mind, facts(("Ada", "lives in Rome", "I live in Rome.")))
        told = await mind.recalled(ADA, "Where do I live?")
        assert "Rome" in told and "Paris" not in told


async def test_whoever_is_erased_while_facts_are_stored_leaves_none(tmp_path: Path) -> None:
    async with brain(tmp_path) as mind:
        await mind.written(ADA, "My sister is called Mira.")
        gathering = gatherer(
            mind, Model(lambda _: facts(("Ada", "sister is called Mira", "My sister is called Mira.")))
        )
        still_there = gathering._unread.still_there
        erasing: list[asyncio.Task[None]] = []

        async def erase() -> None:
            await mind.memory.erase(ADA)
            mind.conversations.writer.forget_person(ADA)
            await mind.conversations.writer.flush()

        async def erased_meanwhile(conversation: int, turn: object) -> bool:
            there = await still_there(conversation, turn)  # type: ignore[arg-type]
            erasing.append(asyncio.create_task(erase()))
            for _ in range(100):
                await asyncio.sleep(0)
            return there

        gathering._unread.still_there = erased_meanwhile  # type: ignore[method-assign]
        async with asyncio.timeout(LIMIT):
            await gathering.gather_some()
            await asyncio.gather(*erasing)
        assert await mind.memory.export(ADA) == []
        assert b"Mira" not in mind.bytes_of_all_files()


async def test_whoever_is_erased_before_facts_are_stored_is_not_remembered_again(tmp_path: Path) -> None:
    async with brain(tmp_path) as mind:
        await mind.written(ADA, "My sister is called Mira.")
        model = Model(lambda _: facts(("Ada", "sister is called Mira", "My sister is called Mira.")), waits=True)
        gathering = gatherer(mind, model)
        asked = gathering._ask

        async def erased_meanwhile(transcript: str, server: int | None) -> str:
            model.waits = False
            answer = await asked(transcript, server)
            # The sentence itself is deleted a little later.
            await mind.memory.erase(ADA)
            return answer

        gathering._ask = erased_meanwhile  # type: ignore[method-assign]
        async with asyncio.timeout(LIMIT):
            await gathering.gather_some()
        assert await mind.memory.export(ADA) == []


async def test_words_are_forgotten_and_found_however_many_newer_facts_have_them(tmp_path: Path) -> None:
    async with brain(tmp_path) as mind:
        await mind.learn("sister is called Zephyrine", "My sister is called Zephyrine.", heard=[CLEO])
        for number in range(510):
            mind.now += 1
            await mind.learn(f"friend {number} is called Zephyrine", f"Ada's Zephyrine {number}.", speaker=BEN)
        assert len(await mind.memory.about("Ada", asker(CLEO))) == 1
        assert await mind.memory.forget_words("Zephyrine", asker(ADA)) == 1
        assert await mind.memory.export(ADA) == []


async def test_whoever_asks_about_a_person_is_not_shown_another_one_of_that_name(tmp_path: Path) -> None:
    async with brain(tmp_path) as mind:
        NAMES[OTHER_BEN] = "Ben"
        await mind.learn("was in prison", "I was in prison.", speaker=OTHER_BEN, heard=[ADA])
        assert await mind.memory.about("Ben", asker(ADA), BEN) == []
        assert len(await mind.memory.about("Ben", asker(ADA), OTHER_BEN)) == 1


async def test_whoever_is_erased_is_nowhere_as_a_witness_either(tmp_path: Path) -> None:
    async with brain(tmp_path) as mind:
        call = StoredConversation(ConversationPlace("discord", "Lounge", HOME, 9), mind.now)
        heard = {ADA: "Ada", BEN: "Benedikt"}
        mind.conversations.add(call, Turn.of_person("Ada", "My sister is called Mira.", ADA), mind.now, heard)
        mind.conversations.writer.end(call, mind.now)
        assert await mind.conversations.writer.flush()
        await mind.learn("sister is called Mira", "My sister is called Mira.", heard=[BEN, 120])
        await mind.memory.erase(BEN)
        await mind.database.erase_traces()
        assert b"Benedikt" not in mind.bytes_of_all_files()
        assert "Mira" in await mind.recalled(ADA, "Who is my sister?")
        assert await mind.recalled(BEN, "Who is Ada's sister?") == ""
        (fact,) = await mind.memory.export(ADA)
        assert fact.audience == "s7p11 s7p120 p11 p120"


async def test_a_process_that_dies_while_it_forgets_leaves_no_words_after_the_next_start(tmp_path: Path) -> None:
    async with brain(tmp_path) as mind:
        for number in range(100):
            await mind.learn(f"has {number} Plumbobs", f"I have {number} Plumbobs.")
    program = (
        "import asyncio, os, signal, sys\n"
        "from pathlib import Path\n"
        "from bot.database import Database\n"
        "async def main():\n"
        "    database = await Database.open(Path(sys.argv[1]))\n"
        "    await database.write('DELETE FROM fact')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "asyncio.run(main())\n"
    )
    killed = await asyncio.create_subprocess_exec(sys.executable, "-c", program, str(tmp_path / FILE), cwd=ROOT)
    async with asyncio.timeout(LIMIT):
        assert await killed.wait() == -signal.SIGKILL
    assert b"lumbob" in on_disk(tmp_path), "the words are still in the database's log"
    async with Database.opened(tmp_path / FILE) as database:
        assert b"lumbob" not in on_disk(tmp_path)
        assert await database.rows("SELECT value FROM setting WHERE name = 'traces'") == []
