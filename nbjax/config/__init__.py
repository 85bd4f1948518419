"""What a user says: the configuration tree, and its TOML files."""
