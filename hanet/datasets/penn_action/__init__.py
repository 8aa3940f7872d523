"""Penn Action: keypoints of people doing 15 sports."""
