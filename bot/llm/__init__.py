"""The language model: the client of a model server, prompts, personas and chat history."""
