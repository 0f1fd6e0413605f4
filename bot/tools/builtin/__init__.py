"""The tools that come with the bot."""
