"""Libraries that would tell their makers about this machine are told not to, and files are the owner's alone."""

from __future__ import annotations

import os

SILENCED = {
    # onnxruntime leaves a device's id in the home folder and asks for Microsoft's host every ten seconds.
    "ORT_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    # Older versions of Hugging Face's libraries, and others that follow them.
    "DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    # What trains XTTS, and is imported with it.
    "TRAINER_TELEMETRY": "0",
    "ANONYMIZED_TELEMETRY": "False",
    "GRADIO_ANALYTICS_ENABLED": "False",
}
"""Variables, and the values that switch telemetry off."""

OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
}
"""Variables that keep libraries from fetching weights; what is on the disk still loads."""


OWN_EYES = 0o077
"""What a new file or folder does not let anybody else do: anything."""


def keep_private() -> None:
    """Switch telemetry off, for this process and those that it starts.

    A value that somebody chose stays. Libraries read these variables as they are imported, so every program of the
    project calls this before it imports any: the packages ``bot``, ``toys`` and ``tts_server`` do as they are imported.
    """
    for name, value in SILENCED.items():
        os.environ.setdefault(name, value)


def keep_files_private() -> None:
    """What this process, and those that it starts, make from now on is for the eyes of their own user alone."""
    os.umask(OWN_EYES)


def stay_offline() -> None:
    """Keep this process, and those that it starts, from fetching weights, whatever the environment says.

    Call it before such libraries are imported.
    """
    os.environ.update(OFFLINE)
