"""News of figurines, from feeds that the operator names."""
