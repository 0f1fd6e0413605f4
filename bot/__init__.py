"""The Discord bot."""

from config.privacy import keep_private

# Python runs this module before every other module of the bot, so before any library is imported.
keep_private()
