"""Notes of calls: what was said by whom, and a summary whose claims are tied to lines, if people asked for them."""
