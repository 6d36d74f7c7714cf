"""Names of the two ends of every exported graph."""

INPUT, OUTPUT = "images_placeholder", "output"
