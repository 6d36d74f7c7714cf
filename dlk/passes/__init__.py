"""Graph rewrites, one a file, each with what it requires and ensures."""
