"""Recorded trainings: how they are made, kept and replayed."""
