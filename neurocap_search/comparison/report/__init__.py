"""The report of a comparison: what stands on the page, how it looks, and how it is written."""
