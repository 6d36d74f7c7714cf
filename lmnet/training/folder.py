"""Names in a run folder that others read too. Nothing here imports Keras."""

from __future__ import annotations

FLOAT = "float"
"""Folder, in that of the experiment, of the float twin's run, whose last checkpoint the network starts from."""
