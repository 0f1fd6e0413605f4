"""Everything that is stored about a person: all stores are known, exported and emptied, and nobody else's data goes."""

from __future__ import annotations

import asyncio
import errno
import json
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from audio.samples import SPEAKING_RATE
from audio.wav import to_wav
from bot.characters import Characters
from bot.consent import ListeningConsent
from bot.conversations.keeping import Conversations
from bot.conversations.recordings import CallRecordings
from bot.conversations.records import CHAT, ConversationPlace, ConversationRecords
from bot.database import FILE, Database
from bot.features.text_chat.chat_memory import ChatMemory
from bot.llm.history import Turn
from bot.llm.personas import PERSONAS_DIR
from bot.personal_data.choices import KEPT_OPT_OUT
from bot.personal_data.personal_data import PersonalStores, Subject
from bot.personal_data.recorded import FILES_LEFT, OWN_VOICE_LEFT
from bot.personal_data.stores import KEPT_IGNORED, all_stores
from bot.recorded_answers import ANSWERS_FILE, BOT_FILE, RecordedAnswer, RecordedAnswers, Span
from bot.speech_server.client import SpeechServerClient
from bot.speech_server.errors import VoicesError
from bot.speech_server.voices import VoiceCatalogue
from bot.store import Store
from bot.voices.records import Maker, VoiceRecords
from bot.voices.voices import Voices
from config.sections import ListeningPolicy

ADA, BEN = 11, 22
ADAS_CHANNEL, SERVER, GENERAL = 110, 1, 100
RECORDING = "20260101T100000Z-lounge"
SECRETS = (
    "zanzibar",
    "pizzarella",
    "figurinella",
    "scheduletta",
    "waitinga",
    "quarrel",
    "marzipan",
    "volatila",
    "answerella",
)
"""Words in the different stores. Each stands after the name of its person, as in "Ada zanzibar"."""

PEOPLE_COLUMNS = re.compile(r"\b(person|user|author|maker|member|subject)\b")


class DeadSpeechServer(SpeechServerClient):
    """A speech server that does not answer."""

    def __init__(self) -> None:
        pass

    async def catalogue(self) -> VoiceCatalogue:
        raise VoicesError("❌ It does not answer.")


@dataclass
class House:
    """All stores, with data of Ada and of Ben."""

    folder: Path
    database: Database
    consent: ListeningConsent
    conversations: Conversations
    characters: Characters
    stores: PersonalStores

    async def fill(self, person: int, name: str, private: int) -> None:
        """Store something of a person in nearly every store. ``private`` is the channel of their private messages."""
        general = ConversationPlace(CHAT, "#general", SERVER, GENERAL)
        dm = ConversationPlace(CHAT, name, None, private)
        memory = ChatMemory(self.database, 100)
        for place, word in ((general, "zanzibar"), (dm, "quarrel")):
            asked, answered = Turn.of_person(name, f"{name} {word}", person), Turn.of_bot(f"Answer to {name} {word}")
            self.conversations.store_chat(place, asked, answered)
            await memory.remember(place.channel or 0, asked, answered)
        # An older version stored no person with a line of the chat.
        await self.database.write("UPDATE chat_memory SET person = NULL WHERE text LIKE '%zanzibar'")
        # This line is too old to be among the conversations.
        old = Turn.of_person(name, f"{name} marzipan", person)
        await memory.remember(GENERAL, old, Turn.of_bot(f"Answer to {name} marzipan"))
        await self.conversations.writer.flush()
        await self.database.write(
            "INSERT INTO chat_waiting (message, channel, author, at, name, text) "
            "VALUES (?1, 1, ?1, 5, ?2, ?2 || ' waitinga')",
            person,
            name,
        )
        await self.database.write(
            "INSERT INTO reminder (person, name, server, text, due_at, timer, created_at) "
            "VALUES (?1, ?2, 1, ?2 || ' pizzarella', 9, 0, 1)",
            person,
            name,
        )
        await self.database.write(
            "INSERT INTO unanswered_prompt (channel, person, name, text, recited) "
            "VALUES (1, ?1, ?2, ?2 || ' volatila', 0)",
            person,
            name,
        )
        words = f"{name} figurinella"
        await self.database.write("INSERT INTO figurine_subscription VALUES (?, 0, ?, 0)", person, words)
        await self.database.write("INSERT INTO figurine_told VALUES ('feed', 'key', ?)", person)
        await self.database.write(
            "INSERT INTO scheduled_event (guild, channel, author, cron, text, file, skip, settled_at) "
            "VALUES (1, 2, ?, '* * * * *', ?, CAST('bytes' AS BLOB), 0, 1)",
            person,
            f"{name} scheduletta",
        )
        await self.database.write("INSERT INTO ignored_person VALUES (1, ?)", person)
        await self.database.write("INSERT INTO autojoin VALUES (?1, 2, 3, '', ?1, 0)", person)
        await self.characters.choose_persona(private, "evil_seiyuu")
        await VoiceRecords(self.database).store_maker(f"{name}-voice", Maker(person, SERVER))
        folder = self.folder / "recordings" / RECORDING
        folder.mkdir(parents=True, exist_ok=True)
        # Another person's id at the end of a name belongs to the name.
        (folder / f"{name}-{BEN}-{person}.wav").write_bytes(b"sound")


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with Database.opened(tmp_path / FILE) as database:
        consent = await ListeningConsent.load(Store(database), ListeningPolicy.OPT_OUT)
        conversations = Conversations(ConversationRecords(database), "forever", lambda server, person: True)
        characters = await Characters.open(database, PERSONAS_DIR, "seiyuu")
        stores = all_stores(
            database,
            consent=consent,
            writer=conversations.writer,
            recordings=CallRecordings(tmp_path),
            voices=await Voices.load(DeadSpeechServer(), database, "!"),
            characters=characters,
        )
        house = House(tmp_path, database, consent, conversations, characters, stores)
        await house.fill(ADA, "Ada", ADAS_CHANNEL)
        await house.fill(BEN, "Ben", 220)
        keep_answers(tmp_path / "recordings" / RECORDING)
        yield house


def keep_answers(folder: Path, *, older: bool = False) -> None:
    """Write the texts of the answers beside a recording. An ``older`` version wrote nothing of whom they are for."""
    (folder / BOT_FILE).write_bytes(to_wav(np.zeros(3, np.float32), SPEAKING_RATE))
    texts = {ADA: "Ada answerella", BEN: "Ben answerella"}
    answers = [
        RecordedAnswer((Span(at, at + 1),), text, person=None if older else person)
        for at, (person, text) in enumerate(texts.items())
    ]
    RecordedAnswers(GENERAL, 3, tuple(answers)).write(folder)


async def test_every_column_with_peoples_ids_belongs_to_a_store(tmp_path: Path) -> None:
    async with Database.opened(tmp_path / FILE) as database:
        tables = await database.rows("SELECT name, sql FROM sqlite_master WHERE type = 'table'")
    found = {str(name) for name, sql in tables if PEOPLE_COLUMNS.search(re.sub(r"--.*", "", sql or ""))}
    known = {
        *("listening_choice", "ignored_person", "voice_maker", "chat_waiting", "scheduled_event"),
        *("figurine_subscription", "turns", "chat_memory", "reminder", "autojoin", "unanswered_prompt"),
        # This one counts how much people use the engines; see bot/personal_data/used.py.
        "usage",
        # These belong to the notes of calls; see bot/personal_data/noted.py.
        *("note_line", "note_person"),
        # These belong to the memory; see bot/personal_data/remembered.py.
        *("fact", "memory_choice", "memory_waiting"),
    }
    assert found == known, "a table with people's ids needs a line in bot/personal_data/stores.py"


async def test_a_person_sees_all_that_is_theirs_and_nothing_of_others(house: House) -> None:
    found = await house.stores.export(Subject(ADA, ADAS_CHANNEL))
    written = json.dumps(found, ensure_ascii=False)
    assert [word for word in SECRETS if f"Ada {word}" not in written] == []
    assert "Ada-22-11.wav" in written
    assert "Ada-voice" in written
    assert "5 bytes" in written
    assert "Ben" not in written
    empty = [name for name, rows in found.items() if not rows]
    assert empty == ["news of figurines that you were sent", "whether you want to be listened to"]
    assert not any((await house.stores.export(Subject(33, 330))).values())


async def test_what_a_person_has_erased_is_nowhere_on_the_disk_and_others_keep_theirs(house: House) -> None:
    dropped: list[int] = []
    house.consent.watch(dropped.append)
    await house.consent.opt_in(ADA)
    erasure = await house.stores.erase(Subject(ADA, ADAS_CHANNEL))
    assert dropped == [ADA], "a running call is told to drop what it holds"
    assert set(erasure.left) == {KEPT_IGNORED, OWN_VOICE_LEFT}
    assert erasure.failed == ("Voices that you made: It does not answer.",)
    assert erasure.counts["what you said, and the answers"] == 4
    assert house.consent.choice(ADA) is None
    files = [path for path in house.folder.rglob("*") if path.is_file()]
    stored = b"".join([await asyncio.to_thread(path.read_bytes) for path in files])
    assert [word for word in SECRETS if f"Ada {word}".encode() in stored] == []
    assert [word for word in SECRETS if f"Ben {word}".encode() not in stored] == []
    assert sorted(path.name for path in files if path.suffix == ".wav") == ["Ben-22-22.wav", BOT_FILE]
    left = await house.stores.export(Subject(ADA, ADAS_CHANNEL))
    assert {name for name, rows in left.items() if rows} == {
        "servers on which you are ignored in calls",
        "voices that you made",
    }


@pytest.mark.parametrize("file", ["of an older version", "broken", "without bot.wav"])
async def test_answers_are_deleted_where_it_is_not_known_to_whom_they_were(house: House, file: str) -> None:
    folder = house.folder / "recordings" / RECORDING
    elsewhere = folder.with_name("20260102T100000Z-lounge")
    elsewhere.mkdir()
    for each in (folder, elsewhere):
        keep_answers(each, older=True)
        if file == "broken":
            (each / ANSWERS_FILE).write_text("Ada answerella")
        if file == "without bot.wav":
            (each / BOT_FILE).unlink()
    await house.stores.erase(Subject(ADA))
    assert not (folder / ANSWERS_FILE).exists()
    assert (elsewhere / ANSWERS_FILE).exists(), "Ada was not heard there"


async def test_answers_to_others_stay_if_a_full_disk_keeps_the_file_from_being_written(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = house.folder / "recordings" / RECORDING

    def fill(path: Path, data: bytes) -> int:
        with path.open("wb") as file:
            file.write(data[:10])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_bytes", fill)
        erasure = await house.stores.erase(Subject(ADA))
    assert FILES_LEFT in erasure.failed
    assert [path.name for path in folder.glob("answers*")] == [ANSWERS_FILE], "no half of a file is left"
    await house.stores.erase(Subject(ADA))
    assert RecordedAnswers.read(folder).texts_for([ADA, BEN]) == ["Ben answerella"]


async def test_recordings_that_can_not_be_read_do_not_count_as_erased(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> Iterator[Path]:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    with monkeypatch.context() as patched:
        patched.setattr(Path, "iterdir", refuse)
        erasure = await house.stores.erase(Subject(ADA))
    assert FILES_LEFT in erasure.failed


async def test_what_a_running_bot_deletes_is_counted_too(house: House) -> None:
    # A running bot deletes what was said as soon as somebody opts out or is forgotten.
    house.consent.watch(house.conversations.writer.forget_person)
    general = ConversationPlace(CHAT, "#general", SERVER, GENERAL)
    house.conversations.store_chat(general, Turn.of_person("Ada", "Ada zanzibar", ADA), Turn.of_bot("Not stored yet"))
    erasure = await house.stores.erase(Subject(ADA, ADAS_CHANNEL))
    assert erasure.counts["what you said, and the answers"] == 6
    await house.conversations.writer.flush()
    rows = await house.database.rows("SELECT DISTINCT person FROM turns WHERE person IS NOT NULL")
    assert rows == [(str(BEN),)]


async def test_an_opt_out_stays_because_the_person_would_be_heard_without_it(house: House) -> None:
    await house.consent.opt_out(ADA)
    erasure = await house.stores.erase(Subject(ADA))
    assert not house.consent.admits(ADA)
    assert KEPT_OPT_OUT in erasure.left
    again = await ListeningConsent.load(Store(house.database), ListeningPolicy.OPT_OUT)
    assert not again.admits(ADA)


async def test_a_store_that_fails_is_reported_and_stops_no_other(house: House) -> None:
    await house.database.write("DROP TABLE reminder")
    erasure = await house.stores.erase(Subject(ADA, ADAS_CHANNEL))
    assert any(text.startswith("your timers and reminders") for text in erasure.failed)
    assert erasure.counts["posts that you have scheduled"] == 1
