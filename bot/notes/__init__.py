"""Notes of a call, if people ask for them: who said what, and a summary in which each claim names its lines."""
