"""OpenCap: two people filmed, with marker-based joints and the recorded output of three estimators."""
