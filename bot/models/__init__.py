"""Model weights: which ones the settings need, their download, checksums, and the GPU memory that they need."""
