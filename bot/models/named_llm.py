"""The language model that ``LLM_MODEL`` names for the bot's own llama.cpp, if no model server is set."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bot.models.catalogue import Catalogue, Model, Part
from bot.models.model_store import Condition, ModelStore
from bot.models.needs import download_command, repair_command, store_of
from config.settings import Settings

GGUF = ".gguf"


@dataclass(frozen=True, slots=True)
class EmbeddedLlm:
    """A language model that the bot's own llama.cpp serves.

    Attributes:
        path: the GGUF file.
        name: the model's name for clients.
        unchecked: whether the file is the operator's own, so that there is no checksum for it.
        sha256: the file's checksum, which is in the catalogue. The file was compared with it. ``None`` if it has none.
    """

    path: Path
    name: str
    unchecked: bool = False
    sha256: str | None = None

    @property
    def remedy(self) -> str:
        """Advice for people if the model can't be loaded."""
        return f"get {self.path} again, or name another model in LLM_MODEL" if self.unchecked else repair_command()


class NoSuchLlmError(Exception):
    """``LLM_MODEL`` does not name a model that can be served. The message says what to do about it."""


def named_llm(settings: Settings, catalogue: Catalogue) -> EmbeddedLlm | None:
    """The model that ``LLM_MODEL`` names: a GGUF file, or a model of the catalogue. Blocks on the disk.

    Returns ``None`` if ``LLM_MODEL`` is not set, or if the bot does not serve the model itself.

    Raises:
        NoSuchLlmError: the model is missing or damaged, or is not a language model.
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
    if model is None or model.part is not Part.LLM:
        raise NoSuchLlmError(
            f"LLM_MODEL={asked} is neither a GGUF file nor a model of `python -m bot models`. "
            "If a model server has this model, set LLM_URL."
        )
    store = store_of(settings, model)
    match store.condition(asked, model):
        case Condition.MISSING:
            raise NoSuchLlmError(f"LLM_MODEL={asked} is not here yet. Get it with: {download_command(asked)}")
        case Condition.DAMAGED:
            raise NoSuchLlmError(f"LLM_MODEL={asked} is damaged. Remedy: {repair_command()}")
        case Condition.COMPLETE:
            return catalogued_llm(store, asked, model)


def catalogued_llm(store: ModelStore, name: str, model: Model) -> EmbeddedLlm:
    """A model of the catalogue that is in its store, complete and checked."""
    file = model.files[0]
    return EmbeddedLlm(store.folder(name) / file.path, name, sha256=file.sha256)
