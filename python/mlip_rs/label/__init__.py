"""Labels of structures by any calculator: energies, forces and stresses to fit to."""

from mlip_rs.label.failures import Failure
from mlip_rs.label.file_command import FileCommand
from mlip_rs.label.labels import Labels
from mlip_rs.label.run import label
from mlip_rs.label.summary import LabelSummary

__all__ = ["Failure", "FileCommand", "LabelSummary", "Labels", "label"]
