//! Machine-learning interatomic potentials by sparse estimation: the numerics.
//!
//! Units: Å, eV, eV/Å, eV/Å³. Lattice vectors are rows; `r_ij = r_j + S·H − r_i`.

pub mod error;
pub mod regression;

pub use error::{Error, Result};
