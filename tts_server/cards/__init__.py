"""The graphics cards of this machine: what memory they have and how full it is.

It imports nothing of the rest of the server, so that ``python -m bot models`` may ask it what would fit as well.
"""
