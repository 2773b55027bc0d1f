"""Figures of the validated properties, one module for each subject."""
