"""A page on this machine to refine pose files: drop one, see before and after, download the result."""
