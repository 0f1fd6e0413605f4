"""Voice messages: what people say in a recording that they send, in words."""
