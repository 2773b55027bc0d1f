//! What an evaluation gives.

use super::MAX_RESULT;
use crate::neighbors::{Frame, NeighborList};
use crate::{Error, Result};

/// Energy and derivatives of one structure.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// Energies of the atoms, eV; their sum is the energy.
    pub energies: Vec<f64>,
    /// Forces, eV/Å.
    pub forces: Vec<[f64; 3]>,
    /// Virials `−dE_i/dε` of the atoms, xx yy zz yz xz xy, eV; their sum is the virial.
    pub virials: Vec<[f64; 6]>,
}

impl Evaluation {
    /// All zero for so many atoms.
    #[must_use]
    pub(super) fn zero(n_atoms: usize) -> Self {
        Self {
            energies: vec![0.0; n_atoms],
            forces: vec![[0.0; 3]; n_atoms],
            virials: vec![[0.0; 6]; n_atoms],
        }
    }

    /// The evaluation, if all of it is finite.
    ///
    /// # Errors
    /// [`Error::NotFinite`], naming an atom and its nearest neighbour.
    pub(super) fn checked(self, list: &NeighborList, frame: &Frame) -> Result<Self> {
        let within = |values: &[f64]| values.iter().all(|x| x.abs() <= MAX_RESULT);
        let bad = (0..self.energies.len()).find(|&i| {
            !(within(&self.energies[i..=i]) && within(&self.forces[i]) && within(&self.virials[i]))
        });
        let Some(atom) = bad else { return Ok(self) };
        let distances = list.row(atom).iter().map(|&pair| {
            let r = frame.displacement(atom, pair);
            let squared = r.iter().map(|x| x * x).sum::<f64>();
            (squared.sqrt(), pair.neighbor as usize)
        });
        let nearest = distances.min_by(|a, b| a.0.total_cmp(&b.0));
        Err(Error::not_finite(atom, nearest))
    }

    /// Total energy, eV.
    #[must_use]
    pub fn energy(&self) -> f64 {
        self.energies.iter().sum()
    }

    /// Total virial, eV.
    #[must_use]
    pub fn virial(&self) -> [f64; 6] {
        let mut total = [0.0; 6];
        for virial in &self.virials {
            total.iter_mut().zip(virial).for_each(|(t, v)| *t += v);
        }
        total
    }
}
