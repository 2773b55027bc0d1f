"""Errors of a potential on labelled structures, predictions for others, and their figures."""
