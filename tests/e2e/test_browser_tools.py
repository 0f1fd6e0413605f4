"""Tools in a browser call of the real bot: its own controls, a tool that needs a yes, and one whose server dies."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from bot.web import BROWSER
from tests.bot.http.chat_house import page_at
from tests.e2e.conftest import StageMaker
from tests.e2e.scripted_model import Answer, ScriptedModel
from tests.e2e.test_mcp_tools import HOSTILE, looking, program


def controlling(line: str) -> Answer:
    if "percent now" in line:
        return Answer("Is this better?")
    if "percent as fast" in line:
        return Answer("I speak slowly.")
    if "You leave the call" in line:
        return Answer("Goodbye.")
    if "quieter" in line:
        return Answer(calls=("set_volume",), arguments='{"change": "quieter"}')
    if "slower" in line:
        return Answer(calls=("set_speaking_speed",), arguments='{"change": "slower"}')
    return Answer(calls=("leave_call",)) if "leave" in line else Answer("Yes.")


async def test_the_bots_own_controls_work_on_the_page(make_stage: StageMaker) -> None:
    async with (
        ScriptedModel(controlling) as model,
        make_stage(llm_url=model.url) as stage,
        page_at(stage.app.web.server.url) as page,
    ):
        core = stage.app.core
        await page.hello()
        for number, (asked, answer) in enumerate(
            [("Could you be a bit quieter?", "Is this better?"), ("Please speak slower.", "I speak slowly.")], 1
        ):
            await page.send(type="text", text=asked)
            await page.count("audio_end", number)
            assert page.all("audio_end")[-1]["heard"].endswith(answer)
        call = next(iter(core.manager.calls), None)
        assert call is not None
        assert call.volume == pytest.approx(0.8)
        assert core.voices.manner(BROWSER).speed == pytest.approx(0.87)
        assert core.voices.manner(stage.sandbox.guild.id).speed is None, "the speed has changed only on the page"
        await page.send(type="text", text="Please leave now.")
        await page.noticed("hung up")
        assert page.all("audio_end")[-1]["heard"].endswith("Goodbye."), "the bot says goodbye before it hangs up"


@pytest.mark.parametrize(("allow", "answer"), [(True, "Done."), (False, "I left it.")])
async def test_the_person_is_asked_on_the_page_before_a_tool_runs(
    make_stage: StageMaker, tmp_path: Path, allow: bool, answer: str
) -> None:
    file = tmp_path / "tools.yaml"
    file.write_text(yaml.safe_dump({"mcpServers": {"kind": program(str(HOSTILE), "fine")}, "ask": ["look"]}))
    async with (
        ScriptedModel(looking) as model,
        make_stage(llm_url=model.url, tools_file=file) as stage,
        page_at(stage.app.web.server.url) as page,
    ):
        await stage.app.core.tools.settled(60)
        await page.hello(questions=True)
        await page.send(type="text", text="Please have a look.")
        question = await page.until("question", text="look {}")
        await page.send(type="answer", question=question["question"], allow=allow)
        await page.until("audio_end", reason="done")
        assert page.all("audio_end")[-1]["heard"].endswith(answer)
        assert page.all("question_over")


async def test_a_server_that_dies_is_reported_on_the_page(make_stage: StageMaker, tmp_path: Path) -> None:
    file = tmp_path / "tools.yaml"
    file.write_text(yaml.safe_dump({"mcpServers": {"dying": program(str(HOSTILE), "dies")}}))
    async with (
        ScriptedModel(looking) as model,
        make_stage(llm_url=model.url, tools_file=file) as stage,
        page_at(stage.app.web.server.url) as page,
    ):
        await stage.app.core.tools.settled(60)
        await page.hello()
        await page.send(type="text", text="Please have a look.")
        await page.noticed("🔧 The server dying could not run this tool")
