"""The dialogue of a call: it answers prompts one after another, and people can interrupt its replies."""
