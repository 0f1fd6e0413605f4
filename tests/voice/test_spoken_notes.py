"""Tests of spoken wishes about notes in a call: they are recognised in several languages, and granted or refused."""

from __future__ import annotations

import asyncio

import pytest

from bot.voice.listening_notice import NOTES_ALREADY_OFF, NOTES_ALREADY_ON, NOTES_NOT_HEARD
from bot.voice.records.note_taking import NotesError
from bot.voice.spoken_notes import FAILED, SpokenNotes
from bot.voice.utterances.classifier import SpokenCommand
from bot.voice.utterances.names import Names
from bot.voice.utterances.voice_commands import VoiceCommand, VoiceCommandFinder, load_command_phrases

ON, OFF = VoiceCommand.NOTES_ON, VoiceCommand.NOTES_OFF


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("Seiyuu, take notes please.", ON),
        ("Hey Seiyuu, could you write the minutes?", ON),
        ("Seiyuu, bitte mach Notizen!", ON),
        ("Seiyuu, 请做笔记", ON),
        ("Seiyuu, stop taking notes.", OFF),
        ("Seiyuu, keine Notizen mehr.", OFF),
        ("Take notes.", None),
        ("Seiyuu, she takes notes of everything.", None),
        ("Seiyuu, stop!", VoiceCommand.STOP),
    ],
)
def test_wishes_are_recognised_in_several_languages_if_they_are_for_the_bot(
    text: str, command: VoiceCommand | None
) -> None:
    finder = VoiceCommandFinder(Names(("Seiyuu",)), load_command_phrases())
    found = finder.find(text, alone=False, speaking=False)
    assert (found.command if found else None) is command


class Control:
    """Notes that begin and end, unless ``error`` is raised."""

    def __init__(self) -> None:
        self.on = False
        self.error: Exception | None = None
        self.asked_by: list[str] = []

    async def start(self, asked_by: str) -> None:
        if self.error is not None:
            raise self.error
        self.asked_by.append(asked_by)
        self.on = True

    async def finish(self) -> None:
        self.on = False


async def test_wishes_are_carried_out_in_order_and_what_fails_is_said() -> None:
    control, said, spoken = Control(), list[str](), asyncio.Event()

    def recite(_: SpokenCommand, text: str, *, may_be_left_out: bool = False) -> None:
        said.append(text)
        spoken.set()

    notes = SpokenNotes(control, recite)
    running = asyncio.create_task(notes.run())

    async def wish(command: VoiceCommand) -> None:
        notes.request(SpokenCommand(command, 1, "Ada", ""))
        # A wish that is granted gets no answer here, because the announcement is its answer. The same wish again is not
        # granted, and gets one.
        notes.request(SpokenCommand(command, 1, "Ada", ""))
        spoken.clear()
        async with asyncio.timeout(30):
            await spoken.wait()

    await wish(ON)
    await wish(OFF)
    assert said == [NOTES_ALREADY_ON, NOTES_ALREADY_OFF]
    assert control.asked_by == ["Ada"]
    for error, text in ((NotesError(NOTES_NOT_HEARD), NOTES_NOT_HEARD), (OSError("no network"), FAILED)):
        control.error = error
        await wish(ON)
        assert said[-1] == text
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
