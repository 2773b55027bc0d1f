//! Machine-learning interatomic potentials by sparse estimation: the numerics.
//!
//! Units: Å, eV, eV/Å, eV/Å³. Lattice vectors are rows; `r_ij = r_j + S·H − r_i`.

pub mod elements;
pub mod error;
pub mod geometry;
pub mod neighbors;
pub mod structure;

pub use error::{Error, Result};
pub use geometry::Cell;
pub use neighbors::{NeighborList, VerletList};
pub use structure::Structure;
