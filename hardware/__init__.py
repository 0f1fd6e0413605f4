"""GPUs of this machine, and how full their memory is.

On the ground floor, because the speech server watches GPU memory and ``python -m bot models`` checks what fits.
"""
