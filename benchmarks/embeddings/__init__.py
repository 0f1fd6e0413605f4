"""A real embedding model for benchmarks: multilingual-e5-small, computed with numpy, behind a small server."""
