"""Networks as graphs that evolve in training (arXiv 2111.05410): rolled, unrolled, and their signatures."""
