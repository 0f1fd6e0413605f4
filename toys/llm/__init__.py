"""A toy language model, written by hand: it knows the answers to a closed list of questions."""
