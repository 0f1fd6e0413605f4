"""The commands of features that the operator has not set up: what is said in place of doing them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from config.settings import Settings

CANT_SEE = "🙈 I can't see pictures here (nobody has set VISION_LLM_URL)."


def commands_not_set_up(settings: Settings) -> Mapping[str, str]:
    """By the name of a command that is not there: which setting it needs, in a sentence for people."""
    drawing = "COMFYUI_URL" if settings.comfyui_url is None else "COMFYUI_WORKFLOW"
    features = (
        (("draw", "draw-cancel"), "Drawing is", drawing, settings.comfyui_url and settings.comfyui_workflow),
        (("figurines",), "News of figurines is", "FIGURINE_FEEDS", settings.figurine_feeds),
        (("bipolar", "argue"), "Arguing with a twin is", "BIPOLAR_TWIN", settings.bipolar_twin),
        (("avatar",), "Changing my picture is", "AVATAR_FOLDER", settings.avatar_folder),
    )
    return MappingProxyType(
        {
            command: f"❌ {what} not set up here ({setting})."
            for commands, what, setting, is_set in features
            for command in commands
            if not is_set
        }
    )
