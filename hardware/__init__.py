"""The graphics cards of this machine: what memory they have and how full it is.

Ground floor: the speech server watches the cards, and ``python -m bot models`` asks what fits on them.
"""
