"""Texts that the dialogue says or writes by itself, in the name of a persona."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from bot.llm.personas import Persona


@dataclass(frozen=True, slots=True)
class DialogueTexts:
    """Texts that the dialogue says in the name of a persona.

    Attributes:
        confused: spoken when the model times out.
        speechless: written when the model's answer is empty.
        waking: spoken while the model server loads its model.
    """

    confused: str = "*Seiyuu seems confused...*"
    speechless: str = "🎤 Seiyuu has nothing to say to that."
    waking: str = "One moment, my mind is waking up."

    @classmethod
    def of(cls, persona: Persona) -> Self:
        """The texts in the name of ``persona``."""
        return cls(persona.confused_line, f"🎤 {persona.name} has nothing to say to that.")
