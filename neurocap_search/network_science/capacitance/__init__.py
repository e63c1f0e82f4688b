"""Neural capacitance beta_eff (arXiv 2201.04194): of heads, of whole networks, and its dense reference."""
