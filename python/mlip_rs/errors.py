"""The errors a user can meet: each names the culprit (file, frame, atom) and says the next step."""


class MlipError(Exception):
    """Base of every error raised on purpose; the command line prints it without a traceback."""


class DataError(MlipError, ValueError):
    """First-principles data that cannot be used: unreadable, non-finite, inconsistent or missing."""


class StructureError(DataError):
    """A structure that cannot be evaluated: non-finite positions, a flat cell, two atoms on one spot."""


class ConfigError(MlipError, ValueError):
    """A setting that makes no sense: basis, weights, estimator, command line or configuration file."""


class FitError(MlipError, RuntimeError):
    """A regression that cannot be carried out with the data and settings given."""


class PotentialFileError(MlipError, ValueError):
    """A potential file that is truncated, edited, of a newer version or not a potential at all."""


class PropertyError(MlipError, RuntimeError):
    """A physical property that could not be computed: no convergence, an unstable cell."""


class NotApplicableError(PropertyError):
    """A physical property that is not defined for the crystal at hand."""
