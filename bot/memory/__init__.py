"""What the bot remembers of people across calls and chat: facts, the sentences they come from, who may know them."""
