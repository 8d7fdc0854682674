"""Predictions against ground truth and against each other: metrics, data sets, rankings."""
