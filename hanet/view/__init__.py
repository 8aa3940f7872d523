"""Poses before and after refinement, to look at: a self-contained HTML page, or rerun's viewer."""
