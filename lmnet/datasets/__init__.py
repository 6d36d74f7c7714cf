"""Readers of datasets on disk, checked before the first step."""
