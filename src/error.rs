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
    /// A coordinate is absurdly large.
    #[error(
        "atom {atom}: a coordinate exceeds {limit:e} Å; check the units and whether this atom has escaped"
    )]
    FarPosition {
        /// Index of the atom.
        atom: usize,
        /// The largest magnitude accepted, Å.
        limit: f64,
    },
    /// A component of the cell is absurdly large.
    #[error("cell vector {axis}: a component exceeds {limit:e} Å; check the units")]
    FarCell {
        /// Index of the lattice vector.
        axis: usize,
        /// The largest magnitude accepted, Å.
        limit: f64,
    },
    /// An atomic number that no element has.
    #[error("atom {atom}: atomic number {number} is not between 1 and 118")]
    AtomicNumber {
        /// Index of the atom.
        atom: usize,
        /// The number given.
        number: u8,
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
    /// Rows of neighbours that contradict themselves or the potential.
    #[error("rows of neighbours: {0}")]
    NeighborRows(String),
    /// So many atoms in so small a cell that their pairs do not fit into memory.
    #[error(
        "{n_pairs:.1e} pairs of atoms lie within the cutoff, at {density:.2e} atoms per Å³; check the units of the \
         cell, or lower the cutoff"
    )]
    TooDense {
        /// Expected number of pairs.
        n_pairs: f64,
        /// Atoms per Å³.
        density: f64,
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
    /// A skin of a neighbour list that is negative or not finite.
    #[error("skin {skin} Å is out of range; it must be finite and not negative")]
    Skin {
        /// The skin given, Å.
        skin: f64,
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
    /// Features of a structure that leave the range of floating-point numbers.
    #[error(
        "a feature exceeds {limit:e}: atoms are too close for radial functions that diverge; drop the frame or these \
         functions"
    )]
    Overflow {
        /// The largest magnitude accepted.
        limit: f64,
    },
    /// Energy, force or virial of an atom that is no number or absurdly large.
    #[error("atom {atom}: its energy or force is not finite, or beyond 1e100: {cause}")]
    NotFinite {
        /// Index of the atom.
        atom: usize,
        /// Its nearest neighbour, and what follows from it.
        cause: String,
    },
    /// A number of threads that cannot be had.
    #[error("{threads} threads cannot be started ({reason}); ask for fewer")]
    Threads {
        /// The number wanted.
        threads: usize,
        /// What the system says.
        reason: String,
    },
    /// A basis specification that makes no sense.
    #[error("basis: {0}")]
    Basis(String),
    /// A regression that cannot be carried out.
    #[error("{0}")]
    Regression(String),
    /// A matrix that is not positive definite in floating point.
    #[error("{0}")]
    Singular(String),
    /// The index of anomaly of a potential that has none.
    #[error("the potential has no index of anomaly: fit it again, which makes one")]
    NoIndex,
    /// A potential file that cannot be trusted.
    #[error("{0}")]
    PotentialFile(String),
}

/// Distance in Å below which atoms other than hydrogen and its neighbours are not bound.
const CLOSE: f64 = 1.5;

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
    /// [`Error::NotFinite`] of an atom whose nearest neighbour lies so far (Å) from it.
    pub(crate) fn not_finite(atom: usize, nearest: Option<(f64, usize)>) -> Self {
        let broken =
            "the coefficients or the reference energy of the potential are broken, fit it again";
        let cause = match nearest {
            Some((distance, other)) if distance < CLOSE => format!(
                "atom {other} is only {distance:.3} Å away, too close for this potential (or its coefficients are \
                 broken); check positions, cell and units"
            ),
            Some((distance, other)) => {
                format!("its nearest neighbour, atom {other}, is {distance:.3} Å away; {broken}")
            }
            None => format!("it has no neighbours; {broken}"),
        };
        Self::NotFinite { atom, cause }
    }

    /// The class of this error.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Cutoff { .. }
            | Self::Skin { .. }
            | Self::Threads { .. }
            | Self::Basis(_)
            | Self::NoIndex => Kind::Config,
            Self::Regression(_) | Self::Singular(_) => Kind::Regression,
            Self::PotentialFile(_) => Kind::PotentialFile,
            _ => Kind::Structure,
        }
    }
}

/// Result of the core.
pub type Result<T> = std::result::Result<T, Error>;
