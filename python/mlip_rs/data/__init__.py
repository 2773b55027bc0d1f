"""First-principles data: reading, validation, summary and splits."""

from mlip_rs.data.clean import cleaned
from mlip_rs.data.dataset import Dataset, LabelCounts
from mlip_rs.data.duplicates import duplicate_groups, duplicate_labels
from mlip_rs.data.elements import check_elements
from mlip_rs.data.figures import figures
from mlip_rs.data.frames import Frame
from mlip_rs.data.labels import LabelKeys, RawFrame
from mlip_rs.data.outliers import Outlier, OutlierLimits
from mlip_rs.data.paths import files_meant
from mlip_rs.data.read import dataset_from_atoms, read_dataset, read_structures
from mlip_rs.data.reference import ReferenceEnergies, isolated_atoms, reference_energies
from mlip_rs.data.split import folds, holdout
from mlip_rs.data.suggest import absent_pairs, nearest_neighbor_distance, suggest_cutoff, suggest_r_min
from mlip_rs.data.summary import DataSummary, Duplicate, GroupSummary, Range, summarize

__all__ = [
    "DataSummary",
    "Dataset",
    "Duplicate",
    "Frame",
    "GroupSummary",
    "LabelCounts",
    "LabelKeys",
    "Outlier",
    "OutlierLimits",
    "Range",
    "RawFrame",
    "ReferenceEnergies",
    "absent_pairs",
    "check_elements",
    "cleaned",
    "dataset_from_atoms",
    "duplicate_groups",
    "duplicate_labels",
    "figures",
    "files_meant",
    "folds",
    "holdout",
    "isolated_atoms",
    "nearest_neighbor_distance",
    "read_dataset",
    "read_structures",
    "reference_energies",
    "suggest_cutoff",
    "suggest_r_min",
    "summarize",
]
