"""Link weights, node strength, layer fluctuation and activity (arXiv 2110.02628, 2209.05488, 2404.11172)."""
