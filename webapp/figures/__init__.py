"""Figures in the shape that pages show: plain arithmetic, charts and tables."""
