//! Machine-learning interatomic potentials by sparse estimation: the numerics.
//!
//! # The map
//!
//! From the bottom up; a module uses those above it in this table.
//!
//! | level | modules | hold |
//! |---|---|---|
//! | 1 | [`error`] [`elements`] [`parallel`] [`symmetric`] | errors, chemical symbols, thread pools, symmetric matrices |
//! | 2 | [`geometry`] [`structure`] | cells, atoms in them |
//! | 3 | [`neighbors`] [`environment`] | neighbour lists, the surroundings of one atom as slices |
//! | 4 | [`basis`] [`repulsion`] | specification and enumeration of features; the short-range repulsion (ZBL) and the switching to it |
//! | 5 | [`fit`] [`regression`] | design rows and normal equations; sparse and ridge regression over them |
//! | 6 | [`potential`] | coefficients on a basis, their file, the evaluators |
//!
//! Within [`potential`], [`potential::compiled`] is the evaluator of production and [`potential::reference`] its oracle.
//! Two assemblies bring atoms to it: [`potential::assembly::periodic`] takes a [`Structure`] with its neighbour list,
//! [`potential::assembly::rows`] the rows of neighbours of a host, such as a molecular-dynamics code with ghost atoms.
//!
//! # Conventions
//!
//! Units are Å, eV, eV/Å, eV/Å³. Lattice vectors are rows of the cell H; `r_ij = r_j + S·H − r_i`. Virials are
//! `W = −dE/dε`, stresses `σ = −W/V` (positive under tension), in the order xx yy zz yz xz xy. Results are the same to the
//! last bit for any number of threads: work runs in the pool that the caller has installed (see [`parallel`]).
//!
//! # Examples
//!
//! Energy and forces of a crystal:
//!
//! ```
//! use mlip_rs::basis::spec::BasisSpec;
//! use mlip_rs::potential::{Evaluator, Potential};
//! use mlip_rs::{Cell, Structure};
//! use std::sync::Arc;
//!
//! # fn main() -> mlip_rs::Result<()> {
//! let spec = BasisSpec::from_json(
//!     r#"{"elements": ["Al"], "cutoff": 4.5, "cutoff_function": "cosine",
//!         "radial": [{"function": {"family": "gaussian", "beta": [0.8], "mu": [1.5, 2.5, 3.5]}}],
//!         "invariants": [{"order": 1}]}"#,
//! )?;
//! let info = serde_json::Value::Null;
//! let potential = Potential::from_coefficients(spec, &[0.3, -0.2, 0.1], &[-3.0], info)?;
//!
//! let a = 2.025;
//! let cell = Cell::new([[0.0, a, a], [a, 0.0, a], [a, a, 0.0]], [true; 3])?;
//! let crystal = Structure::new(cell, vec![[0.0; 3]], vec![13])?;
//! let evaluator = Evaluator::new(Arc::new(potential), 0.5, 1)?;
//! let evaluation = evaluator.evaluate(&crystal)?;
//! assert!(evaluation.energy() < -3.0);
//! assert!(evaluation.forces[0].iter().all(|f| f.abs() < 1e-9));
//! # Ok(())
//! # }
//! ```
//!
//! A host that owns two atoms of a chain and has a ghost at each end gives the neighbours of the two, and gets forces on all
//! four positions:
//!
//! ```
//! use mlip_rs::potential::assembly::rows::Rows;
//! use mlip_rs::potential::assembly::{Output, Scratch};
//! # use mlip_rs::basis::spec::BasisSpec;
//! # use mlip_rs::potential::Potential;
//! # fn main() -> mlip_rs::Result<()> {
//! # let spec = BasisSpec::from_json(
//! #     r#"{"elements": ["Al"], "cutoff": 4.5, "cutoff_function": "cosine",
//! #         "radial": [{"function": {"family": "gaussian", "beta": [0.8], "mu": [1.5, 2.5, 3.5]}}],
//! #         "invariants": [{"order": 1}]}"#,
//! # )?;
//! # let info = serde_json::Value::Null;
//! # let potential = Potential::from_coefficients(spec, &[0.3, -0.2, 0.1], &[-3.0], info)?;
//! let positions = [2.5, 5.0, 0.0, 7.5].map(|x| [x, 0.0, 0.0]); // two atoms, two ghosts
//! let list = potential.row_list(&Rows {
//!     species: &[Some(0); 4],
//!     centers: &[0, 1],
//!     starts: &[0, 2, 4],
//!     neighbors: &[1, 2, 0, 3],
//! })?;
//! let (mut energies, mut forces) = ([0.0; 4], [[0.0; 3]; 4]);
//! let output = Output {
//!     energies: Some(&mut energies),
//!     forces: Some(&mut forces),
//!     ..Output::default()
//! };
//! potential.evaluate_rows(&list, &positions, output, &mut Scratch::default())?;
//! assert_eq!(energies[2], 0.0); // ghosts have no energy of their own
//! let total: f64 = forces.iter().map(|f| f[0]).sum();
//! assert!(total.abs() < 1e-12);
//! # Ok(())
//! # }
//! ```

pub mod basis;
pub mod elements;
pub mod environment;
pub mod error;
pub mod fit;
pub mod geometry;
mod memory;
pub mod neighbors;
mod outer_product;
pub mod parallel;
pub mod potential;
pub mod regression;
pub mod repulsion;
pub mod structure;
pub mod symmetric;
mod transpose;

pub use error::{Error, Result};
pub use geometry::Cell;
pub use neighbors::{NeighborList, VerletList};
pub use structure::Structure;
