"""Compile a generated project for a target with the pinned cross-compiler."""
