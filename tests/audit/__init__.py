"""What `make audit` looks at: licences, secrets, shells and pickles, and known weaknesses."""
