"""MT-CP: multi-task dense prediction with coherence fusion, trace-back refinement and loss prioritisation."""

__version__ = "0.1.0"
