//! The index of anomaly in the compiled evaluator: linear forms of features from the nodes that the energy has made already.
//!
//! The pairwise features that enter linearly are one column for each form, in a table of their own: a form is a sum over
//! neighbours as the energy is. What is left are the invariants, which the polynomial of the energy has merged away: each
//! is a node here, and features are nodes or products of nodes.

mod compile;
mod evaluate;
mod smoothing;

pub(super) use compile::Energy;

use super::graph::{ATOMS, Graph};
use super::table::{Places, Table};

/// The plan of one centre element.
#[derive(Debug, Clone)]
pub(super) struct AnomalyPlan {
    /// Number of forms.
    n_forms: usize,
    /// The forms without neighbours, `[width]`: padded with forms that are zero.
    starts: Vec<f64>,
    /// Radius of the smoothing, Å.
    shell: f64,
    /// By species, the inverse of the distance at which the repulsion begins, 1/Å; empty without a repulsion.
    repelled: Vec<f64>,
    /// By species, whether neighbours outside the angular cutoff are outside the shell as well.
    ends_inside: Vec<bool>,
    /// The columns of the forms by species of the neighbours; none if no pairwise feature enters linearly.
    tables: Vec<Option<Table>>,
    /// Nodes of the graph of the energy and of this plan.
    n_nodes: usize,
    /// Products of sums that the graph of the energy does not have.
    products: Vec<Product>,
    /// Invariants that the graph of the energy does not have: those of order 2, then those of higher orders.
    angular: Invariants<2>,
    coupled: Invariants<3>,
    /// Products of invariants.
    powers: Vec<Product>,
    /// The nodes of features, and their weights `[feature][width]`.
    features: Vec<u32>,
    weights: Vec<f64>,
}

/// A node that is a product of two or three nodes, the last of which may be missing.
type Product = (u32, [u32; 3]);

/// Invariants whose terms are products of N nodes.
#[derive(Debug, Clone, Default)]
struct Invariants<const N: usize> {
    /// The node of each, and where its terms end. Those with as many terms follow each other.
    nodes: Vec<(u32, usize)>,
    terms: Vec<Term<N>>,
}

/// A weight times a product of nodes.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Term<const N: usize> {
    factors: [u32; N],
    weight: f64,
}

/// What an evaluation leaves behind for the next.
#[derive(Debug, Default)]
pub(super) struct AnomalyScratch {
    /// Forms of the batch, `[form][ATOMS]`, without those of pairs.
    forms: Vec<f64>,
    /// Forms of pairs of one atom, `[width]`.
    pairs: Vec<f64>,
    places: Places,
    /// Weights of the neighbours of one atom.
    shares: Vec<f64>,
    /// What is summed on the copies of a cluster, and on the one that stands for nobody.
    sums: Vec<[f64; 2]>,
}

impl AnomalyPlan {
    /// Number of nodes, those of the energy included.
    pub fn n_nodes(&self) -> usize {
        self.n_nodes
    }

    /// Number of forms, padded.
    fn width(&self) -> usize {
        self.starts.len()
    }
}
