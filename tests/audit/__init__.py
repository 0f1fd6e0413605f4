"""What `make audit` looks at: licences, secrets and known weaknesses."""
