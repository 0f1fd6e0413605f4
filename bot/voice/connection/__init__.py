"""The bot's connection to a voice channel: discord.py's own, the only place that knows its private names."""
