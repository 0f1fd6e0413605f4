"""The tools that a language model can call: the bot's own, and those of MCP servers."""
