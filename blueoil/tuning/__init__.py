"""Search of hyper-parameters: the space, its trials, the table of results."""
