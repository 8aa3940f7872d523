"""Metrics by name, and their accumulation over sequences under a named protocol."""

from hanet.metrics.accumulate import Scores, SequenceScores, Tally
from hanet.metrics.evaluate import PROTOCOL_VERSION, PROTOCOLS, Refine, evaluate, whole_windows
from hanet.metrics.functional import (
    accel,
    accel_m_per_s2,
    accel_smoothnet,
    box_size,
    fast_frames,
    frame_speed,
    mpjpe,
    mpjpe_per_frame,
    pa_mpjpe,
    pck,
    procrustes,
    torso_size,
)
from hanet.metrics.statistics import Difference, cluster_interval, mean_sd, paired_difference, pooled_mean

__all__ = [
    "PROTOCOLS",
    "PROTOCOL_VERSION",
    "Difference",
    "Refine",
    "Scores",
    "SequenceScores",
    "Tally",
    "accel",
    "accel_m_per_s2",
    "accel_smoothnet",
    "box_size",
    "cluster_interval",
    "evaluate",
    "fast_frames",
    "frame_speed",
    "mean_sd",
    "mpjpe",
    "mpjpe_per_frame",
    "pa_mpjpe",
    "paired_difference",
    "pck",
    "pooled_mean",
    "procrustes",
    "torso_size",
    "whole_windows",
]
