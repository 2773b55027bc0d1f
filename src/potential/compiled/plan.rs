//! What the compiled evaluator does for one centre element: which sums over neighbours, and the graph over them.

use super::anomaly::AnomalyPlan;
use super::graph::Graph;
use super::harmonics::Recursion;
use super::table::Table;
use crate::repulsion::CenterRepulsion;

/// The sums `a_{lm,c} = Σ_j f_c(r_ij) Y_lm` of some consecutive l over neighbours of one species.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Segment {
    /// First and one past the last `l² + l + m`.
    pub first_row: usize,
    pub end_row: usize,
    /// First column of the table, a multiple of [`WIDTH`].
    pub column: usize,
    /// Columns in use.
    pub n_columns: usize,
    /// Columns of a row of sums: padded.
    pub width: usize,
    /// First sum: `[row][width]`.
    pub start: usize,
    /// Whether no segment before has any of these rows.
    pub is_first: bool,
}

/// What is summed over the neighbours of one species.
#[derive(Debug, Clone)]
pub(super) struct SpeciesPlan {
    pub table: Table,
    /// Columns with l = 0, without harmonic: the first of the table.
    pub n_scalar: usize,
    /// First of their sums.
    pub scalar_start: usize,
    /// l ≥ 1.
    pub segments: Vec<Segment>,
    /// Columns up to the last one with l ≥ 1.
    pub n_transposed: usize,
    pub recursion: Recursion,
    /// Neighbours outside the angular cutoff; none if that is about as large as any other.
    pub outer: Option<OuterPlan>,
}

/// What is summed over the neighbours outside the angular cutoff.
#[derive(Debug, Clone)]
pub(super) struct OuterPlan {
    /// Largest cutoff of a column with a harmonic, Å.
    pub start: f64,
    /// The columns without harmonic that have a larger cutoff; none where only the repulsion does.
    pub table: Option<Table>,
    /// Their places among those of the whole table.
    pub columns: Vec<usize>,
}

impl OuterPlan {
    /// Number of columns, padded unless there is but one.
    pub fn stride(&self) -> usize {
        self.table.as_ref().map_or(0, Table::stride)
    }
}

impl SpeciesPlan {
    /// Whether any sum has a harmonic.
    pub fn is_angular(&self) -> bool {
        !self.segments.is_empty()
    }

    /// Columns of a neighbour outside the angular cutoff.
    pub fn n_outer_columns(&self) -> usize {
        let outer = self.outer.as_ref();
        outer.map_or(self.table.n_columns(), |o| o.columns.len())
    }

    /// Bytes of its tables.
    pub fn bytes(&self) -> usize {
        let outer = self.outer.as_ref().and_then(|o| o.table.as_ref());
        self.table.bytes() + outer.map_or(0, Table::bytes)
    }
}

/// The plan of one centre element.
#[derive(Debug, Clone)]
pub struct CompiledCenter {
    /// Reference energy and constant feature, eV.
    pub(super) offset: f64,
    pub(super) repulsion: Option<CenterRepulsion>,
    /// By species of the neighbours; none if nothing is summed over them.
    pub(super) species: Vec<Option<SpeciesPlan>>,
    pub(super) n_sums: usize,
    pub(super) graph: Graph,
    /// The index of anomaly, if the potential has one.
    pub(super) anomaly: Option<AnomalyPlan>,
    /// Largest cutoff in use, that of the smoothing of the index included, Å.
    pub(super) cutoff: f64,
}

impl CompiledCenter {
    /// Largest cutoff in use, Å.
    pub(in crate::potential) fn cutoff(&self) -> f64 {
        self.cutoff
    }

    /// Whether it has an index of anomaly.
    pub(in crate::potential) fn has_index(&self) -> bool {
        self.anomaly.is_some()
    }
}
