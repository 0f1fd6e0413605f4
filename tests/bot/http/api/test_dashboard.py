"""Tests of the dashboard for Grafana: it asks for figures that ``/metrics`` has, with labels that they have."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from bot.database import FILE, Database
from bot.metering import NOBODY, OWN
from bot.usage.usage import Usage
from config.project import ROOT
from config.sections import DailySettings
from config.types import GpuVendor
from hardware.memory import GIB, CardMemory
from tests.bot.http.api.api_stage import ApiStage
from tests.bot.http.chat_house import HeldFeature
from tests.bot.monitoring.figures import BEGAN

CONTRACT = {
    "seiyuu_turn_stage_seconds_bucket": {"stage", "transport", "le"},
    "seiyuu_turns_total": {"outcome"},
    "seiyuu_tokens_total": {"kind"},
    "seiyuu_packets_late_total": set(),
    "seiyuu_decrypt_failures_total": set(),
    "seiyuu_held": {"feature"},
    "seiyuu_queue_length": set(),
    "seiyuu_gpu_utilisation": {"card"},
    "seiyuu_vram_bytes": {"card"},
    "seiyuu_today_tokens": {"server", "kind"},
    "seiyuu_today_speech_seconds": {"server", "engine"},
    "seiyuu_daily_limit_used": {"limit"},
}
"""The metrics on which dashboards may rely, and the labels of each."""
OF_PROMETHEUS = {"instance"}
"""Labels that Prometheus adds itself."""


def dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / "deploy/grafana/seiyuu.json").read_text(encoding="utf-8"))
    return found


def queries() -> list[str]:
    return [target["expr"] for panel in dashboard()["panels"] for target in panel["targets"]]


async def labels(stage: ApiStage, folder: Path) -> dict[str, set[str]]:
    """The labels of each sample of ``/metrics``, after a turn on a machine with a card and with daily limits."""
    stage.figures.lease.register(HeldFeature())
    stage.figures.call()
    stage.figures.turn()
    await stage.figures.poll_cards(CardMemory("RTX", GpuVendor.NVIDIA, 12 * GIB, 2 * GIB, utilisation=0.25))
    began = datetime.fromtimestamp(BEGAN, UTC)
    async with Database.opened(folder / FILE) as database:
        limits = DailySettings(tokens=1_000, speech_minutes=10.0)
        async with Usage.opened(database, lambda: began, limits) as usage:
            stage.figures.monitor.usage = usage
            usage.tokens(NOBODY, OWN, 80, 4, paid=False)
            usage.spoken(NOBODY, OWN, 2.5, paid=False)
            text = (await stage.web.ask("/metrics")).text
    return {
        sample.name: set(sample.labels) for family in text_string_to_metric_families(text) for sample in family.samples
    }


async def test_the_metrics_of_the_contract_are_there_with_these_labels_and_no_others(
    stage: ApiStage, tmp_path: Path
) -> None:
    found = await labels(stage, tmp_path)
    assert {name: found.get(name) for name in CONTRACT} == CONTRACT


async def test_each_metric_that_the_dashboard_asks_for_exists_with_its_labels(stage: ApiStage, tmp_path: Path) -> None:
    found = await labels(stage, tmp_path)
    for query in queries():
        (name,) = set(re.findall(r"seiyuu_\w+", query))
        assert name in found, query
        grouped = {label for group in re.findall(r"by \(([^)]*)\)", query) for label in group.split(", ")}
        matched = set(re.findall(r"(\w+)=~?\"", query))
        assert grouped | matched <= found[name] | OF_PROMETHEUS, query


def test_the_dashboard_shows_every_metric_of_the_contract_and_nothing_else() -> None:
    assert {name for query in queries() for name in re.findall(r"seiyuu_\w+", query)} == set(CONTRACT)


def test_legends_name_only_labels_by_which_the_query_groups() -> None:
    for panel in dashboard()["panels"]:
        for target in panel["targets"]:
            shown = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            assert shown <= set(re.findall(r"\w+", " ".join(re.findall(r"by \(([^)]*)\)", target["expr"])))), panel[
                "title"
            ]


def test_panels_do_not_overlap_and_the_dashboard_names_no_address() -> None:
    places = [panel["gridPos"] for panel in dashboard()["panels"]]
    cells = [
        (x, y) for at in places for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
    assert "://" not in json.dumps(dashboard())
