"""The language model: token streams, prompts, personas."""
