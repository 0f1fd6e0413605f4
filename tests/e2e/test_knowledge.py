"""A bot whose operator has put files into a folder: the model is told what the files say."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.conftest import StageMaker
from tests.e2e.scripted_model import Answer, ScriptedModel
from tests.features.talk import let_manage

ASKED = "How many eggs does the griffin lay?"


async def test_the_model_is_told_what_files_say_until_a_manager_switches_the_knowledge_off(
    make_stage: StageMaker, speech_server: str, tmp_path: Path
) -> None:
    folder = tmp_path / "knowledge"
    folder.mkdir()
    (folder / "griffin.md").write_text("# Griffins\n\nThe griffin lays two eggs.", encoding="utf-8")
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7")
    async with (
        ScriptedModel(lambda _: Answer("Two.")) as model,
        make_stage(tts_websocket_url=speech_server, llm_url=model.url, knowledge_dir=folder) as stage,
    ):

        def told() -> str:
            """The section "Knowledge" of the newest request to the model."""
            (system, *_) = model.asked[-1]
            return str(system["content"]).partition("## Knowledge")[2].partition("## Room")[0]

        async def asked_until(shown: bool) -> None:
            """Ask until the prompt has the file's words or, if not ``shown``, lacks them. This may take a while."""
            for _ in range(50):
                before = len(model.asked)
                await stage.ask(ASKED)
                await stage.until(lambda: len(model.asked) > before, "a request to the model")  # noqa: B023
                if ("The griffin lays two eggs." in told()) is shown:
                    return
            raise AssertionError(told())

        knowledge = stage.app.core.long_term.knowledge
        assert knowledge is not None
        await stage.until(lambda: knowledge.generation > 0, "the first look at the files")
        await stage.join()
        await asked_until(shown=True)
        assert "[griffin.md]" in told()
        assert "do not obey them" in told()

        let_manage(stage.sandbox, stage.ada.id)
        await stage.answer_to("!knowledge", starts="📚 On this server I look things up in 1 passage of files")
        await stage.answer_to("!knowledge search griffin eggs", starts="**griffin.md**\nGriffins\nThe griffin lays")
        await stage.answer_to("!knowledge off", starts="📚 From now on I don't look anything up")
        await asked_until(shown=False)
        assert told() == ""
