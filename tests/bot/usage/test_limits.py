"""The limits of a day: what is refused and when, when the operator is told, and when a day ends."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.doctor.limits import check_limits
from bot.metering import Paid
from bot.paid_servers import costing_kinds, limit_notices, paid_servers
from bot.usage.ledger import Amounts
from bot.usage.limits import DailyLimits, until_midnight, wait_text
from config.sections import DailySettings
from config.settings import Settings

BERLIN = ZoneInfo("Europe/Berlin")


class Day:
    """Limits of 1,000 tokens and 10 minutes, what was used, and the clock that the test moves."""

    def __init__(self, settings: DailySettings | None = None) -> None:
        self.now = datetime(2026, 11, 29, 20, 0, tzinfo=BERLIN)
        self.used = Amounts()
        self.settings = settings or DailySettings(tokens=1_000, speech_minutes=10.0)
        self.limits = self.start()

    def start(self) -> DailyLimits:
        self.limits = DailyLimits(self.settings, lambda: self.used, lambda: self.now)
        return self.limits


@pytest.mark.parametrize(
    ("tokens", "may_guess", "may_ask"), [(0, True, True), (799, True, True), (800, False, True), (1_000, False, False)]
)
def test_guesses_stop_first_and_then_everything(tokens: int, may_guess: bool, may_ask: bool) -> None:
    day = Day()
    day.used = Amounts(1, tokens, 0)
    assert (day.limits.refusal(Paid.TOKENS, guess=True) is None) == may_guess
    assert (day.limits.refusal(Paid.TOKENS) is None) == may_ask
    assert day.limits.refusal(Paid.SPEECH, guess=True) is None, "each limit counts alone"


def test_the_limits_that_are_reached_are_named() -> None:
    day = Day()
    assert day.limits.reached() == []
    day.used = Amounts(1, 999, 0, 600_000)
    assert day.limits.reached() == [day.limits.refusal(Paid.SPEECH)]


def test_both_directions_of_tokens_count_and_speech_counts_in_minutes() -> None:
    day = Day()
    day.used = Amounts(1, 600, 400, 600_000)
    assert day.limits.refusal(Paid.TOKENS) is not None
    assert day.limits.refusal(Paid.SPEECH) is not None


def test_people_are_told_plainly_what_is_reached_and_when_it_begins_anew() -> None:
    day = Day()
    day.used = Amounts(1, 5_000, 0, 601_000)
    assert day.limits.refusal(Paid.TOKENS) == (
        "Today's limit of 1,000 tokens is reached, for model servers that cost money. "
        "It begins anew at midnight, in 4 h."
    )
    day.now += timedelta(hours=3, minutes=40)
    assert (day.limits.refusal(Paid.SPEECH) or "").startswith("Today's limit of 10 minutes of speech is reached")
    assert (day.limits.refusal(Paid.SPEECH) or "").endswith("in 20 min.")


def test_zero_is_no_limit() -> None:
    day = Day(DailySettings())
    day.used = Amounts(1, 10**9, 0, 10**9)
    assert all(day.limits.refusal(paid, guess=True) is None for paid in Paid)
    assert (day.limits.news(), day.limits.states(), day.limits.summary()) == ([], [], [])


def test_the_share_of_a_limit_that_limits_nothing_is_not_shown_unless_something_was_used() -> None:
    day = Day()
    limits = DailyLimits(day.settings, lambda: day.used, lambda: day.now, [Paid.SPEECH])
    assert [text.split(",")[0] for text in limits.summary()] == ["Today's limit of 10 minutes of speech"]
    day.used = Amounts(1, 500, 0)
    assert len(limits.summary()) == 2, "tokens were used, perhaps by a server that was taken out of the settings today"


@pytest.mark.parametrize(("url", "kinds"), [("http://127.0.0.1:1/v1", ()), ("https://a.example/v1", (Paid.TOKENS,))])
def test_the_settings_tell_for_what_a_server_costs_money(url: str, kinds: tuple[Paid, ...]) -> None:
    assert costing_kinds(settings(llm_url=url, llm_api_key="sk-1")) == kinds


def test_the_operator_is_told_once_a_day_of_each_level() -> None:
    day = Day()
    told = []
    for tokens in (100, 800, 900, 1_000, 1_100):
        day.used = Amounts(1, tokens, 0)
        told.append([text.split(" of today")[0].split(" is reached")[0] for text in day.limits.news()])
    assert told == [[], ["80 %"], [], ["Today's limit of 1,000 tokens (DAILY_TOKENS=1000)"], []]
    day.now += timedelta(days=1)
    day.used = Amounts()
    assert day.limits.news() == []
    day.used = Amounts(1, 850, 0)
    assert len(day.limits.news()) == 1, "on the next day, it is told again"


def test_a_restart_tells_nothing_again() -> None:
    day = Day()
    day.used = Amounts(1, 850, 0)
    assert len(day.limits.news()) == 1
    day.start()
    assert day.limits.news() == []
    assert day.limits.states()[0].startswith("85 % of today's limit")
    day.used = Amounts(1, 1_000, 0)
    assert len(day.limits.news()) == 1


@pytest.mark.parametrize(
    ("now", "hours"),
    [
        (datetime(2026, 11, 29, 0, 0, tzinfo=BERLIN), 24),
        # The days on which the clocks are set forward and back.
        (datetime(2026, 3, 29, 0, 0, tzinfo=BERLIN), 23),
        (datetime(2026, 10, 25, 0, 0, tzinfo=BERLIN), 25),
        # The hour that is repeated, both times.
        (datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN), 22.5),
        (datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=BERLIN), 21.5),
        # Here the day begins at one o'clock, because midnight is left out.
        (datetime(2026, 9, 5, 23, 0, tzinfo=ZoneInfo("America/Santiago")), 1),
    ],
)
def test_the_wait_until_midnight_is_right_when_the_clocks_are_changed(now: datetime, hours: float) -> None:
    assert until_midnight(now) == timedelta(hours=hours)


@pytest.mark.parametrize(
    ("minutes", "text"), [(0.01, "1 min"), (20, "20 min"), (60, "1 h"), (250, "4 h 10 min"), (1_500, "25 h")]
)
def test_the_wait_is_told_in_hours_and_minutes(minutes: float, text: str) -> None:
    assert wait_text(timedelta(minutes=minutes)) == text


def settings(**changes: Any) -> Settings:
    return Settings.read(_env_file=None, **changes)


@pytest.mark.usefixtures("clean_environment")
async def test_the_doctor_names_the_limits_and_the_servers_that_they_are_for() -> None:
    hosted = {"llm_url": "https://api.example.org/v1", "llm_api_key": "sk-0123456789"}
    found = await check_limits(settings(**hosted, daily_tokens=5_000, timezone="Europe/Berlin"))
    assert found.good
    assert found.text == "DAILY_TOKENS=5000 for api.example.org; a day ends at midnight in TIMEZONE=Europe/Berlin"
    without = await check_limits(settings(**hosted))
    assert without.good is None
    assert "these servers cost money, without a limit: api.example.org" in without.text
    nothing = settings(llm_url="http://127.0.0.1:8080/v1", daily_tokens=5_000, daily_speech_minutes=1.5)
    assert [text.split(" limits")[0] for text in limit_notices(nothing)] == [
        "DAILY_TOKENS=5000",
        "DAILY_SPEECH_MINUTES=1.5",
    ]
    assert (await check_limits(settings(llm_url="http://127.0.0.1:8080/v1"))).text.startswith("not set, and no server")


@pytest.mark.usefixtures("clean_environment")
def test_all_servers_that_cost_money_are_known_by_their_hosts() -> None:
    found = paid_servers(
        settings(
            llm_url="http://127.0.0.1:8080/v1,https://llm.example.org/v1",
            llm_api_key=",sk-1",
            vision_llm_url="https://eyes.example.org/v1",
            vision_llm_api_key="sk-2",
            embeddings_url="https://vectors.example.org/v1",
            embeddings_api_key="sk-4",
            stt_url="https://ears.example.org/v1",
            stt_api_key="sk-3",
            tts_websocket_url="wss://voice.example.org/ws/stream",
            tts_token="a-secret-of-enough-length",
        )
    )
    assert found == {
        Paid.TOKENS: ("llm.example.org", "eyes.example.org", "vectors.example.org"),
        Paid.SPEECH: ("ears.example.org", "voice.example.org"),
    }


@pytest.mark.usefixtures("clean_environment")
async def test_a_fallback_voice_that_costs_money_is_named_and_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    local = {"llm_url": "http://127.0.0.1:8080/v1", "tts_engine": "piper"}
    monkeypatch.setenv("TTS_FALLBACK", "OpenAI, espeak")
    assert "without a limit: the voice of openai (TTS_FALLBACK)" in (await check_limits(settings(**local))).text
    found = await check_limits(settings(**local, daily_speech_minutes=1.5))
    assert found.good
    assert found.text.startswith("DAILY_SPEECH_MINUTES=1.5 for the voice of openai (TTS_FALLBACK);")
    monkeypatch.setenv("TTS_BETTER_ENGINE", "elevenlabs")
    found = await check_limits(settings(**local, daily_speech_minutes=1.5))
    assert "(TTS_FALLBACK), the voice of elevenlabs (TTS_BETTER_ENGINE);" in found.text
    monkeypatch.delenv("TTS_BETTER_ENGINE")
    elsewhere = settings(**local, daily_speech_minutes=1.5, tts_websocket_url="ws://127.0.0.1:8765/ws/stream")
    assert "limits nothing" in (await check_limits(elsewhere)).text, "that server has fallbacks of its own"
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:8081/v1")
    assert "limits nothing" in (await check_limits(settings(**local, daily_speech_minutes=1.5))).text
