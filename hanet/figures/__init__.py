"""Figures from pose caches and scores: curves, skeletons, motion, comparisons."""

from hanet.figures.charts.curves import curves
from hanet.figures.charts.errors import error_prone_spans, errors, worst_span, wrong_joints
from hanet.figures.charts.joints import by_joint
from hanet.figures.charts.scores import Estimate, MethodScores, budget, comparison
from hanet.figures.choose import all_tracks, find_sequence, median_key, rows_around, spread_rows
from hanet.figures.images import find_images
from hanet.figures.settings import FigureSettings
from hanet.figures.skeletons.motion import Motion
from hanet.figures.skeletons.people import people
from hanet.figures.skeletons.stills import skeletons, views
from hanet.figures.style import METHODS, method_styles, save
from hanet.figures.video import write_gif, write_motion, write_mp4

__all__ = [
    "METHODS",
    "Estimate",
    "FigureSettings",
    "MethodScores",
    "Motion",
    "all_tracks",
    "budget",
    "by_joint",
    "comparison",
    "curves",
    "error_prone_spans",
    "errors",
    "find_images",
    "find_sequence",
    "median_key",
    "method_styles",
    "people",
    "rows_around",
    "save",
    "skeletons",
    "spread_rows",
    "views",
    "worst_span",
    "write_gif",
    "write_motion",
    "write_mp4",
    "wrong_joints",
]
