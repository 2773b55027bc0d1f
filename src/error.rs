//! Errors of the numerics: each names the culprit and the cure.

/// What can go wrong in the core. Grouped by [`Error::kind`], which the bindings turn into exceptions.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// A coordinate is NaN or infinite.
    #[error("atom {atom}: position is not finite; check the input of this frame")]
    NonFinitePosition {
        /// Index of the atom.
        atom: usize,
    },
    /// A component of the cell is NaN or infinite.
    #[error("cell vector {axis} is not finite; check the input of this frame")]
    NonFiniteCell {
        /// Index of the lattice vector.
        axis: usize,
    },
    /// The periodic lattice vectors do not span a usable cell.
    #[error(
        "the cell is flat: its height along lattice vector {axis} is {height:.3e} Å; give three independent \
         periodic vectors or switch the periodicity of this direction off"
    )]
    FlatCell {
        /// Index of the lattice vector.
        axis: usize,
        /// Height of the cell along that vector, Å.
        height: f64,
    },
    /// Arrays that describe the same atoms differ in length.
    #[error("{what}: expected {expected} entries, got {got}")]
    Length {
        /// Name of the array.
        what: &'static str,
        /// Number wanted.
        expected: usize,
        /// Number found.
        got: usize,
    },
    /// Two atoms (or an atom and an image) lie on one spot.
    #[error("atoms {atom} and {other} are {distance:.2e} Å apart; remove one of them")]
    Overlap {
        /// First atom.
        atom: usize,
        /// Second atom.
        other: usize,
        /// Their distance, Å.
        distance: f64,
    },
    /// A cutoff radius that is not positive and finite, or absurdly large.
    #[error("cutoff {cutoff} Å is out of range; it must be positive and at most {limit} Å")]
    Cutoff {
        /// The cutoff given, Å.
        cutoff: f64,
        /// The largest cutoff accepted, Å.
        limit: f64,
    },
    /// An atom of an element that the basis or potential does not know.
    #[error(
        "atom {atom}: element {symbol} is not in the basis ({known}); add it to the elements or drop the frame"
    )]
    UnknownElement {
        /// Index of the atom.
        atom: usize,
        /// Its chemical symbol.
        symbol: String,
        /// Elements of the basis.
        known: String,
    },
    /// A basis specification that makes no sense.
    #[error("basis: {0}")]
    Basis(String),
    /// A regression that cannot be carried out.
    #[error("{0}")]
    Regression(String),
    /// A potential file that cannot be trusted.
    #[error("{0}")]
    PotentialFile(String),
}

/// Coarse class of an [`Error`], one per exception of the bindings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The structure given cannot be evaluated.
    Structure,
    /// A setting is wrong.
    Config,
    /// The regression failed.
    Regression,
    /// The potential file is unusable.
    PotentialFile,
}

impl Error {
    /// The class of this error.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Cutoff { .. } | Self::Basis(_) => Kind::Config,
            Self::Regression(_) => Kind::Regression,
            Self::PotentialFile(_) => Kind::PotentialFile,
            _ => Kind::Structure,
        }
    }
}

/// Result of the core.
pub type Result<T> = std::result::Result<T, Error>;
