"""Emergent properties of fully connected networks (arXiv 2107.14062): eight measures and a bag of neurons."""
