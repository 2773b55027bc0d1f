"""Labels that contradict each other, found before a fit; no reference is needed.

For example::

    check = check_labels(read_dataset("train.extxyz"))
    check.errors, check.warnings, check.unchecked

A small fit to one kind of label says what the others must be: signs, units, orders and constants follow from it.
"""

from mlip_rs.label_check.by_file import check_files
from mlip_rs.label_check.check import LabelCheck, check_labels
from mlip_rs.label_check.findings import Correction, Finding, corrected

__all__ = ["Correction", "Finding", "LabelCheck", "check_files", "check_labels", "corrected"]
