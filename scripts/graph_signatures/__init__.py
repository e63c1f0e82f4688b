"""The pieces of scripts/reproduce_graph_signatures.py."""
