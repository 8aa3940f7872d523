"""Where CMU's motion capture comes from."""

from __future__ import annotations

from hanet.datasets.common.source import DatasetSource
from hanet.download.remote import RemoteFile

CMU = DatasetSource(
    title="CMU Graphics Lab Motion Capture Database",
    home_page="http://mocap.cs.cmu.edu",
    published="trials of over a hundred subjects, 31 bones, 120 fps except for a few",
    terms="Free for all uses, including products, but the data themselves may not be sold; the site asks for "
    "an acknowledgement of mocap.cs.cmu.edu and NSF EIA-0196217.",
    access="open",
    citation="cmu2003mocap",
    reference="CMU Graphics Lab Motion Capture Database, mocap.cs.cmu.edu. Funded by NSF EIA-0196217",
    remote=(
        RemoteFile(
            "allasfamc.zip",
            ("https://mocap.cs.cmu.edu/allasfamc.zip", "http://mocap.cs.cmu.edu/allasfamc.zip"),
            help="the page http://mocap.cs.cmu.edu offers it as all asf/amc files",
        ),
    ),
    contents={"allasfamc.zip": ("subjects/*/*.asf", "subjects/*/*.amc")},
)
