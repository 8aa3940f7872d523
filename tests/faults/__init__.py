"""Damaged input, full disks and kills: one error line, nothing half-written, nothing read wrongly."""
