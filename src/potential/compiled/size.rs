//! How large a plan is, and how many multiply-adds it takes.

use super::graph::GraphSize;
use super::plan::{CompiledCenter, Segment, SpeciesPlan};

/// Multiply-adds of one evaluation: energy, forces and virial.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Work {
    /// For each neighbour, by species.
    pub neighbors: Vec<NeighborWork>,
    /// For each atom: the graph, forward and backward.
    pub graph: f64,
}

/// Multiply-adds for one neighbour.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct NeighborWork {
    /// Radial tables of a neighbour inside the angular cutoff.
    pub tables: f64,
    /// Everything for a neighbour outside: radial tables, their sums and slopes.
    pub outer: f64,
    /// Harmonics of a neighbour inside.
    pub harmonics: f64,
    /// Sums over a neighbour inside, and the two products of the way back.
    pub products: f64,
}

/// What a plan consists of.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PlanSize {
    /// Columns of the radial tables, by species of the neighbours.
    pub columns: Vec<usize>,
    /// Sums over neighbours, by species.
    pub sums: Vec<usize>,
    /// Largest l, by species.
    pub max_l: Vec<usize>,
    /// Largest cutoff in use, Å.
    pub cutoff: f64,
    /// Angular cutoff by species, Å: the largest of a column with harmonics.
    pub inner_cutoffs: Vec<f64>,
    /// Columns of the neighbours outside, by species.
    pub outer_columns: Vec<usize>,
    /// Bytes of the radial tables.
    pub table_bytes: usize,
    /// Intermediate polynomials and products.
    pub graph: GraphSize,
}

impl Work {
    /// Multiply-adds of one atom from its numbers of neighbours by species, inside the angular cutoff and in all: for the
    /// neighbours and for the graph.
    #[must_use]
    pub fn of_atom(&self, inner: &[f64], all: &[f64]) -> [f64; 2] {
        let counts = inner.iter().zip(all);
        let neighbors = { self.neighbors.iter().zip(counts) }.map(|(each, (inner, all))| {
            inner * (each.tables + each.harmonics + each.products) + (all - inner) * each.outer
        });
        [neighbors.sum(), self.graph]
    }
}

impl CompiledCenter {
    /// Multiply-adds of one evaluation.
    #[must_use]
    pub fn work(&self) -> Work {
        let of_species = |plan: &SpeciesPlan| {
            let rows = |s: &Segment| (s.end_row - s.first_row) * s.n_columns;
            let sums: usize = plan.segments.iter().map(rows).sum();
            let n_columns = plan.table.n_columns();
            let n_rows = if plan.is_angular() {
                plan.recursion.n_rows()
            } else {
                0
            };
            NeighborWork {
                tables: (10 * n_columns) as f64,
                outer: (13 * plan.n_outer_columns()) as f64,
                harmonics: (7 * n_rows) as f64,
                products: (3 * (n_columns + sums)) as f64,
            }
        };
        let neighbors = self.species.iter().map(|plan| {
            let plan = plan.as_ref();
            plan.map_or_else(NeighborWork::default, of_species)
        });
        let graph = self.graph.size();
        Work {
            neighbors: neighbors.collect(),
            graph: (2 * graph.terms + 4 * graph.rows) as f64,
        }
    }

    /// What the plan consists of.
    #[must_use]
    pub fn size(&self) -> PlanSize {
        let plans = || self.species.iter().map(Option::as_ref);
        let sums = |plan: &SpeciesPlan| {
            let rows = |s: &Segment| (s.end_row - s.first_row) * s.n_columns;
            plan.n_scalar + plan.segments.iter().map(rows).sum::<usize>()
        };
        PlanSize {
            columns: plans()
                .map(|p| p.map_or(0, |p| p.table.n_columns()))
                .collect(),
            sums: plans().map(|p| p.map_or(0, sums)).collect(),
            max_l: plans()
                .map(|p| p.map_or(0, |p| p.recursion.l_max()))
                .collect(),
            cutoff: self.cutoff,
            inner_cutoffs: plans()
                .map(|p| p.and_then(|p| p.outer.as_ref()))
                .map(|outer| outer.map_or(self.cutoff, |o| o.start))
                .collect(),
            outer_columns: plans()
                .map(|p| p.map_or(0, SpeciesPlan::n_outer_columns))
                .collect(),
            table_bytes: plans().flatten().map(SpeciesPlan::bytes).sum(),
            graph: self.graph.size(),
        }
    }
}
