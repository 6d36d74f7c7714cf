"""Score any executor on a dataset."""
