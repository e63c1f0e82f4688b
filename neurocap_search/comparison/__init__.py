"""Rules side by side: runs on the same work, statistics, figures and the report."""
