"""Backup and restore: one file with all of the bot's data that can't be created or downloaded again."""
