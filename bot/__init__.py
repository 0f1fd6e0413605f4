"""The Discord bot."""

from config.privacy import keep_private

# Here, because Python runs this before every module of the bot, and so before any library is imported.
keep_private()
