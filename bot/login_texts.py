"""What is wrong if the bot can't log in to Discord, and what to do. The guided setup shows these texts too."""

from __future__ import annotations

PORTAL = "https://discord.com/developers/applications"
WRONG_TOKEN = (
    "Discord does not accept DISCORD_TOKEN. Copy the token again: "
    f"{PORTAL}, your application, Bot, Reset Token. It is not the client secret and not the public key."
)
NO_MESSAGE_CONTENT = (
    "Discord does not let the bot read messages. Switch on MESSAGE CONTENT INTENT: "
    f"{PORTAL}, your application, Bot, Privileged Gateway Intents. Then start me again."
)
UNREACHABLE = "Discord can't be reached ({cause}). Is this machine online, or DISCORD_API_URL wrong?"
