//! Short-range repulsion outside the data: close pairs and atoms of high local density are switched to ZBL.
//!
//! `E_i = E0 + s(ρ_i) w·φ_i + (1 − s(ρ_i)) E_c + ½ Σ_j V(r_ij) [S + (1 − s(ρ_i)) (1 − S) g(r_ij)]`, where the features
//! `φ_i` are evaluated at the effective distances `u(r_ij)`.
//!
//! * `V` is the universal repulsion of J. F. Ziegler, J. P. Biersack and U. Littmark, *The Stopping and Range of Ions
//!   in Solids* (1985).
//! * `S` rises from 0 at `outer` to 1 at `inner`, where `u` becomes constant: a close pair has its ZBL energy, and the
//!   fitted energy stays as it was near `outer`.
//! * `ρ_i = Σ_j g(r_ij)` with `g = (1 − r²/rc²)³` is the local density; `s` falls from 1 at `onset` to 0 at `end`.
//!   Beyond, the atom has its ZBL energy and a constant `E_c` (`level`), which rises under any compression. If `E_c` is at
//!   least the fitted energy of atoms at such densities, the energy rises in between as well.
//!
//! All functions are C². With `outer` below the shortest distance and `onset` above the largest ρ of the data, nothing
//! changes on the data.

mod settings;
mod switching;
mod zbl;

pub use settings::{DensitySwitch, Repulsion};
pub use zbl::Zbl;

use crate::environment::Environment;
use switching::{DensityRange, PairRange, weight};

/// The repulsion of one centre element.
#[derive(Debug, Clone)]
pub struct CenterRepulsion {
    pairs: Vec<PairRange>,
    density: Option<DensityRange>,
    cutoff: f64,
}

/// Switching factor and repulsion of one environment with their gradients, reused from atom to atom.
#[derive(Debug, Default)]
pub struct Switching {
    /// Whether anything is switched; the other fields are valid only then.
    pub active: bool,
    /// `s(ρ)`.
    pub scale: f64,
    /// `∂s/∂r_ij` of each neighbour, 1/Å.
    pub scale_gradients: Vec<[f64; 3]>,
    /// Repulsion of the centre, eV.
    pub energy: f64,
    /// `∂energy/∂r_ij` of each neighbour, eV/Å.
    pub gradients: Vec<[f64; 3]>,
}

impl CenterRepulsion {
    /// Largest distance of a neighbour that the repulsion depends on, Å.
    #[must_use]
    pub fn cutoff(&self) -> f64 {
        let outer = self.pairs.iter().map(|p| p.outer).fold(0.0, f64::max);
        self.density.map_or(outer, |_| self.cutoff)
    }

    /// Distance below which a neighbour of this species has its full ZBL energy, Å.
    #[must_use]
    pub fn inner(&self, species: usize) -> f64 {
        self.pairs[species].inner
    }

    /// Distance beyond which the energy of a neighbour of this species is not changed, Å.
    #[must_use]
    pub fn outer(&self, species: usize) -> f64 {
        self.pairs[species].outer
    }

    /// Largest local density ρ at which nothing is changed; none without switching by density.
    #[must_use]
    pub fn density_onset(&self) -> Option<f64> {
        self.density.map(|density| density.onset)
    }

    /// Distance from which a neighbour of this species does not count in ρ, Å.
    #[must_use]
    pub fn density_range(&self, species: usize) -> f64 {
        self.pairs[species].range
    }

    /// Effective distance `u(r)` at which the radial functions are evaluated, and `du/dr`.
    #[must_use]
    pub fn effective_distance(&self, species: usize, r: f64) -> (f64, f64) {
        self.pairs[species].effective_distance(r)
    }

    /// Local density ρ of the environment, and whether a pair is closer than `outer`.
    #[must_use]
    pub fn density(&self, environment: &Environment) -> (f64, bool) {
        let (mut rho, mut close) = (0.0, false);
        for (r, &species) in environment.displacements.iter().zip(environment.neighbors) {
            let squared = r[0] * r[0] + r[1] * r[1] + r[2] * r[2];
            let pair = &self.pairs[usize::from(species)];
            rho += weight(squared, pair.range).0;
            close |= squared < pair.outer * pair.outer;
        }
        (rho, close)
    }

    /// `s(ρ)` and the repulsion of one environment with their gradients.
    pub fn evaluate(&self, environment: &Environment, out: &mut Switching) {
        let (rho, close) = self.density(environment);
        let dense = self.density.is_some_and(|density| rho > density.onset);
        out.active = close || dense;
        if !out.active {
            return;
        }
        let (scale, slope) = (self.density).map_or((1.0, 0.0), |density| density.scale(rho));
        (out.scale, out.energy) = (scale, 0.0);
        out.scale_gradients.clear();
        out.gradients.clear();
        // The part with the factor 1 − s, which depends on all neighbours.
        let mut density_energy = self.density.map_or(0.0, |density| density.level);
        for (r, &species) in environment.displacements.iter().zip(environment.neighbors) {
            let squared = r[0] * r[0] + r[1] * r[1] + r[2] * r[2];
            let distance = squared.sqrt();
            let pair = &self.pairs[usize::from(species)];
            let (v, dv) = pair.zbl.value_and_derivative(distance);
            let (s, ds) = pair.switch(distance);
            let (g, dg) = weight(squared, self.cutoff);
            let (_, drho) = weight(squared, pair.range);
            let (rest, drest) = ((1.0 - s) * g, -ds * g + (1.0 - s) * 2.0 * distance * dg);
            out.energy += 0.5 * v * s;
            density_energy += 0.5 * v * rest;
            let share = s + (1.0 - scale) * rest;
            let dshare = ds + (1.0 - scale) * drest;
            let radial = 0.5 * (dv * share + v * dshare) / distance;
            out.gradients.push(r.map(|x| radial * x));
            out.scale_gradients.push(r.map(|x| slope * 2.0 * drho * x));
        }
        out.energy += (1.0 - scale) * density_energy;
        for (gradient, ds) in out.gradients.iter_mut().zip(&out.scale_gradients) {
            for axis in 0..3 {
                gradient[axis] -= density_energy * ds[axis];
            }
        }
    }
}
