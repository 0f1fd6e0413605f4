"""One good value for every variable that can be set wrong: shown in errors and checked by the tests."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

EXAMPLES: Mapping[str, str] = MappingProxyType(
    {
        "DISCORD_API_URL": "http://127.0.0.1:8080/api/v10",
        "DISCORD_CA_FILE": "/path/to/ca.pem",
        "PROFILE": "embedded",
        "COMMAND_PREFIX": "!",
        "DATA_DIR": "./data",
        "VOICE_ENABLED": "true",
        "PERSONA": "seiyuu",
        "PROMPT_CHANNEL": "voice-prompts",
        "ALONE_TIMEOUT": "120",
        "LLM_URL": "http://127.0.0.1:8080/v1",
        "LLM_MODEL": "llama3.1",
        "LLM_API": "chat",
        "LLM_URL_NVIDIA": "http://127.0.0.1:8090/v1",
        "LLM_URL_AMD": "http://127.0.0.1:8091/v1",
        "VOICE_GPU": "nvidia",
        "LLM_CHAT_TEMPLATE": "chatml",
        "LLM_TEMPERATURE": "0.8",
        "LLM_MAX_TOKENS": "500",
        "LLM_STOP": "<|im_end|>,User:",
        "LLM_CONTEXT_MESSAGES": "4",
        "LLM_CONNECT_TIMEOUT": "5",
        "LLM_FIRST_TOKEN_TIMEOUT": "30",
        "LLM_STALL_TIMEOUT": "15",
        "VISION_LLM_URL": "http://127.0.0.1:8090/v1",
        "COMFYUI_URL": "http://127.0.0.1:8188",
        "TTS_WEBSOCKET_URL": "ws://127.0.0.1:8765/ws/stream",
        "TTS_BIND": "127.0.0.1:8765",
        "TTS_DEVICE": "auto",
        "STT_DEVICE": "auto",
        "STT_LANGUAGE": "en",
        "STT_THREADS": "2",
        "STT_CORRECTIONS": "./corrections.yaml",
        "LISTENING": "opt-out",
        "ANSWER_TO": "smart",
        "BARGE_IN": "everyone",
        "CAPTIONS": "thread",
        "STT_URL": "http://127.0.0.1:8000/v1",
    }
)
