//! The neighbourhood of one atom as slices, the input of every kernel.

use crate::neighbors::{Frame, NeighborList};
use crate::{Error, Result};

/// Atoms closer than this lie on one spot, Å.
pub const MIN_DISTANCE: f64 = 0.01;

/// Neighbours of one atom within the cutoff.
#[derive(Debug, Clone, Copy)]
pub struct Environment<'a> {
    /// Element index of the centre.
    pub center: usize,
    /// Element indices of the neighbours.
    pub neighbors: &'a [u16],
    /// `r_ij`, Å.
    pub displacements: &'a [[f64; 3]],
}

/// Owned storage of one environment, reused from atom to atom.
#[derive(Debug, Default)]
pub struct EnvironmentBuffer {
    center: usize,
    neighbors: Vec<u16>,
    displacements: Vec<[f64; 3]>,
    atoms: Vec<u32>,
}

impl EnvironmentBuffer {
    /// Collect the neighbours of atom `i` that are closer than `cutoff` (the list may hold farther ones).
    ///
    /// # Errors
    /// [`Error::Overlap`] if a neighbour lies on the atom.
    pub fn gather(
        &mut self,
        list: &NeighborList,
        frame: &Frame,
        species: &[u16],
        i: usize,
        cutoff: f64,
    ) -> Result<()> {
        self.center = usize::from(species[i]);
        self.neighbors.clear();
        self.displacements.clear();
        self.atoms.clear();
        for &pair in list.row(i) {
            let j = pair.neighbor;
            let r = frame.displacement(i, pair);
            let squared = r[0] * r[0] + r[1] * r[1] + r[2] * r[2];
            if squared >= cutoff * cutoff {
                continue;
            }
            if squared < MIN_DISTANCE * MIN_DISTANCE {
                return Err(Error::Overlap {
                    atom: i,
                    other: j as usize,
                    distance: squared.sqrt(),
                });
            }
            self.neighbors.push(species[j as usize]);
            self.displacements.push(r);
            self.atoms.push(j);
        }
        Ok(())
    }

    /// The environment gathered last.
    #[must_use]
    pub fn environment(&self) -> Environment<'_> {
        Environment {
            center: self.center,
            neighbors: &self.neighbors,
            displacements: &self.displacements,
        }
    }

    /// Indices of the neighbouring atoms, in the order of the environment.
    #[must_use]
    pub fn atoms(&self) -> &[u32] {
        &self.atoms
    }
}
