"""GPUs of this machine: how full their memory is, and how busy they are.

The speech server watches this memory, and ``python -m bot models`` checks which models fit into it.
"""
