"""What a restart of the bot has interrupted, and what becomes of it."""
