"""The mixer: music, effects and a quiet bed beneath the bot's voice, in one stream of frames."""
