"""Echo detection: recognises the bot's own voice when it comes back from a person's loudspeakers."""
