"""Experiments of processing programs as configurations, and configurations as experiments of DIALS."""
