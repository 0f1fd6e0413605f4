"""Voices that people have made, kept in a list."""

from __future__ import annotations

from collections.abc import Sequence

from tts_server.voices.profile import VoiceProfile


class ProfileList:
    """Stands in for the voice library: its ``profiles`` may be changed at any time."""

    def __init__(self, *profiles: VoiceProfile) -> None:
        self.profiles = list(profiles)

    def all(self) -> Sequence[VoiceProfile]:
        return self.profiles

    def get(self, voice: str) -> VoiceProfile | None:
        return next((profile for profile in self.profiles if profile.id == voice), None)
