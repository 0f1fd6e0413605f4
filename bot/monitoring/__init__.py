"""Figures of the running bot: how long turns take, how busy its engines are, and what is slower than it should be."""
