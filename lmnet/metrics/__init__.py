"""Segmentation metrics from a confusion matrix."""
