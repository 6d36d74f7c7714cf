"""Segmentation metrics from a confusion matrix."""

from __future__ import annotations

from lmnet.metrics.confusion import confusion_matrix
from lmnet.metrics.iou import Scores, best_constant_mean_iou, scores

__all__ = ["Scores", "best_constant_mean_iou", "confusion_matrix", "scores"]
