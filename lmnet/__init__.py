"""Learning: datasets, networks, quantizers, training, evaluation and export of low-bit networks."""
