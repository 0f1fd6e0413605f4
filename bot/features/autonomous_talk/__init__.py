"""From time to time the bot says something of its own."""
