"""The bot's own voice, back from somebody's loudspeakers: known as such, and neither answered nor an interruption."""
