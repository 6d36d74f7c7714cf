"""Readers of frozen graphs into the IR."""
