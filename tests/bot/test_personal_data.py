"""Everything that is stored about a person: all stores are known, exported and emptied, and nobody else's data goes."""

from __future__ import annotations

import asyncio
import errno
import json
import re
import resource
import signal
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
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
from bot.long_term import forget_in_recordings
from bot.memory.forgetting import ForgottenWords
from bot.personal_data.choices import KEPT_OPT_OUT
from bot.personal_data.personal_data import PersonalStores, Subject
from bot.personal_data.recorded import FILES_LEFT, OWN_VOICE_LEFT
from bot.personal_data.stores import KEPT_IGNORED, all_stores
from bot.recorded_answers import (
    ANSWERS_FILE,
    BOT_FILE,
    NEW_ANSWERS_FILE,
    RecordedAnswer,
    RecordedAnswers,
    Span,
)
from bot.speech_server.client import SpeechServerClient
from bot.speech_server.errors import VoicesError
from bot.speech_server.voices import VoiceCatalogue
from bot.store import Store
from bot.voices.records import Maker, VoiceRecords
from bot.voices.voices import Voices
from config.sections import ListeningPolicy
from languages.search_words import words
from tests.timing import LIMIT

ROOT = Path(__file__).parents[2]
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

PEOPLE_COLUMNS = re.compile(r"\b(person|user|author|maker|member|subject|asker)\b")


DYING = """
import asyncio, os, signal, sys
from pathlib import Path
from bot.database import Database
from bot.personal_data.begun import StoredErasures
from bot.personal_data.personal_data import PersonalStores, Subject
from bot.personal_data.tables import TableData
class Deadly:
    name = "deadly"
    async def erase(self, subject):
        os.kill(os.getpid(), signal.SIGKILL)
async def main():
    database = await Database.open(Path(sys.argv[1]))
    stores = [TableData("reminders", database, "reminder", "person"), Deadly()]
    await PersonalStores(stores, database.erase_traces, StoredErasures(database)).erase(Subject(int(sys.argv[2]), 110))
asyncio.run(main())
"""
"""A program that erases the reminders of a person, and is killed before it erases more."""


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
        # This one has the people whose data are being erased; see bot/personal_data/begun.py.
        "erasure",
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
    assert set(dropped) == {ADA}, "a running call is told to drop what it holds"
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
    assert RecordedAnswers.read(folder).texts_of(lambda _: True) == ["Ben answerella"]


async def test_texts_beside_recordings_that_name_a_person_are_deleted_whoever_was_answered(house: House) -> None:
    folder = house.folder / "recordings" / RECORDING
    texts = ("Ben, it is Ada's.", "Adagio, Ben.", "She was not heard here, but named.", "Ada greeted")
    named = ((), (), (ADA,), ())
    people = (BEN, BEN, BEN, None)
    (folder / f"Ada-{ADA}.wav").write_bytes(b"sound")
    (folder / BOT_FILE).write_bytes(to_wav(np.zeros(4, np.float32), SPEAKING_RATE))
    answers = [
        RecordedAnswer((Span(at, at + 1),), text, person=person, named=ids)
        for at, (text, person, ids) in enumerate(zip(texts, people, named, strict=True))
    ]
    RecordedAnswers(GENERAL, 4, tuple(answers)).write(folder)
    exported = json.dumps(await house.stores.export(Subject(ADA)))
    assert all(text in exported for text in (texts[0], *texts[2:]))
    await house.stores.erase(Subject(ADA))
    left = RecordedAnswers.read(folder)
    assert [answer.text for answer in left.answers] == ["", texts[1], "", ""]
    assert all(ADA not in (answer.person, *answer.named) for answer in left.answers)


async def test_texts_beside_a_recording_stay_deleted_if_two_people_have_them_deleted_at_the_same_time(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, cleo = house.folder / "recordings" / RECORDING, 33
    (folder / BOT_FILE).write_bytes(to_wav(np.zeros(3, np.float32), SPEAKING_RATE))
    people = {ADA: "For one", BEN: "For the other", cleo: "For a third"}
    answers = [
        RecordedAnswer((Span(at, at + 1),), text, person=person) for at, (person, text) in enumerate(people.items())
    ]
    RecordedAnswers(GENERAL, 3, tuple(answers)).write(folder)
    writing, read, forget = threading.Event(), RecordedAnswers.read, RecordedAnswers.forget

    def forget_slowly(self: RecordedAnswers, folder: Path, concerns: Callable[[RecordedAnswer], bool]) -> None:
        # Whoever comes second may have read the file before the first one has written it.
        writing.wait(0.2) if writing.is_set() else writing.set()
        forget(self, folder, concerns)

    monkeypatch.setattr(RecordedAnswers, "forget", forget_slowly)
    await asyncio.gather(*(house.stores.erase(Subject(person)) for person in (ADA, BEN)))
    assert read(folder).texts_of(lambda _: True) == ["For a third"]


async def test_what_a_call_writes_beside_a_recording_during_an_erasure_is_deleted_too(house: House) -> None:
    late = house.folder / "recordings" / "20260103T100000Z-lounge"

    def write(_: int) -> None:
        if not late.exists():
            late.mkdir()
            keep_answers(late)

    house.consent.watch(write)
    await house.stores.erase(Subject(ADA))
    assert "Ada" not in (late / ANSWERS_FILE).read_text()


async def test_texts_beside_recordings_with_words_that_the_memory_forgets_are_deleted(house: House) -> None:
    folder = house.folder / "recordings" / RECORDING
    gone = ForgottenWords(SERVER, ADA, frozenset(words("Ada")), frozenset(), {})
    await forget_in_recordings(CallRecordings(house.folder), gone)
    assert RecordedAnswers.read(folder).texts_of(lambda _: True) == ["Ben answerella"]


async def test_what_a_killed_process_left_half_written_beside_a_recording_is_deleted_at_the_next_start(
    house: House,
) -> None:
    folder = house.folder / "recordings" / RECORDING
    (folder / NEW_ANSWERS_FILE).write_text("Ada answerella")
    CallRecordings(house.folder).tidy()
    assert not (folder / NEW_ANSWERS_FILE).exists()
    assert (folder / ANSWERS_FILE).exists()


async def test_an_erasure_during_which_the_process_died_is_finished_by_the_next_one(house: House) -> None:
    database = str(house.folder / FILE)
    killed = await asyncio.create_subprocess_exec(sys.executable, "-c", DYING, database, str(ADA), cwd=ROOT)
    async with asyncio.timeout(LIMIT):
        assert await killed.wait() == -signal.SIGKILL
    assert await house.database.rows("SELECT count(*) FROM reminder WHERE person = ?", ADA) == [(0,)]
    assert (await house.stores.export(Subject(ADA, ADAS_CHANNEL)))["what you said, and the answers"]
    await house.stores.go_on()
    left = await house.stores.export(Subject(ADA, ADAS_CHANNEL))
    assert {name for name, rows in left.items() if rows} == {
        "servers on which you are ignored in calls",
        "voices that you made",
    }
    # What Ada says afterwards is not deleted by further starts.
    general = ConversationPlace(CHAT, "#general", SERVER, GENERAL)
    house.conversations.store_chat(general, Turn.of_person("Ada", "Hello again", ADA), Turn.of_bot("Hello"))
    await house.stores.go_on()
    await house.conversations.writer.flush()
    assert await house.database.rows("SELECT text FROM turns WHERE person = ?", str(ADA)) == [("Hello again",)]


async def test_an_erasure_on_a_full_disk_says_so_and_erases_everything_once_there_is_room(house: House) -> None:
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    # No file can grow, as on a full disk.
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, usual[1]))
    try:
        erasure = await house.stores.erase(Subject(ADA, ADAS_CHANNEL))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
    told = "\n".join(erasure.failed)
    assert "what you said, and the answers" not in erasure.counts
    assert all(words in told for words in ("What you said", "your timers and reminders", "Recordings of you", "rows"))
    again = await house.stores.erase(Subject(ADA, ADAS_CHANNEL))
    assert again.failed == ("Voices that you made: It does not answer.",)
    files = [path for path in house.folder.rglob("*") if path.is_file()]
    stored = b"".join([await asyncio.to_thread(path.read_bytes) for path in files])
    assert [word for word in SECRETS if f"Ada {word}".encode() in stored] == []


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
