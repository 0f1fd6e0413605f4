"""Tests of notes from the lines of a call to what is posted, found, told and deleted, over a real database."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from pathlib import Path

import pytest

from bot.llm.history import Turn
from bot.long_term import forget_in_notes
from bot.memory.forgetting import ForgottenWords
from bot.notes.finishing import DISCORD, QUIET, RETRIES
from bot.notes.lines import NotesPlace
from bot.notes.markdown import BROKE_OFF
from bot.notes.notebook import RETRY_SECONDS
from bot.notes.requests import TASK
from bot.notes.service import DAY
from bot.notes.summing import NOT_REACHED, NOTHING_FOUND, TOO_SMALL
from tests.bot.notes.notes_house import ADA, BEN, CLEO, SERVER, Model, notes_house, say
from tests.timing import LIMIT

_LINE = re.compile(r"^(\d+) \d\d:\d\d (?:Ada|Ben): (.*)$", re.MULTILINE)


def last_of_each_part(shown: str) -> str | None:
    """The script of a model. If it gets lines of a transcript, it finds a decision in the last line. If it gets claims
    to merge, it returns them.
    """
    lines = _LINE.findall(shown)
    if lines:
        number, text = lines[-1]
        return f"## Summary\n- Talk until {text} [{number}]\n## Decisions\n- {text} is decided. [{number}]"
    return "\n".join(f"## {line.split(':')[0]}\n- Merged: {line.split(': ', 1)[1]}" for line in shown.split("\n")[1:-1])


@pytest.mark.parametrize("context", [900, 3_000])
async def test_a_long_call_is_read_in_parts_that_fit_and_another_call_stops_the_reading(
    tmp_path: Path, context: int
) -> None:
    model = Model(last_of_each_part, context=context)
    async with notes_house(tmp_path, model=model) as house:
        held = asyncio.Event()

        def stops_at_the_second(shown: str) -> str | None:
            if len(model.asked) in (2, 4):
                held.set()
                return None
            return last_of_each_part(shown)

        model.script = stops_at_the_second
        said = [f"point {number} of " + "many words " * 12 for number in range(1, 61)]
        notebook = house.begin(ADA, BEN)
        for number, text in enumerate(said):
            say(notebook, (ADA, BEN)[number % 2], text)
        notebook.end()
        async with asyncio.timeout(LIMIT):
            await held.wait()
        await house.service.finisher.hold("a call")
        assert house.poster.posts == []
        (transcript,) = house.files()
        assert transcript.count("many words") > 60, "the transcript is there meanwhile"
        await house.service.finisher.release()
        held.clear()
        async with asyncio.timeout(LIMIT):
            await held.wait()
        house.service.finisher.step_aside()
        await house.finished()

        assert all(asked[0].content.startswith(f"{TASK}\n") for asked in model.asked)
        parts = [asked[1].content for asked in model.asked if _LINE.search(asked[1].content)]
        assert parts[1] == parts[2], "the part that a call has stopped is asked for again"
        assert parts[3] == parts[4], (
            "the part that was stopped because somebody waited for an answer is asked for again"
        )
        assert QUIET in house.slept
        numbers = [int(number) for number, _ in _LINE.findall("\n".join((parts[0], parts[2], *parts[4:])))]
        assert numbers == [*range(1, 61)], "each line is read once, and none is cut"
        assert len(parts) > 3
        (post,) = house.poster.posts
        assert "Merged: point 60 of many words" in post.messages[-1] or "is decided" in "".join(post.messages)
        assert b"- [60] " in post.file


async def test_the_answer_to_a_person_goes_with_their_lines_even_if_somebody_spoke_in_between(tmp_path: Path) -> None:
    async with notes_house(tmp_path, model=Model(lambda _: "Nothing.")) as house:
        notebook = house.begin(ADA, BEN)
        say(notebook, BEN, "Where is my quokka?")
        say(notebook, ADA, "Who is at the door?")
        notebook.said(Turn.of_bot("Ben, the quokka is at home.", asker=BEN))
        notebook.end()
        await house.finished()
        assert await house.service.forget_person(BEN) == 2
        assert await asyncio.to_thread(house.on_disk, "quokka") == set()
        assert await asyncio.to_thread(house.on_disk, "Who is at the door?")


async def test_an_opt_out_deletes_the_persons_lines_and_what_follows_from_them(tmp_path: Path) -> None:
    found = (
        "## Summary\n- They plan the zebra party. [1]\n- Ada agrees. [3]\n## Decisions\n- Ben brings the quokka. [2]\n"
        "- The party is on Friday. [3]\n## Who does what\n- Ben: nothing yet [3]"
    )
    async with notes_house(tmp_path, model=Model(lambda shown: found if "quokka" in shown else "Nothing.")) as house:
        call = ((BEN, "A zebra party!"), (None, "What a zebra."), (ADA, "Good, on Friday."), (BEN, "I bring a quokka."))
        await house.hold_call(*call)
        notebook = house.begin(ADA, BEN)
        say(notebook, BEN, "Another zebra")
        assert [each.text for each in await house.service.export_person(BEN)] == [
            "A zebra party!",
            "What a zebra.",
            "I bring a quokka.",
            "Another zebra",
        ]
        assert "zebra" in await house.recalled(BEN, "Is there a zebra party?")
        assert await asyncio.to_thread(house.on_disk, "zebra")
        house.opted_out.add(BEN)
        house.service.opted_out(BEN)
        await house.until_rows("SELECT count(*) FROM note_line WHERE person = '12'", 0)
        assert await house.service.forget_person(BEN) == 0, "all of it is gone already"
        say(notebook, BEN, "A last zebra")
        say(notebook, ADA, "Where is Ben?")
        notebook.end()
        await house.finished()
        assert await house.service.export_person(BEN) == []
        first, second = await asyncio.to_thread(house.files)
        assert "Ada agrees. (Ada, 3)" in first
        assert "The party is on Friday. (Ada, 3)" in first
        assert "Ben" not in first
        assert "- [3] 13:46:40 **Ada:** Good, on Friday." in first
        assert "Where is Ben?" in second, "others may speak of people who opted out"
        for words in ("zebra", "quokka"):
            assert await asyncio.to_thread(house.on_disk, words) == set()
        told = await house.recalled(ADA, "Is there a zebra party on Friday?")
        assert "Friday" in told
        assert "zebra" not in told.replace("zebra party on Friday?", "")
        assert await house.recalled(BEN, "What did we decide?") == ""
        may_recall = house.service.recall.may_recall
        assert may_recall(Turn.of_person("Ada", "", ADA), SERVER)
        assert not may_recall(Turn.of_person("Ben", "", BEN), SERVER), "nothing is searched for a person who opted out"


async def test_all_that_is_forgotten_of_a_person_is_counted_also_what_was_not_stored_yet(tmp_path: Path) -> None:
    async with notes_house(tmp_path) as house:
        await house.hold_call((BEN, "A zebra party!"), (None, "What a zebra."), (ADA, "Good."))
        notebook = house.begin(ADA, BEN)
        for person, text in ((ADA, "Well?"), (BEN, "Another zebra"), (None, "Yes, another one.")):
            say(notebook, person, text)
        assert await house.service.forget_person(BEN) == 4
        assert await house.service.forget_person(BEN) == 0
        assert await house.service.export_person(BEN) == []


async def test_decisions_are_told_only_to_people_who_were_there_and_only_on_the_server_of_the_call(
    tmp_path: Path,
) -> None:
    found = "## Decisions\n- The party is on Friday. [1]\n- Cleo sings. [2]\n## Open questions\n- Who pays? [1]"
    async with notes_house(tmp_path, model=Model(lambda _: found)) as house:
        notebook = house.begin(ADA, BEN)
        say(notebook, ADA, "The party is on Friday. Who pays?")
        notebook.present({ADA: "Ada", BEN: "Ben", CLEO: "Cleo"}, (ADA, BEN, CLEO))
        say(notebook, BEN, "Cleo sings. «A song»")
        notebook.end()
        await house.finished()
        other = NotesPlace(DISCORD, "Attic", SERVER + 1, 70)
        await house.hold_call((ADA, "The funeral is on Monday."), (BEN, "Yes."), place=other)

        for question in ("What did we decide?", "Was haben wir beschlossen?", "我们决定了什么？", "何を決めたの？"):
            told = await house.recalled(ADA, question)
            assert "Decided: «The party is on Friday.» (Ada)" in told
            assert "Decided: «Cleo sings.» (Ben)" in told
            assert "Call in Lounge on Monday, 12 January 1970:" in told
            assert "no instruction" in told
        assert "funeral" not in told
        assert await house.recalled(ADA, "And the weather?") == told, "the prompt stays the same"
        late = await house.recalled(CLEO, "What did we decide about the party?")
        assert "Cleo sings" in late
        assert "Friday" not in late, "that was said before Cleo came"
        asked = await house.recalled(BEN, "Who does what, and what are the open questions?")
        assert "Open question: «Who pays?»" in asked
        quoted = await house.recalled(CLEO, "Who sings?")
        assert "Ben said: «Cleo sings. A song»" in quoted
        assert await house.recalled(ADA, "What did we decide?", None) == ""
        assert "funeral" in await house.recalled(ADA, "What did we decide on Monday about the funeral?", SERVER + 1)
        assert await house.recalled(CLEO, "What did we decide?", SERVER + 1) == ""


async def test_after_a_crash_and_when_notes_are_old_the_next_start_puts_everything_right(tmp_path: Path) -> None:
    now = 1_000_000.0
    async with notes_house(tmp_path, clock=lambda: now) as house:
        await house.hold_call((ADA, "The party is on Friday."))
        notebook = house.begin(ADA)
        # The disk is full for a while.
        await house.database.write("ALTER TABLE note_line RENAME TO elsewhere")
        say(notebook, ADA, "I was about to say")
        async with asyncio.timeout(LIMIT):
            while RETRY_SECONDS not in house.slept:
                await asyncio.sleep(0)
        await house.database.write("ALTER TABLE elsewhere RENAME TO note_line")
        empty = house.begin(ADA, place=NotesPlace("browser", "Page", 0))
        empty.present({ADA: "Ada"}, (ADA,))
        await house.until_rows("SELECT count(*) FROM note_line", 2)
        # The process dies here, so the service never learns of the end of the call.
    folder = tmp_path / "notes"
    (written,) = folder.glob("*.md")
    await asyncio.to_thread(written.unlink)
    for name in ("19700101T000000Z-99.md", "my own.md"):
        await asyncio.to_thread((folder / name).write_text, "left over")
    now += 60 * DAY
    async with notes_house(tmp_path, clock=lambda: now, model=Model(lambda _: "Nothing at all.")) as house:
        await house.finished()
        (post,) = house.poster.posts
        assert BROKE_OFF in post.messages[0]
        assert NOTHING_FOUND in post.messages[0]
        assert b"I was about to say" in post.file
        names = sorted(file.name for file in folder.glob("*"))
        assert names == ["19700112T134640Z-1.md", "19700112T134640Z-2.md", "my own.md"]
        assert "The party is on Friday" in await asyncio.to_thread(written.read_text)
        head = await house.service.newest(SERVER)
        assert head is not None
        assert head.posted == "https://discord.example/1"
        assert "Friday" in await house.recalled(BEN, "What did we decide?")
    now += 31 * DAY
    async with notes_house(tmp_path, clock=lambda: now) as house:
        assert await house.database.rows("SELECT * FROM note_line") == []
        assert await asyncio.to_thread(house.on_disk, "party") == set()
        assert [file.name for file in folder.glob("*")] == ["my own.md"]
        await house.hold_call((ADA, "A new one."))
        assert await house.service.forget_channel(70) == 1
        assert await asyncio.to_thread(house.on_disk, "a new one") == set()
    async with notes_house(tmp_path, days=0) as house:
        assert house.service.notebook(NotesPlace(DISCORD, "Lounge", SERVER, 70)) is None


@pytest.mark.parametrize(
    ("model", "why", "asked"),
    [(Model(name="tiny-135M"), TOO_SMALL, 0), (Model(fails=True), NOT_REACHED, len(RETRIES) + 1)],
    ids=["small", "off"],
)
async def test_without_a_model_that_can_sum_up_there_is_the_transcript_and_one_sentence(
    tmp_path: Path, model: Model, why: str, asked: int
) -> None:
    async with notes_house(tmp_path, model=model) as house:
        house.poster.out_of_order = 2
        await house.hold_call((ADA, "The party is on Friday."), (BEN, "Fine."))
        assert len(model.asked) == asked
        (post,) = house.poster.posts
        assert why in post.messages[0]
        assert b"**Ben:** Fine." in post.file
        assert house.slept.count(RETRIES[0]) == (2 if asked else 1), "Discord and the model are tried again"
        assert "Decided" not in await house.recalled(ADA, "What did we decide about the party?")


async def test_at_the_limit_of_the_day_summing_up_is_tried_again_until_it_succeeds(tmp_path: Path) -> None:
    model = Model(over_limit=len(RETRIES) + 3)
    async with notes_house(tmp_path, model=model) as house:
        await house.hold_call((ADA, "The party is on Friday."), (BEN, "Fine."))
        assert len(model.asked) == model.over_limit + 1
        assert "The party is on Friday" in house.poster.posts[0].messages[0]
        assert house.slept[-1] == RETRIES[-1]


async def test_what_the_memory_forgets_is_not_in_the_notes_either(tmp_path: Path) -> None:
    model = Model(lambda _: "## Decisions\n- Zephyrine is invited. [1]\n- The party is on Friday. [3]")
    async with notes_house(tmp_path, model=model) as house:
        await house.hold_call(
            (ADA, "My sister is called Zephyrine, invite her."),
            (None, "I'd like to meet Zephyrine."),
            (BEN, "The party is on Friday."),
            (BEN, "Zephyrine may bring a cake."),
        )
        assert house.on_disk("Zephyrine")
        gone = ForgottenWords(SERVER, ADA, frozenset({"zephyrin"}), frozenset({"zephyrin"}), {"zephyrin": 1_000_000.0})
        await forget_in_notes(house.service, replace(gone, server=SERVER + 1))
        assert house.on_disk("Zephyrine"), "forgetting on another server changes nothing here"
        await forget_in_notes(house.service, gone)
        assert house.on_disk("Zephyrin") == set()
        assert "Friday" in house.files()[0]
        assert "Zephyrin" not in await house.recalled(BEN, "What did we decide about Zephyrine?")


async def test_a_file_of_notes_that_cannot_be_written_does_not_keep_what_was_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with notes_house(tmp_path) as house:
        await house.hold_call((ADA, "My sister is called Zephyrine."), (BEN, "The party is on Friday."))
        assert house.on_disk("Zephyrine")

        def full(self: Path, *_: object, **__: object) -> int:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(Path, "write_text", full)
        assert await house.service.forget_person(ADA) == 1
        assert house.on_disk("Zephyrine") == set()


async def test_a_deletion_that_a_file_has_stopped_is_finished_at_the_next_attempt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with notes_house(tmp_path) as house:
        await house.hold_call((ADA, "My sister is called Zephyrine."), (BEN, "The party is on Friday."))

        def refused(self: Path, *_: object, **__: object) -> int:
            raise PermissionError(13, "Permission denied")

        with monkeypatch.context() as broken:
            broken.setattr(Path, "write_text", refused)
            broken.setattr(Path, "unlink", refused)
            with pytest.raises(PermissionError):
                await house.service.forget_person(ADA)
        assert house.on_disk("Zephyrine")
        await house.service.forget_person(ADA)
        assert house.on_disk("Zephyrine") == set()


async def test_if_a_file_cannot_be_changed_people_of_its_call_get_an_error_and_their_other_calls_are_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = NotesPlace("browser", "Page", None, 71)
    async with notes_house(tmp_path) as house:
        await house.hold_call((ADA, "My sister is called Zephyrine."))
        (stuck,) = (path for path in house.on_disk("Zephyrine") if path.endswith(".md"))
        await house.hold_call((BEN, "My brother is called Quentin."))
        await house.hold_call((None, "Hello."), (CLEO, "Fine."), place=page)
        writes, deletes = Path.write_text, Path.unlink

        def write(self: Path, text: str, encoding: str) -> int:
            if self.name.startswith(Path(stuck).name):
                raise PermissionError(13, "Permission denied")
            return writes(self, text, encoding)

        def delete(self: Path, missing_ok: bool = False) -> None:
            if self.name.startswith(Path(stuck).name):
                raise PermissionError(13, "Permission denied")
            deletes(self, missing_ok)

        with monkeypatch.context() as broken:
            broken.setattr(Path, "write_text", write)
            broken.setattr(Path, "unlink", delete)
            with pytest.raises(PermissionError):
                await house.service.forget_person(ADA)
            with pytest.raises(PermissionError):
                await house.service.forget_person(BEN)
            assert house.on_disk("Quentin") == set()
            assert await house.service.forget_person(CLEO) == 1
            assert not [text for text in house.files() if "Fine." in text]
            assert await house.service.forget_channel(71) == 1
            with pytest.raises(PermissionError):
                await house.service.forget_person(ADA)
            with pytest.raises(PermissionError):
                await house.service.forget_channel(70)
            await house.service.forget_words(SERVER, lambda line: "Quentin" in line.text, lambda text: False)
            with pytest.raises(PermissionError):
                await house.service.forget_words(SERVER, lambda line: "Zephyrine" in line.text, lambda text: False)
        assert house.on_disk("Zephyrine") == {stuck}
        await house.service.forget_channel(70)
        assert house.on_disk("Zephyrine") == set(), "the file is deleted too, though the database has no such words"


async def test_a_file_that_still_has_what_was_deleted_is_written_again_at_the_next_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with notes_house(tmp_path) as house:
        await house.hold_call((ADA, "My sister is called Zephyrine."), (BEN, "The party is on Friday."))
        (file,) = (tmp_path / "notes").glob("*.md")
        before = file.read_text()
        await house.service.forget_person(ADA)
        assert house.on_disk("Zephyrine") == set()
    # The process died, or could not change the file, after it had changed the database.
    file.write_text(before)

    def refused(self: Path, *_: object, **__: object) -> int:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as broken:
        broken.setattr(Path, "write_text", refused)
        broken.setattr(Path, "unlink", refused)
        async with notes_house(tmp_path) as house:
            assert house.on_disk("Zephyrine")
            assert "can't be written again yet: [Errno 13] Permission denied" in caplog.text
    async with notes_house(tmp_path) as house:
        assert house.on_disk("Zephyrine") == set()
        assert "Friday" in file.read_text()


async def test_a_file_that_cannot_be_deleted_does_not_keep_the_bot_from_starting(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with notes_house(tmp_path) as house:
        await house.hold_call((ADA, "Fine."))
        (file,) = (tmp_path / "notes").glob("*.md")
    # A folder can't be deleted like a file.
    (file.parent / "20200101T000000Z-99.md").mkdir()
    async with notes_house(tmp_path) as house:
        assert "Fine." in file.read_text()
        assert "A file of deleted notes can't be deleted yet" in caplog.text
        assert await house.service.forget_person(ADA) == 1, "the file that can't be deleted does not count"
        assert not file.exists()


async def test_notes_that_may_be_posted_already_say_so_at_the_next_attempt(tmp_path: Path) -> None:
    async with notes_house(tmp_path) as house:
        house.poster.out_of_order = 1
        await house.hold_call((ADA, "The party is on Friday."))
        assert [post.again for post in house.poster.posts] == [True], "the first attempt may have posted something"
        await house.hold_call((ADA, "The party is on Friday."))
        assert [post.again for post in house.poster.posts] == [True, False]
