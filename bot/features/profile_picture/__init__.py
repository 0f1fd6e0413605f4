"""The bot's picture, changed now and then."""
