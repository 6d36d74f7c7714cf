"""Names in a run folder that others read too. Nothing here imports Keras."""

from __future__ import annotations

MODEL, STATE = "model.keras", "state.json"
"""Files of a checkpoint: weights and optimizer, and what is known of the run so far."""

BEST = "best"
"""File that names the checkpoint with the best validation mIoU."""

FLOAT = "float"
"""Folder, in that of the experiment, of the float twin's run, whose last checkpoint the network starts from."""
