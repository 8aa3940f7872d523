"""Detections drawn about the truth from a detector's errors."""
