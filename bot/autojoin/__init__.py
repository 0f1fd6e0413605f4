"""Coming by itself: the bot joins a voice channel when somebody is there, and goes along with a person."""
