"""Errors of real detectors: fitted from detections with their truth, stored as small tables, drawn again."""
