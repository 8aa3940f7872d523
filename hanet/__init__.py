"""Refining human poses in video: HANet, its comparators, metrics and pose data."""
