"""Errors that are raised on purpose; their messages name file, frame and atom, and the remedy."""


class MlipError(Exception):
    """Base class; the command line prints its message without a traceback."""


class DataError(MlipError, ValueError):
    """First-principles data are unreadable, non-finite, inconsistent or missing."""


class StructureError(DataError):
    """A structure cannot be evaluated: non-finite positions, a flat cell, two atoms on one spot."""


class ConfigError(MlipError, ValueError):
    """A setting of basis, weights, estimator, command line or configuration file is invalid."""


class LabelError(MlipError, RuntimeError):
    """Structures cannot be labelled: every calculation fails, labels contradict each other, the scheduler is gone."""


class FitError(MlipError, RuntimeError):
    """The regression is not possible with the given data and settings."""


class PotentialFileError(MlipError, ValueError):
    """A potential file is truncated, edited, of a newer version, or of another format."""


class PropertyError(MlipError, RuntimeError):
    """A physical property could not be computed: no convergence, an unstable cell."""


class NotApplicableError(PropertyError):
    """A physical property is not defined for the given crystal."""


class LammpsError(MlipError, RuntimeError):
    """LAMMPS is missing, does not start, or a run in it has failed."""


class OutsideDomainError(MlipError, RuntimeError):
    """A run was stopped where an atom became unlike those that the potential was fitted to."""


class OutsideDomainWarning(UserWarning):
    """An atom is unlike those that the potential was fitted to."""
