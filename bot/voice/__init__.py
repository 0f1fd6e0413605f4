"""A live call: everything between a voice channel and a conversation."""
