"""Refinement: initial features and decoder stages in, refined features out."""
