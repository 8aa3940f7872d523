"""Keypoints that common 2D estimators wrote as JSON become pose sequences, whatever the data set.

========  ==================================================================  ==================
reader    files                                                               skeleton
========  ==================================================================  ==================
coco      COCO keypoint results, with the annotation file that names images   COCO17
openpose  a folder of ``<video>_000000000000_keypoints.json``                 BODY25, COCO17
alphapose ``alphapose-results.json``, also in its ``cmu`` and ``open`` forms  COCO17
mmpose    predictions of MMPose's inferencer or its demo scripts              COCO17
========  ==================================================================  ==================

All give pixels in the image's frame, scores, and ``labelled`` False with NaN where a joint is missing (score
and both coordinates 0). Where a format has no track numbers, `tracks.associate` finds them. A person missing
from a frame ends a sequence; the next begins under the same name and track at its own ``start``.
"""

from hanet.formats.alphapose import read_alphapose
from hanet.formats.coco import read_coco
from hanet.formats.documents import KeypointFileError
from hanet.formats.mmpose import read_mmpose
from hanet.formats.openpose import read_openpose

__all__ = ["KeypointFileError", "read_alphapose", "read_coco", "read_mmpose", "read_openpose"]
