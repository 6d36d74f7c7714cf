"""What a library is built for: triple, ISAs, limits; data only."""
