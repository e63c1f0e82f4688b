"""What the learned combination was to reach, and what it reached, on tasks it was not chosen on."""
