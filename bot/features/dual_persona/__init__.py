"""Dual persona: the bot's persona and a second persona, the twin, argue when a conversation gets tense."""
