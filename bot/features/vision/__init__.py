"""Vision: what people show is looked at by a vision model, and put into words."""
