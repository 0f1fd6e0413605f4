"""GPUs of this machine, and how full their memory is.

The speech server watches this memory, and ``python -m bot models`` checks which models fit into it.
"""
