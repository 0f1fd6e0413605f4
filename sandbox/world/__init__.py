"""The state of the local Discord: users, guilds, channels, messages, commands. No input, no output."""
