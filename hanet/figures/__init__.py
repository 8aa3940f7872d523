"""Figures and videos of poses."""
