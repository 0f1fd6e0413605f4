"""The state of the local Discord: users, guilds, channels, messages, commands. It does no input or output."""
