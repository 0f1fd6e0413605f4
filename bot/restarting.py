"""What people are told while the bot is being restarted."""

from __future__ import annotations

RESTARTING = "👋 I'm restarting."
"""The answer to whoever writes or speaks to a bot that is about to end. A prompt waits until it is back."""
