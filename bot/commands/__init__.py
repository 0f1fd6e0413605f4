"""Cogs: each reads what Discord says, calls one service and shows the answer."""
