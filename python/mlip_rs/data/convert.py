"""From whatever users have (files, ASE `Atoms`, a dataset) to a dataset."""
