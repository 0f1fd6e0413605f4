"""Memory plan: whether the models that are needed fit into a GPU's memory, and what helps if they don't."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bot.models.catalogue import Catalogue, Model, Part
from config.settings import Settings
from config.types import Device
from hardware.memory import GIB, CardMemory

_CPU_SETTINGS = {Part.STT: "STT_DEVICE=cpu", Part.TTS: "TTS_DEVICE=cpu"}
_ELSEWHERE = {
    Part.STT: "a recogniser elsewhere (STT_URL)",
    Part.LLM: "a model server on another machine (LLM_URL)",
    Part.TTS: "a speech server on another machine (TTS_WEBSOCKET_URL)",
}


@dataclass(frozen=True, slots=True)
class Remedy:
    """A way to free GPU memory: what to do, and how many GiB it frees."""

    text: str
    frees: float


class MemoryPlan:
    """Computes the memory that models need together on one GPU.

    Args:
        names: the models' ids in the catalogue.
        settings: the settings, which say which parts run on the CPU instead.
    """

    def __init__(self, catalogue: Catalogue, names: Collection[str], settings: Settings) -> None:
        self._catalogue = catalogue
        on_cpu = {
            part
            for part, device in ((Part.STT, settings.stt.device), (Part.TTS, settings.tts.device))
            if device == Device.CPU
        }
        models = {name: catalogue.models[name] for name in names}
        self._models = {name: model for name, model in models.items() if model.vram_gib and model.part not in on_cpu}

    @property
    def needs_gib(self) -> float:
        """Memory that all models need together, in GiB."""
        return sum(model.vram_gib for model in self._models.values())

    def sum_line(self) -> str:
        """The models' memory and the sum, such as "XTTS v2 3.0 + Whisper small 0.5 = 3.5 GiB"."""
        if not self._models:
            return "nothing: no part of this profile runs on a card here"
        parts = " + ".join(f"{model.title} {model.vram_gib:.1f}" for model in self._models.values())
        return f"{parts} = {self.needs_gib:.1f} GiB"

    def verdict(self, cards: Sequence[CardMemory]) -> Iterator[str]:
        """Lines for people: whether the models fit on each GPU, and what would help if they don't."""
        if not self._models:
            return
        if not cards:
            slow = ", where XTTS is far slower than speech" if "xtts-v2" in self._models else ""
            yield f"No graphics card found: everything would run on the CPU{slow}."
        for card in cards:
            yield from self._verdict_on(card)

    def _verdict_on(self, card: CardMemory) -> Iterator[str]:
        total, used = card.total_bytes / GIB, card.used_bytes / GIB
        place = f"{card.name}, {total:.1f} GiB"
        if self.needs_gib > total:
            yield f"{place}: does not fit, {self.needs_gib - total:.1f} GiB too much. What would help:"
            yield from _remedies(self._remedies(), self.needs_gib - total)
        elif self.needs_gib > total - used:
            yield (
                f"{place}: fits once other programs free memory: {used:.1f} GiB are in use now, "
                f"{self.needs_gib - (total - used):.1f} GiB too much. Otherwise this would help:"
            )
            yield from _remedies(self._remedies(), self.needs_gib - (total - used))
        else:
            spare = total - used - self.needs_gib
            yield f"{place}: fits, with {spare:.1f} GiB to spare ({used:.1f} GiB are in use now)."
        for model in self._models.values():
            if card.compute_capability is not None and card.compute_capability < model.compute_capability:
                yield (
                    f"  {model.title} needs compute capability {_version(model.compute_capability)}, this card has "
                    f"{_version(card.compute_capability)}, so it would not run on this card."
                )

    def _remedies(self) -> Iterator[Remedy]:
        for model in self._models.values():
            for name, smaller in self._smaller(model).items():
                yield Remedy(f"{smaller.title} ({name}) in place of {model.title}", model.vram_gib - smaller.vram_gib)
            if setting := _CPU_SETTINGS.get(model.part):
                yield Remedy(f"{setting}, which is slower", model.vram_gib)
            yield Remedy(_ELSEWHERE[model.part], model.vram_gib)

    def _smaller(self, model: Model) -> Mapping[str, Model]:
        return {
            name: other
            for name, other in self._catalogue.models.items()
            if other.part is model.part and other.vram_gib < model.vram_gib
        }


def _remedies(remedies: Iterator[Remedy], missing: float) -> Iterator[str]:
    """Lines with the remedies: first those that free enough memory by themselves, then the others.

    In both groups, the remedies that free the least memory come first.
    """
    for remedy in sorted(remedies, key=lambda remedy: (remedy.frees < missing, remedy.frees)):
        enough = "enough by itself" if remedy.frees >= missing else "not enough alone"
        yield f"  - {remedy.text}: frees {remedy.frees:.1f} GiB, {enough}"


def _version(capability: tuple[int, int]) -> str:
    return ".".join(map(str, capability))
