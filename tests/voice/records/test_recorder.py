"""Recordings: the files have the right sound at the right time, also when something fails."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import time
import wave
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bot.voice.records.recorder import CallRecorder, RecordingError, RecordingLimits, file_name, recording_folder
from tests.timing import wait_until

ADA, BOB = 11, 22
NAMES = {ADA: "Ada", BOB: "../Bob/..\0"}
BEGAN = 1000.0
Sound = NDArray[np.float32]


def frame(level: float, rate: int = 16_000) -> Sound:
    return np.full(rate // 50, level, np.float32)


class Recording:
    """A recorder with the test's own clock and free disk space, and how it ended."""

    def __init__(self, folder: Path, limits: RecordingLimits | None = None) -> None:
        self.now = BEGAN
        self.disk_free = 10**9
        self.ended: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.named: queue.SimpleQueue[int] = queue.SimpleQueue()
        self.recorder = CallRecorder(
            folder,
            self.name_of,
            self.ended.put,
            limits=limits,
            disk_free=lambda _: self.disk_free,
            clock=lambda: self.now,
        )

    def name_of(self, person: int) -> str:
        self.named.put(person)
        return NAMES[person]

    def talk(self, person: int, start: float, seconds: float, level: float = 0.5) -> None:
        """Record frames of 20 ms, each at its time."""
        for number in range(round(seconds * 50)):
            self.recorder.heard(person, frame(level), BEGAN + start + number / 50)

    def wait_until_written(self, person: int, at: float) -> None:
        """Wait until all earlier sound is written: record sound of ``person``, who is new, and wait for that file."""
        self.talk(person, at, 0.02)
        while self.named.get(timeout=30) != person:
            pass
        # The recorder asks for the name before it makes the file.
        while not list(self.recorder.folder.glob(f"*-{person}.wav")):
            time.sleep(0.001)

    def read(self, name: str) -> tuple[Sound, int]:
        return read(self.recorder.folder / name)


def read(path: Path) -> tuple[Sound, int]:
    with wave.open(str(path), "rb") as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
        data = file.readframes(file.getnframes())
        assert len(data) == 2 * file.getnframes()
        return np.frombuffer(data, "<i2").astype(np.float32) / np.float32(32_767), file.getframerate()


def voiced(sound: Sound, rate: int) -> list[tuple[float, float]]:
    """The start and end of each part that is not silent, in seconds."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], (np.abs(sound) > 0.01).astype(np.int8), [0]))))
    return [(round(a / rate, 3), round(b / rate, 3)) for a, b in edges.reshape(-1, 2)]


@pytest.fixture
def recording(tmp_path: Path) -> Iterator[Recording]:
    recording = Recording(tmp_path / "recordings" / "now")
    recording.recorder.start()
    yield recording
    recording.recorder.close()


def test_each_person_has_a_file_and_all_files_have_the_same_start(recording: Recording) -> None:
    recording.talk(ADA, 1.0, 2.0)
    recording.talk(BOB, 2.5, 1.0, level=-0.25)
    recording.talk(ADA, 5.0, 0.5)
    for number in range(50):
        recording.recorder.spoken(frame(0.75, 48_000), BEGAN + 3.5 + number / 50)
    recording.recorder.close()
    names = sorted(path.name for path in recording.recorder.folder.iterdir())
    assert names == ["Ada-11.wav", "Bob-22.wav", "bot.wav"]
    ada, ada_rate = recording.read("Ada-11.wav")
    bob, bob_rate = recording.read("Bob-22.wav")
    bot, bot_rate = recording.read("bot.wav")
    assert (ada_rate, bob_rate, bot_rate) == (16_000, 16_000, 48_000)
    assert voiced(ada, ada_rate) == [(1.0, 3.0), (5.0, 5.5)]
    assert voiced(bob, bob_rate) == [(2.5, 3.5)]
    assert voiced(bot, bot_rate) == [(3.5, 4.5)]
    assert len(ada) / ada_rate == len(bob) / bob_rate == len(bot) / bot_rate, "they end together"
    assert bob.min() == pytest.approx(-0.25, abs=0.001)


def test_music_has_a_file_of_its_own_beside_the_bots_voice(recording: Recording) -> None:
    for number in range(50):
        recording.recorder.background(frame(0.25, 48_000), BEGAN + 1.0 + number / 50)
        recording.recorder.spoken(frame(0.75, 48_000), BEGAN + 1.5 + number / 50)
    recording.recorder.close()
    music, rate = recording.read("music.wav")
    voice, _ = recording.read("bot.wav")
    assert voiced(music, rate) == [(1.0, 2.0)]
    assert music.max() == pytest.approx(0.25, abs=0.001)
    assert voiced(voice, rate) == [(1.5, 2.5)]
    assert len(music) == len(voice)


def test_packets_that_arrive_unevenly_leave_no_gap(recording: Recording) -> None:
    late = np.random.default_rng(1).uniform(0, 0.08, 200)
    for number in range(200):
        recording.recorder.heard(ADA, frame(0.5), BEGAN + 1 + number / 50 + late[number])
    recording.recorder.close()
    (stretch,) = voiced(*recording.read("Ada-11.wav"))
    assert stretch[1] - stretch[0] == 4.0


def test_after_a_burst_of_late_packets_the_next_words_are_on_time_again(recording: Recording) -> None:
    recording.talk(ADA, 1.0, 1.0)
    for _ in range(20):
        recording.recorder.heard(ADA, frame(0.5), BEGAN + 2.4)
    recording.talk(ADA, 5.0, 1.0)
    recording.recorder.close()
    assert voiced(*recording.read("Ada-11.wav")) == [(1.0, 2.0), (2.4, 2.8), (5.0, 6.0)]


def test_sound_that_comes_too_fast_does_not_delay_the_rest(recording: Recording) -> None:
    for _ in range(500):
        recording.recorder.heard(ADA, frame(0.5), BEGAN + 1)
    recording.talk(ADA, 3.0, 1.0)
    recording.recorder.close()
    assert voiced(*recording.read("Ada-11.wav"))[-1] == (3.0, 4.0)


def test_broken_samples_do_no_harm(recording: Recording) -> None:
    recording.recorder.heard(ADA, np.array([np.nan, np.inf, -np.inf, 9.0, -9.0], np.float32), BEGAN + 0.01)
    recording.recorder.heard(ADA, frame(0.5), BEGAN - 5)
    recording.recorder.close()
    sound, _ = recording.read("Ada-11.wav")
    assert sound.tolist() == [0, 1, -1, 1, -1]


def test_the_file_of_a_person_who_opts_out_is_deleted_and_not_made_again(recording: Recording) -> None:
    recording.talk(ADA, 0.0, 1.0)
    recording.recorder.forget(ADA)
    recording.talk(ADA, 1.0, 1.0)
    recording.wait_until_written(BOB, 3.0)
    assert [path.name for path in recording.recorder.folder.iterdir()] == ["Bob-22.wav"], "while the recording goes on"
    recording.recorder.close()
    assert [path.name for path in recording.recorder.folder.iterdir()] == ["Bob-22.wav"]
    recording.recorder.forget(BOB)
    assert list(recording.recorder.folder.iterdir()) == [], "also when the recording is over"


def test_nothing_is_recorded_before_the_start_or_after_the_end(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "now")
    recording.talk(ADA, 0.0, 1.0)
    recording.recorder.close()
    assert not recording.recorder.folder.exists()
    recording = Recording(tmp_path / "now")
    recording.recorder.start()
    recording.recorder.close()
    recording.talk(ADA, 0.0, 1.0)
    assert list(recording.recorder.folder.iterdir()) == []


KILLED = """
import sys, time
from pathlib import Path
import numpy as np
from bot.voice.records.recorder import CallRecorder
now = 0.0
recorder = CallRecorder(Path(sys.argv[1]), lambda person: "Ada", print, clock=lambda: now)
recorder.start()
while True:
    recorder.heard(11, np.full(320, 0.5, np.float32), now)
    now += 0.02
    time.sleep(0.005)
"""


async def test_a_bot_that_is_killed_leaves_files_that_play(tmp_path: Path) -> None:
    file = tmp_path / "now" / "Ada-11.wav"
    with subprocess.Popen([sys.executable, "-c", KILLED, str(file.parent)]) as process:  # noqa: ASYNC220
        await wait_until(lambda: seconds_in_the_header(file) > 1.0)
        os.kill(process.pid, signal.SIGKILL)
    sound, rate = read(file)
    assert len(sound) / rate > 1.0
    assert (np.abs(sound - 0.5) < 0.01).all()


def seconds_in_the_header(path: Path) -> float:
    """The length that the file says it has, in seconds; 0 while it has no whole header."""
    try:
        with wave.open(str(path), "rb") as file:
            return file.getnframes() / file.getframerate()
    except (OSError, EOFError, wave.Error):
        return 0.0


@pytest.mark.parametrize(("hours", "disk_free", "words"), [(2, 10**9, "2 hours"), (0.1, 10**6, "disk")])
def test_at_a_limit_the_recording_ends_with_whole_files_and_says_so(
    tmp_path: Path, hours: float, disk_free: int, words: str
) -> None:
    recording = Recording(tmp_path / "now", RecordingLimits(hours=2))
    recording.recorder.start()
    recording.talk(ADA, 0.0, 1.0)
    recording.wait_until_written(BOB, 1.0)
    recording.disk_free = disk_free
    recording.now += hours * 3_600
    assert words in recording.ended.get(timeout=30)
    assert not recording.recorder.recording
    assert voiced(*recording.read("Ada-11.wav")) == [(0.0, 1.0)]
    recording.recorder.close()


def test_a_recording_that_cannot_begin_says_why(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="disk is nearly full"):
        Recording(tmp_path / "now", RecordingLimits(min_free_bytes=2 * 10**9)).recorder.start()
    assert not (tmp_path / "now").exists()
    (tmp_path / "file").touch()
    with pytest.raises(RecordingError, match="can't record"):
        Recording(tmp_path / "file" / "now").recorder.start()


def test_a_file_that_can_not_be_written_ends_the_recording_and_keeps_the_other_files(
    recording: Recording, caplog: pytest.LogCaptureFixture
) -> None:
    recording.talk(ADA, 0.0, 1.0)
    recording.recorder.heard(99, frame(0.5), BEGAN + 1)  # This person has no name, so opening the file fails.
    assert "could not be written" in recording.ended.get(timeout=30)
    assert len(recording.read("Ada-11.wav")[0]) == 16_000
    assert "The recording failed" in caplog.text


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("Ada", "Ada"),
        ("../../etc/passwd", "etc_passwd"),
        ("", "Someone"),
        ("名前 😀", "名前"),
        ("a\0b", "a_b"),
        ("..", "unnamed"),
    ],
)
def test_names_are_safe_as_file_names(name: str, file: str) -> None:
    assert file_name(name) == file


def test_a_recordings_folder_names_its_time_and_channel() -> None:
    at = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
    assert recording_folder(Path("data"), "Lounge 1", "c1", at) == Path("data/recordings/20260131T120000Z-Lounge_1.c1")


def test_recordings_are_for_the_operator_alone(recording: Recording) -> None:
    assert recording.recorder.folder.stat().st_mode & 0o077 == 0
