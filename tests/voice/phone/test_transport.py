"""Tests of the phone transport, of telling callers apart, of pressed keys and PINs, and of the log of phone calls."""

from __future__ import annotations

import asyncio
import hashlib
import json
import stat
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.lone_people import is_passing
from bot.voice.dialogue.unheard_prompts import NOT_ANSWERED
from bot.voice.events import NoticePosted, PromptTaken, ReplyEnded, WordsSpoken
from bot.voice.metrics import ReplyTrace
from bot.voice.phone.calls_log import MAX_BYTES, REFUSALS_PER_DAY, REFUSALS_PER_MINUTE, CallsLog, LoggedCall
from bot.voice.phone.keys import GATHER_SECONDS, MAX_KEYS, PressedKeys, keys_prompt
from bot.voice.phone.line import SILENCE_LIMIT, LineEnd
from bot.voice.phone.people import PhonePeople, number_id, phone_person, refused_number, shown_number
from bot.voice.phone.pin import HOUR, MAX_WRONG, MAX_WRONG_OF_ALL, PinKeys, WrongPins
from bot.voice.phone.transport import PhoneTransport
from bot.voice.transport import EndCause
from bot.voice.turn import Outcome
from tests.timing import Clock, settle
from tests.voice.phone.memory_line import MemoryLine

KEY = b"k" * 32
NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


def transport_over(line: MemoryLine, clock: Clock) -> PhoneTransport:
    transport = PhoneTransport(line, PhonePeople(phone_person(line.number, KEY)), clock=clock, sleep=clock.sleep)
    transport.listen()
    return transport


def test_a_caller_is_the_same_person_however_the_number_is_written_and_nobody_without_the_key_knows_who() -> None:
    ada = phone_person("+49 30 123-456", KEY)
    assert ada == phone_person("sip:+4930123456", KEY)
    assert ada != phone_person("+4930123457", KEY)
    assert ada != phone_person("+4930123456", b"o" * 32)
    assert 2**62 <= ada < 2**63


def test_everybody_who_withholds_their_number_is_a_person_of_their_own_each_time() -> None:
    passing = {phone_person(number, KEY) for number in ("", " ") * 20}
    assert len(passing) == 40
    assert all(2**62 <= each < 2**63 and is_passing(each) for each in passing)
    assert not is_passing(phone_person("+4930123456", KEY)) and not is_passing(2**62 - 1)
    assert number_id("", KEY) == number_id(" ", KEY), "their wrong PINs count together"
    assert number_id("", KEY) != number_id("", b"o" * 32)


@pytest.mark.parametrize(
    ("number", "shown"),
    [("+4930123456", "…456"), ("+4930123456@pbx.example", "…456"), ("1001", ""), ("ada@pbx.example", ""), ("", "")],
)
def test_only_the_last_digits_of_a_number_are_shown(number: str, shown: str) -> None:
    assert shown_number(number) == shown
    place = transport_over_number(number).place
    assert place == (f"a phone call ({shown})" if shown else "a phone call")


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("+4930123456", "…456"),
        ("+4930123456@pbx.example", "…456"),
        ("**610", "**610"),
        ("1001", "1001"),
        ("ada@pbx.example", "…@pbx.example"),
        ("pbx.example", ""),
        ("", ""),
    ],
)
def test_the_log_shows_as_much_of_a_refused_number_as_the_list_of_allowed_callers_needs(
    number: str, shown: str
) -> None:
    assert refused_number(number) == shown


def transport_over_number(number: str) -> PhoneTransport:
    return PhoneTransport(MemoryLine(number), PhonePeople(1))


@pytest.mark.parametrize(
    ("ended", "cause"),
    [
        (LineEnd.CALLER, EndCause.HUNG_UP),
        (LineEnd.LOST, EndCause.CONNECTION_LOST),
        (LineEnd.SILENT, EndCause.CONNECTION_LOST),
    ],
)
async def test_the_end_of_the_line_ends_the_call(ended: LineEnd, cause: EndCause) -> None:
    line = MemoryLine()
    transport = PhoneTransport(line, PhonePeople(1))
    transport.listen()
    waiting = asyncio.create_task(transport.wait_lost())
    await settle()
    assert not waiting.done()
    line.end(ended)
    assert await waiting is cause


async def test_a_line_without_packets_is_lost_but_not_while_some_come() -> None:
    clock, line = Clock(), MemoryLine()
    transport = transport_over(line, clock)
    assert line.listener is not None
    clock.pass_by(SILENCE_LIMIT - 1)
    line.listener.sound(bytes(160), clock())
    began = clock()
    assert await transport.wait_lost() is EndCause.CONNECTION_LOST
    assert clock() - began == SILENCE_LIMIT
    assert transport.end is LineEnd.SILENT


async def test_a_line_that_ended_before_anybody_listened_is_over() -> None:
    line = MemoryLine()
    line.end()
    assert await transport_over(line, Clock()).wait_lost() is EndCause.HUNG_UP


async def test_the_line_is_hung_up_even_if_the_last_words_fail() -> None:
    line = MemoryLine()
    transport = transport_over(line, Clock())

    async def fail(*_: object) -> None:
        raise RuntimeError("no voice")

    transport.last_words = fail
    with pytest.raises(RuntimeError):
        await transport.close()
    assert line.ended is LineEnd.BOT


def test_the_last_answer_is_what_the_model_said_and_no_recited_text() -> None:
    transport = transport_over_number("")
    for event in (
        PromptTaken("r1", "Caller", "Hello?"),
        WordsSpoken("r1", "Good day. "),
        WordsSpoken("r1", "How are you?"),
        PromptTaken("r2", "", "This call is being recorded.", recited=True),
        WordsSpoken("r2", "This call is being recorded."),
    ):
        transport.watch(event)
    assert transport.last_answer == "Good day. How are you?"


@pytest.mark.parametrize(
    ("outcome", "recited", "told"),
    [
        (Outcome.FAILED, False, 1),
        (Outcome.WRITTEN, False, 1),
        (Outcome.FAILED, True, 0),
        (Outcome.SPOKEN, False, 0),
        (Outcome.SILENT, False, 0),
        (Outcome.INTERRUPTED, False, 0),
    ],
)
async def test_callers_are_told_of_answers_that_are_not_spoken(outcome: Outcome, recited: bool, told: int) -> None:
    transport, times = transport_over_number(""), list[str]()
    transport.not_answered = lambda: times.append("told")
    transport.watch(PromptTaken("r1", "Caller", "Hello?", recited=recited))
    transport.watch(ReplyEnded(ReplyTrace("r1", outcome, 0.1)))
    assert times == [], "others who watch the call have not got the event yet"
    await asyncio.sleep(0)
    assert len(times) == told


async def test_callers_are_told_of_a_question_that_is_not_answered_because_of_an_interruption() -> None:
    transport, times = transport_over_number(""), list[str]()
    transport.not_answered = lambda: times.append("told")
    transport.watch(NoticePosted("🎧 Listening."))
    transport.watch(NoticePosted(NOT_ANSWERED))
    await asyncio.sleep(0)
    assert len(times) == 1


async def test_keys_are_gathered_and_hash_and_star_act_immediately(monkeypatch: pytest.MonkeyPatch) -> None:
    loop, done = asyncio.get_running_loop(), list[str]()
    later: list[tuple[float, Callable[[], None]]] = []

    def call_later(seconds: float, function: Callable[[], None]) -> asyncio.TimerHandle:
        later.append((seconds, function))
        return loop.call_at(loop.time() + 60, function)

    monkeypatch.setattr(loop, "call_later", call_later)
    keys = PressedKeys(lambda: done.append("stop"), lambda: done.append("again"), done.append)
    for key in "4#2*":
        keys.press(key)
    assert done == ["stop", "again"]
    seconds, pass_on = later[-1]
    assert seconds == GATHER_SECONDS
    pass_on()
    assert done[2:] == ["42"]
    for key in "7" * 99:
        keys.press(key)
    keys._pass_on()
    assert done[3:] == ["7" * MAX_KEYS]
    keys.press("1")
    keys.close()
    assert keys_prompt("42") == "I pressed 4 2 on the phone's keys."


@pytest.mark.parametrize(
    ("pressed", "results"),
    [
        ("2468", [True]),
        ("24680", [True]),
        ("1111", [False]),
        ("24#", [False]),
        ("#2468", [True]),
        ("13*2468", [True]),
        ("11112468", [False, True]),
        ("246A", [False]),
    ],
)
def test_a_pin_is_complete_with_its_last_digit_or_with_hash(pressed: str, results: list[bool]) -> None:
    keys = PinKeys("2468")
    assert [right for key in pressed if (right := keys.press(key)) is not None] == results


def test_wrong_pins_are_limited_for_a_number_and_for_all_in_an_hour() -> None:
    clock = Clock()
    wrong = WrongPins(clock)
    for _ in range(MAX_WRONG):
        assert not wrong.too_many(1)
        wrong.note(1)
    assert wrong.too_many(1)
    assert not wrong.too_many(2)
    for person in range(10, 10 + MAX_WRONG_OF_ALL - MAX_WRONG):
        wrong.note(person)
    assert wrong.too_many(2), "numbers can be forged"
    wrong.note_right(3)
    assert not wrong.too_many(3), "whoever knows the PIN is not kept out by others"
    for _ in range(MAX_WRONG):
        wrong.note(3)
    assert wrong.too_many(3)
    clock.pass_by(HOUR)
    assert not wrong.too_many(1)


def entry(number: str, cause: str = "caller hung up") -> LoggedCall:
    return LoggedCall.of("sip", number, cause, NOW, NOW)


async def test_the_log_has_a_line_for_each_phone_call_and_no_number(tmp_path: Path) -> None:
    file = tmp_path / "calls_log.jsonl"
    log = CallsLog(file, Clock())
    log.note(entry("+49 30 123456"))
    log.note(entry("", "not allowed"))
    await log.flush()
    first, second = map(json.loads, file.read_text().splitlines())
    assert first == {
        "started": "2026-11-29T12:00:00.000+00:00",
        "ended": "2026-11-29T12:00:00.000+00:00",
        "transport": "sip",
        "number_sha256": hashlib.sha256(b"+4930123456").hexdigest(),
        "cause": "caller hung up",
    }
    assert (second["number_sha256"], second["cause"]) == ("", "not allowed")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


async def test_the_log_stays_small_and_whole(tmp_path: Path) -> None:
    file = tmp_path / "calls_log.jsonl"
    file.write_text('{"started": "half a li')
    log = CallsLog(file, Clock(), max_bytes=2_000)
    for number in range(40):
        log.note(entry(f"+49{number}"))
    await log.flush()
    assert file.stat().st_size <= 2_000
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    lines = [json.loads(each) for each in file.read_text().splitlines()]
    assert lines[-1]["number_sha256"] == hashlib.sha256(b"+4939").hexdigest()


async def test_a_flood_of_refused_calls_pushes_no_other_line_out(tmp_path: Path) -> None:
    clock, file = Clock(), tmp_path / "calls_log.jsonl"
    log = CallsLog(file, clock)
    for _ in range(1_000):
        log.note_refusal(entry("+1", "not allowed"))
    log.note(entry("+2"))
    clock.pass_by(60)
    log.note_refusal(entry("+3", "not allowed"))
    await log.flush()
    assert len(file.read_text().splitlines()) == REFUSALS_PER_MINUTE + 2


async def test_refused_calls_of_a_whole_day_take_a_quarter_of_the_log(tmp_path: Path) -> None:
    clock, file = Clock(), tmp_path / "calls_log.jsonl"
    log = CallsLog(file, clock)
    for _ in range(REFUSALS_PER_DAY + 200):
        clock.pass_by(60 / REFUSALS_PER_MINUTE)
        log.note_refusal(entry("+1", "gave way to another caller"))
        await asyncio.sleep(0)
    await log.flush()
    assert len(file.read_text().splitlines()) == REFUSALS_PER_DAY
    assert file.stat().st_size < MAX_BYTES / 4
    clock.pass_by(86_400)
    log.note_refusal(entry("+3", "not allowed"))
    await log.flush()
    assert len(file.read_text().splitlines()) == REFUSALS_PER_DAY + 1


async def test_a_log_that_can_not_be_written_disturbs_no_call(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    log = CallsLog(tmp_path / "missing" / "calls_log.jsonl", Clock())
    log.note(entry("+4930123456"))
    await log.flush()
    assert "can't be written" in caplog.text
    assert "4930123456" not in caplog.text
