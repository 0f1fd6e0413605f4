"""A toy language model with hand-made weights, which answers a fixed list of questions."""
