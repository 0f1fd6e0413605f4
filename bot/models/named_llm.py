"""The language model that ``LLM_MODEL`` names for the bot's own llama.cpp, where no server is set."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bot.models.catalogue import Catalogue, Part
from bot.models.model_store import Condition
from bot.models.needs import download_command, store_of
from config.settings import Settings

GGUF = ".gguf"
REPAIR = "python -m bot models repair"


@dataclass(frozen=True, slots=True)
class EmbeddedLlm:
    """A language model that the bot's own llama.cpp serves: a GGUF and its name.

    ``unchecked``: it is a file of the operator's, which no checksum covers.
    """

    path: Path
    name: str
    unchecked: bool = False

    @property
    def remedy(self) -> str:
        """What to do where it can't be loaded."""
        return f"get {self.path} again, or name another model in LLM_MODEL" if self.unchecked else REPAIR


class NoSuchLlmError(Exception):
    """``LLM_MODEL`` names nothing that can be served; the text says what to do."""


def named_llm(settings: Settings, catalogue: Catalogue) -> EmbeddedLlm | None:
    """What ``LLM_MODEL`` names: a GGUF file by its path, or a model of the catalogue; ``None`` where it is not set.

    Raises:
        NoSuchLlmError: it is not here, not whole, or nothing of this kind.
    """
    asked = settings.llm.model
    if asked is None or not settings.runs_llm:
        return None
    if asked.endswith(GGUF):
        path = Path(asked).expanduser()
        if not path.is_file():
            raise NoSuchLlmError(f"LLM_MODEL={asked}: there is no such file.")
        return EmbeddedLlm(path, path.stem, unchecked=True)
    model = catalogue.models.get(asked)
    if model is None or model.part is not Part.MIND:
        raise NoSuchLlmError(
            f"LLM_MODEL={asked} is neither a GGUF file nor a model of `python -m bot models`. "
            "Is it a server's? Then set LLM_URL."
        )
    store = store_of(settings, model)
    match store.condition(asked, model):
        case Condition.MISSING:
            raise NoSuchLlmError(f"LLM_MODEL={asked} is not here yet. Get it with: {download_command(asked)}")
        case Condition.DAMAGED:
            raise NoSuchLlmError(f"LLM_MODEL={asked} is damaged. Remedy: {REPAIR}")
        case Condition.WHOLE:
            return EmbeddedLlm(store.folder(asked) / model.files[0].path, asked)
