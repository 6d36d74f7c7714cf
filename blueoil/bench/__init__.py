"""Side-by-side timing of our library and other engines on the same network, in one run."""
