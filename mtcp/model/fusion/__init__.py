"""Fusion: what lets every task see the features of all others."""
