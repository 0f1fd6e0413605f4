"""Profile picture: the bot's avatar, changed on a schedule."""
