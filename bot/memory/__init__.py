"""What the bot remembers of people across calls and chat: facts with the sentences they come from, and who may know."""
