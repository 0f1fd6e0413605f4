"""The frames of the bot's own sound: queued as they come, sent on time, and what was heard of them."""
