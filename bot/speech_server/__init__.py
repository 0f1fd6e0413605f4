"""The speech server as the bot knows it: one client, and what it answers."""
