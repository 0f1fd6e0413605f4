"""What must hold with real weights: ears, mind and voice as a first start has them. `make test-real` runs these."""
