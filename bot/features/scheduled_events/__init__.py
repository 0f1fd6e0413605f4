"""Text and files that the bot posts at set times."""
