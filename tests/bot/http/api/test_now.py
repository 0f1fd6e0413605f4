"""Tests of ``/api/now`` and ``/metrics``: the figures are there, and no words, names or ids of people."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from bot.database import FILE, Database
from bot.metering import OWN, Account
from bot.usage.usage import Usage
from bot.voice.metrics import ReplyTrace
from bot.voice.turn import Outcome
from config.sections import DailySettings
from config.types import GpuVendor
from hardware.memory import GIB, CardMemory
from tests.bot.http.api.api_stage import ApiStage, api_stage
from tests.bot.http.chat_house import HeldFeature
from tests.bot.http.web_stage import SECRET, bearer
from tests.bot.monitoring.figures import BEGAN, SPOKEN_TURN

NO_TURNS = dict.fromkeys((("spoken",), ("written",), ("interrupted",), ("silent",), ("failed",)), 0.0)


async def metrics(stage: ApiStage) -> dict[str, dict[tuple[str, ...], float]]:
    """The samples of ``/metrics``: by name, and by the values of their labels."""
    answer = await stage.web.ask("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    samples: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            assert sample.name.startswith("seiyuu_")
            samples.setdefault(sample.name, {})[tuple(sample.labels.values())] = sample.value
    return samples


async def test_before_the_first_turn_all_fields_are_there(stage: ApiStage) -> None:
    now = (await stage.web.ask("/api/now")).json
    assert now["call"] == {"state": "idle", "transport": None, "since": None, "doing": None}
    assert now["calls"] == []
    assert (now["live"], now["turns"], now["cards"], now["warnings"]) == (None, [], [], [])
    assert now["figures"] == dict.fromkeys(("first_packet_ms", "stt_ms", "first_token_ms", "tts_ms"))
    assert [(engine["part"], engine["state"]) for engine in now["engines"]] == [
        ("mind", "ready"),
        ("ears", "ready"),
        ("voice", "ready"),
    ]
    assert now["limits"] == {"stt_ms": 500.0, "tts_ms": 300.0, "first_token_ms": 1000.0, "gpu": 0.8}


async def test_a_turn_is_reported_with_the_names_of_its_stages_and_with_its_waits(stage: ApiStage) -> None:
    stage.figures.call()
    stage.figures.turn()
    (turn,) = (await stage.web.ask("/api/now")).json["turns"]
    assert (turn["number"], turn["transport"], turn["spoken"], turn["outcome"]) == (1, "browser", True, "spoken")
    assert list(turn["stages"]) == [
        *("begun", "microphone", "end_of_turn", "words", "first_token"),
        *("first_clause", "first_sound", "first_packet", "last_packet"),
    ]
    assert sum(turn["waits"].values()) == turn["first_packet_ms"] == 605.0
    assert turn["tokens_per_second"] == 42.5
    assert (await stage.web.ask("/api/now?after=1")).json["turns"] == []


async def test_no_words_names_or_ids_of_people_are_reported(stage: ApiStage) -> None:
    stage.figures.call()
    stage.figures.turn()
    for path in ("/api/now", "/api/now/day", "/metrics"):
        text = (await stage.web.ask(path)).text
        assert "secret" not in text, path
        # The "_created" lines tell when each metric was made, in numbers that may contain any digits.
        figures = "\n".join(line for line in text.splitlines() if "_created" not in line)
        assert "77" not in figures.replace(str(BEGAN), ""), path


async def test_the_day_has_every_turn_and_a_median_for_each_period(stage: ApiStage) -> None:
    for ms in (300.0, 500.0):
        stage.figures.turn(replace(SPOKEN_TURN, first_packet=ms))
    stage.figures.turn(ReplyTrace("r1", Outcome.FAILED, 0.2))
    day = (await stage.web.ask("/api/now/day")).json
    assert (day["figure"], day["turns"]["ms"]) == ("first_packet_ms", [300.0, 500.0])
    assert (day["periods"]["median"], day["periods"]["p95"]) == ([400.0], [500.0])
    assert (await stage.web.ask("/api/now/day?figure=stt_ms")).json["turns"]["ms"] == [180.0, 180.0]
    assert (await stage.web.ask("/api/now/day?figure=words")).code == "bad_parameter"
    assert (await stage.web.ask("/api/now?after=-1")).code == "bad_parameter"


async def test_prometheus_reads_the_same_figures(stage: ApiStage) -> None:
    feature = HeldFeature()
    stage.figures.lease.register(feature)
    await stage.figures.lease.acquire("a test")
    stage.figures.messages = 3
    stage.figures.state["voice"] = "away"
    stage.figures.call("discord")
    stage.figures.turn()
    stage.figures.turn(ReplyTrace("r2", Outcome.FAILED, 0.2))
    found = await metrics(stage)
    assert found["seiyuu_turns_total"] == {**NO_TURNS, ("spoken",): 1.0, ("failed",): 1.0}
    assert found["seiyuu_turn_stage_seconds_sum"]["first_packet", "discord"] == 0.605
    assert found["seiyuu_turn_stage_seconds_count"]["words", "discord"] == 1.0
    assert found["seiyuu_engine_seconds_sum"] == {("stt",): 0.18, ("llm",): 0.14, ("tts",): 0.08}
    assert found["seiyuu_tokens_total"] == {("prompt",): 412.0, ("cached",): 396.0, ("answer",): 31.0}
    assert found["seiyuu_held"] == {(feature.name,): 1.0}
    assert found["seiyuu_queue_length"] == {(): 3.0}
    assert found["seiyuu_packets_late_total"] == found["seiyuu_decrypt_failures_total"] == {(): 0.0}
    assert found["seiyuu_engine_ready"] == {("mind",): 1.0, ("ears",): 1.0, ("voice",): 0.0}
    assert found["seiyuu_tokens_per_second"] == {(): 42.5}
    await stage.figures.lease.release()
    assert (await metrics(stage))["seiyuu_held"] == {(feature.name,): 0.0}


async def test_counters_are_there_before_they_have_counted_so_that_the_first_failure_is_an_increase(
    stage: ApiStage,
) -> None:
    found = await metrics(stage)
    assert found["seiyuu_turns_total"] == NO_TURNS
    assert found["seiyuu_tokens_total"] == {("prompt",): 0.0, ("cached",): 0.0, ("answer",): 0.0}


async def test_cards_are_labelled_by_their_number_and_an_unknown_utilisation_is_left_out(
    stage: ApiStage,
) -> None:
    await stage.figures.poll_cards(
        CardMemory("RTX", GpuVendor.NVIDIA, 12 * GIB, 2 * GIB, utilisation=0.25),
        CardMemory("RX 6800", GpuVendor.AMD, 16 * GIB, 3 * GIB),
    )
    found = await metrics(stage)
    assert found["seiyuu_gpu_utilisation"] == {("0",): 0.25}
    assert found["seiyuu_vram_bytes"] == {("0",): 2 * GIB, ("1",): 3 * GIB}
    assert found["seiyuu_vram_total_bytes"] == {("0",): 12 * GIB, ("1",): 16 * GIB}


async def test_the_figures_need_the_token(tmp_path: Path) -> None:
    async with api_stage(tmp_path, SECRET) as stage:
        for path in ("/api/now", "/api/now/day", "/metrics"):
            assert (await stage.web.ask(path)).status == 401
            assert (await stage.web.ask(path, headers=bearer())).status == 200


async def test_what_is_used_today_is_reported_by_server_and_with_the_limits_that_are_set(
    stage: ApiStage, tmp_path: Path
) -> None:
    began = datetime.fromtimestamp(BEGAN, UTC)
    limits = DailySettings(tokens=1_000)
    async with Database.opened(tmp_path / FILE) as database, Usage.opened(database, lambda: began, limits) as usage:
        stage.figures.monitor.usage = usage
        usage.tokens(Account(77, 77), "api.example.org", 800, 40, paid=True)
        usage.spoken(Account(77, 77), OWN, 2.5, paid=False)
        usage.spoken(Account(77, 77), OWN, 1.5, paid=True)
        usage.heard(Account(77, 77), "ears.example.org", 1.0, paid=True)
        lines = (await stage.web.ask("/metrics")).text.splitlines()
        assert sum("today_speech_seconds{" in line for line in lines) == 2, (
            "Prometheus takes only one value for the same labels"
        )
        found = await metrics(stage)
        tokens = {("prompt", "api.example.org"): 800.0, ("answer", "api.example.org"): 40.0}
        assert found["seiyuu_today_tokens"] == tokens
        assert found["seiyuu_today_speech_seconds"] == {("tts", OWN): 4.0, ("stt", "ears.example.org"): 1.0}
        assert found["seiyuu_daily_limit_used"] == {("tokens",): 0.84}
        warnings = {each["code"]: each["text"] for each in (await stage.web.ask("/api/now")).json["warnings"]}
        assert warnings["daily_limit"] == "84 % of today's limit of 1,000 tokens (DAILY_TOKENS=1000) is used."
