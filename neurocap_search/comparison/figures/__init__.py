"""Figures of a comparison, one kind a file; each takes numbers and returns a matplotlib figure."""
