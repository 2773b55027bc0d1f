//! The compiled evaluator: tables instead of functions, one polynomial instead of invariants, vectors instead of atoms.
//!
//! `compile` turns the coefficients of a centre element into a plan (`total`, `layout`, `expand`, `graph`, `table`), `kernel` carries
//! it out on a cluster of atoms: sums over neighbours (`lane`, `tabulate`, `harmonics`, `products`), energies (`graph`),
//! and the way back to forces (`gradients`). `anomaly` is the index beside it, for whoever asks for it.

mod anomaly;
mod column;
mod compile;
mod expand;
mod gradients;
mod graph;
mod graph_builder;
mod harmonics;
mod hermite;
pub(super) mod kernel;
mod lane;
mod layout;
mod limits;
mod plan;
mod polynomial;
mod products;
mod requirements;
mod size;
mod table;
mod tabulate;
mod total;

pub use graph::GraphSize;
pub use plan::CompiledCenter;
pub use requirements::{Kind, Requirements};
pub use size::{NeighborWork, PlanSize, Work};

/// Numbers that are worked on together: atoms of a batch, neighbours of a block, columns of a table. As many as the widest
/// vector registers in use have lanes.
const LANES: usize = 8;
