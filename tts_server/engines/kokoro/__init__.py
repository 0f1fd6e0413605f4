"""Kokoro: a neural engine that sounds natural, speaks six languages and runs on the CPU.

Its weights are under Apache-2.0.
"""
