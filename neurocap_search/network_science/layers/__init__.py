"""The weight layers of any network, found where they run, and how their channels are wired."""
