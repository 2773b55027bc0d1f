//! Features of every atom: what the coefficients of its element multiply, before the repulsion switches anything off.

use super::design::{MAX_FEATURE, add_energy};
use crate::basis::Basis;
use crate::basis::environment_features::LocalInvariants;
use crate::environment::EnvironmentBuffer;
use crate::neighbors::NeighborList;
use crate::structure::Structure;
use crate::{Error, Result};
use rayon::prelude::*;

/// Features of all atoms of a structure, row-major N × [`Basis::features_per_center`], in the order of
/// [`Basis::labels`]: those of the atom's own element. Call inside the pool that is to do the work.
///
/// # Errors
/// Unknown elements and overlapping atoms, naming the atom; a cell or cutoff that has no neighbour list;
/// [`Error::Overflow`] for features that leave the range of floating-point numbers.
pub fn atomic_features(basis: &Basis, structure: &Structure) -> Result<Vec<f64>> {
    let species = basis.species(structure.numbers())?;
    let list = NeighborList::new(structure, basis.cutoff())?;
    let frame = list.frame(structure);
    let n = basis.features_per_center();
    let mut features = vec![0.0; structure.n_atoms() * n];
    if n == 0 {
        return Ok(features);
    }
    let rows = features.par_chunks_exact_mut(n).enumerate();
    rows.try_for_each_init(
        <(EnvironmentBuffer, LocalInvariants)>::default,
        |(environment, local), (i, row)| {
            environment.gather(&list, &frame, &species, i, basis.cutoff())?;
            local.evaluate(basis, &environment.environment());
            add_energy(basis.monomials(), &local.values, 1.0, row);
            // Written so that a NaN is refused.
            if row.iter().all(|x| x.abs() <= MAX_FEATURE) {
                return Ok(());
            }
            Err(Error::Overflow { limit: MAX_FEATURE })
        },
    )?;
    Ok(features)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Cell;
    use crate::basis::spec::BasisSpec;
    use crate::fit::normal::unweighted_rows;
    use serde_json::json;

    #[test]
    fn features_of_the_atoms_sum_to_the_energy_row() {
        let spec = json!({
            "elements": ["Al", "Ni"], "cutoff": 4.5, "cutoff_function": "polynomial", "constant": true,
            "radial": [{"function": {"family": "gaussian", "beta": [0.8], "mu": [1.5, 2.5, 3.5]}}],
            "pair": {"degree": 2, "cross_degree": 2},
            "angular": {"max_l": 2, "radial": "free", "degree": 2, "cross_degree": 2, "product_max_l": 1},
        });
        let basis = Basis::new(BasisSpec::from_json(&spec.to_string()).unwrap()).unwrap();
        let positions: Vec<[f64; 3]> = (0..8)
            .map(|k| {
                [k % 2, k / 2 % 2, k / 4].map(|i| 2.4 * f64::from(i) + 0.1 * f64::from(k).sin())
            })
            .collect();
        let numbers = (0..8).map(|k| if k % 3 == 0 { 28 } else { 13 }).collect();
        let cell = [[4.8, 0.0, 0.0], [0.4, 4.8, 0.0], [0.0, 0.0, 4.9]];
        let structure =
            Structure::new(Cell::new(cell, [true; 3]).unwrap(), positions, numbers).unwrap();
        let features = atomic_features(&basis, &structure).unwrap();
        let rows = unweighted_rows(&basis, &structure).unwrap();
        let n = basis.features_per_center();
        let mut summed = vec![0.0; basis.n_features()];
        for (row, number) in features.chunks_exact(n).zip(structure.numbers()) {
            let start = usize::from(*number == 28) * n;
            let own = &mut summed[start..start + n];
            own.iter_mut().zip(row).for_each(|(s, x)| *s += x);
        }
        for (a, b) in summed.iter().zip(&rows) {
            assert!((a - b).abs() <= 1e-13 * b.abs().max(1.0), "{a} {b}");
        }
    }
}
