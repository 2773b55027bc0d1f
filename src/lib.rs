//! Machine-learning interatomic potentials by sparse estimation: the numerics.
//!
//! Units: Å, eV, eV/Å, eV/Å³. Lattice vectors are rows; `r_ij = r_j + S·H − r_i`.

pub mod basis;
pub mod design;
pub mod elements;
pub mod environment;
pub mod error;
pub mod geometry;
pub mod neighbors;
pub mod normal;
pub mod parallel;
pub mod potential;
pub mod regression;
pub mod repulsion;
pub mod structure;
pub mod symmetric;

pub use error::{Error, Result};
pub use geometry::Cell;
pub use neighbors::{NeighborList, VerletList};
pub use structure::Structure;
