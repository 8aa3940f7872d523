"""Names of rows."""

FILTERED = "-filtered"
"""What the name of a row ends with that has a filter after its method."""
GENERAL = "general"
"""Name of the general refiner, as ``--method`` takes it, and of its row."""
AFTER_GENERAL = "-general"
"""What the name of a row ends with that has the general refiner after its method."""
