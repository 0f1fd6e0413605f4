"""Scheduled events: texts and files that the bot posts at set times."""
