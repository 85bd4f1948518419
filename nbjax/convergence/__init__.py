"""How finely a sampled experiment must be sampled: counts are doubled until the pixels stop changing."""
