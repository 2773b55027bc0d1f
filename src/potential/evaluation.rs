//! What an evaluation gives.

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
