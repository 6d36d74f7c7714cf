"""Prove that every executor computes what the graph computes."""
