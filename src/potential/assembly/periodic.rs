//! Evaluation of structures with their own neighbour lists, periodic or not.

use super::clusters::Clusters;
use super::{Assembly, Dispatch, Output, Scratch, widest};
use crate::neighbors::{Images, NeighborList};
use crate::potential::{Evaluation, Potential};
use crate::structure::Structure;
use crate::{Error, Result};
use rayon::prelude::*;

impl Potential {
    /// Sort a list into the clusters that [`Potential::evaluate_clusters`] works on.
    ///
    /// # Errors
    /// Unknown elements, naming the atom.
    pub fn clusters(&self, structure: &Structure, list: &NeighborList) -> Result<Clusters> {
        let species = self.basis().species(structure.numbers())?;
        Ok(Clusters::new(list, &species, self.basis().n_species()))
    }

    /// Energy, forces and virials of a structure. The cutoff of its neighbour list is at least that of the potential.
    /// Call inside the pool that is to do the work, or outside any to do it alone; the result is the same for any
    /// number of threads.
    ///
    /// # Errors
    /// Unknown elements, overlapping atoms and results that are not finite, naming the atom.
    pub fn evaluate(&self, structure: &Structure, list: &NeighborList) -> Result<Evaluation> {
        self.evaluate_clusters(structure, list, &self.clusters(structure, list)?)
    }

    /// [`Potential::evaluate`] with clusters that were made from the list before.
    ///
    /// # Errors
    /// Overlapping atoms and results that are not finite, naming the atom.
    pub fn evaluate_clusters(
        &self,
        structure: &Structure,
        list: &NeighborList,
        clusters: &Clusters,
    ) -> Result<Evaluation> {
        self.evaluate_clusters_in(structure, list, clusters, &mut Scratch::default())
    }

    /// [`Potential::evaluate_clusters`] with memory of earlier calls, of whatever potential and structure.
    ///
    /// # Errors
    /// Overlapping atoms and results that are not finite, naming the atom.
    pub fn evaluate_clusters_in(
        &self,
        structure: &Structure,
        list: &NeighborList,
        clusters: &Clusters,
        scratch: &mut Scratch,
    ) -> Result<Evaluation> {
        let (evaluation, _) =
            self.evaluate_with(structure, list, clusters, scratch, false, &widest)?;
        Ok(evaluation)
    }

    /// [`Potential::evaluate_clusters_in`] with the index of anomaly of each atom; the evaluation has the same bits.
    ///
    /// # Errors
    /// [`Error::NoIndex`], else as [`Potential::evaluate_clusters_in`].
    pub fn evaluate_with_index_in(
        &self,
        structure: &Structure,
        list: &NeighborList,
        clusters: &Clusters,
        scratch: &mut Scratch,
    ) -> Result<(Evaluation, Vec<f64>)> {
        self.evaluate_with(structure, list, clusters, scratch, true, &widest)
    }

    /// The index of anomaly of each atom, without forces.
    ///
    /// # Errors
    /// [`Error::NoIndex`], unknown elements, overlapping atoms and energies that are not finite, naming the atom.
    pub fn index_of(&self, structure: &Structure, list: &NeighborList) -> Result<Vec<f64>> {
        let clusters = self.clusters(structure, list)?;
        let frame = list.frame(structure);
        let mut anomalies = vec![[0.0; 2]; structure.n_atoms()];
        let output = Output {
            anomalies: Some(&mut anomalies),
            ..Output::default()
        };
        let assembly = self.assembly(&clusters, frame.images());
        assembly.add_to(output, &mut Scratch::default(), &widest)?;
        Ok(indices(&anomalies))
    }

    fn assembly<'a>(&'a self, clusters: &'a Clusters, images: Images<'a>) -> Assembly<'a> {
        Assembly {
            centers: self.plans(),
            clusters,
            images,
        }
    }

    /// [`Potential::evaluate_clusters_in`] with the instructions that `run` chooses; the index is empty if it is not
    /// wanted.
    fn evaluate_with(
        &self,
        structure: &Structure,
        list: &NeighborList,
        clusters: &Clusters,
        scratch: &mut Scratch,
        wants_index: bool,
        run: Dispatch,
    ) -> Result<(Evaluation, Vec<f64>)> {
        let frame = list.frame(structure);
        let assembly = self.assembly(clusters, frame.images());
        let n = structure.n_atoms();
        let mut out = Evaluation::zero(n);
        let mut anomalies = vec![[0.0; 2]; if wants_index { n } else { 0 }];
        let output = Output {
            energies: Some(&mut out.energies),
            forces: Some(&mut out.forces),
            virials: Some(&mut out.virials),
            centroid_virials: None,
            anomalies: wants_index.then_some(&mut anomalies),
        };
        assembly.add_to(output, scratch, run)?;
        Ok((out, indices(&anomalies)))
    }

    /// Evaluate many structures, parallel over structures. Call inside the pool that is to do the work.
    ///
    /// # Errors
    /// The index of the first structure that cannot be evaluated, with the reason.
    pub fn evaluate_many(
        &self,
        structures: &[&Structure],
    ) -> std::result::Result<Vec<Evaluation>, (usize, Error)> {
        self.of_many(structures, |structure, list| self.evaluate(structure, list))
    }

    /// The index of anomaly of the atoms of many structures, parallel over structures. Call inside the pool that is to do
    /// the work.
    ///
    /// # Errors
    /// The index of the first structure that cannot be evaluated, with the reason.
    pub fn index_of_many(
        &self,
        structures: &[&Structure],
    ) -> std::result::Result<Vec<Vec<f64>>, (usize, Error)> {
        self.of_many(structures, |structure, list| self.index_of(structure, list))
    }

    fn of_many<T: Send>(
        &self,
        structures: &[&Structure],
        result: impl Fn(&Structure, &NeighborList) -> Result<T> + Sync,
    ) -> std::result::Result<Vec<T>, (usize, Error)> {
        let one = |structure: &&Structure| {
            let list = NeighborList::new(structure, self.cutoff())?;
            result(structure, &list)
        };
        let results: Vec<Result<T>> = structures.par_iter().map(one).collect();
        results
            .into_iter()
            .enumerate()
            .map(|(k, r)| r.map_err(|e| (k, e)))
            .collect()
    }
}

/// The index of each atom from the sums over its neighbours.
fn indices(anomalies: &[[f64; 2]]) -> Vec<f64> {
    { anomalies.iter() }
        .map(|[sum, n]| (sum / n).sqrt())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Cell;
    use crate::basis::Basis;
    use crate::basis::spec::BasisSpec;
    use crate::potential::anomaly::{AnomalyCenter, AnomalyIndex};
    use crate::potential::compiled::kernel::ClusterTask;
    use pulp::Simd;
    use serde_json::json;

    /// Agreement of instruction sets, whose sums are rounded differently, eV and eV/Å.
    const TOLERANCE: f64 = 1e-11;

    fn potential(max_l: usize, pair_degree: usize) -> Potential {
        let spec = json!({
            "elements": ["Al", "Ni"], "cutoff": 4.5, "cutoff_function": "polynomial",
            "radial": [
                {"function": {"family": "gaussian", "beta": [0.8], "mu": [1.5, 2.5, 3.5]}},
                {"function": {"family": "gaussian", "beta": [0.5], "mu": [1.0, 2.0, 3.0, 4.0]}, "orders": [1]},
            ],
            "pair": {"degree": pair_degree, "cross_degree": pair_degree},
            "angular": {"max_l": max_l, "radial": "free", "degree": 2, "cross_degree": 2, "product_max_l": 1},
            "higher": [
                {"order": 3, "max_l": 2, "radial": "free", "max_total": 4},
                {"order": 4, "max_l": 2, "min_l": 1, "radial": "diagonal", "max_n": 2},
            ],
        });
        let spec = BasisSpec::from_json(&spec.to_string()).unwrap();
        let n = Basis::new(spec.clone()).unwrap().n_features();
        let coefficients: Vec<f64> = (0..n).map(|k| 1e-3 * (k as f64).sin()).collect();
        let info = json!({});
        let plain = Potential::from_coefficients(spec, &coefficients, &[0.0, 0.0], info).unwrap();
        let form = |k: usize| (0..8).map(|m| 0.01 * ((k + m) as f64).cos()).collect();
        let centers = plain.centers().iter().map(|center| AnomalyCenter {
            element: center.element.clone(),
            offsets: vec![0.1; 8],
            forms: { center.features.keys().enumerate() }
                .map(|(k, label)| (label.clone(), form(k)))
                .collect(),
        });
        let centers = centers.collect();
        let shell = 3.5;
        plain.with_index(AnomalyIndex { shell, centers }).unwrap()
    }

    fn alloy() -> Structure {
        let positions: Vec<[f64; 3]> = (0..60)
            .map(|k| {
                let x = [k % 4, k / 4 % 4, k / 16].map(|i| 2.4 * f64::from(i));
                std::array::from_fn(|axis| x[axis] + 0.1 * (f64::from(k) + x[axis]).sin())
            })
            .collect();
        let numbers = (0..60).map(|k| if k % 3 == 0 { 28 } else { 13 }).collect();
        let cell = Cell::new(
            [[9.6, 0.0, 0.0], [0.0, 9.6, 0.0], [0.0, 0.0, 9.6]],
            [true; 3],
        );
        Structure::new(cell.unwrap(), positions, numbers).unwrap()
    }

    fn agrees<S: Simd>(simd: S) {
        let structure = alloy();
        let mut scratch = Scratch::default();
        for (max_l, pair_degree) in [(1, 1), (3, 2), (6, 3)] {
            let potential = potential(max_l, pair_degree);
            let list = NeighborList::new(&structure, 4.5).unwrap();
            let clusters = potential.clusters(&structure, &list).unwrap();
            let run = |task: ClusterTask| simd.vectorize(task);
            let (own, index) = potential
                .evaluate_with(&structure, &list, &clusters, &mut scratch, true, &run)
                .unwrap();
            let reference = potential.evaluate_reference(&structure, &list).unwrap();
            let best = potential
                .evaluate_clusters(&structure, &list, &clusters)
                .unwrap();
            for (a, b) in index
                .iter()
                .zip(&potential.index_of(&structure, &list).unwrap())
            {
                assert!((a - b).abs() < TOLERANCE * b, "{max_l}: index {a} {b}");
            }
            for (a, b) in own.energies.iter().zip(&best.energies) {
                assert!((a - b).abs() < TOLERANCE, "{max_l}: {a} {b}");
            }
            let forces = own
                .forces
                .iter()
                .flatten()
                .zip(best.forces.iter().flatten());
            assert!(forces.clone().all(|(a, b)| (a - b).abs() < TOLERANCE));
            let exact = own
                .forces
                .iter()
                .flatten()
                .zip(reference.forces.iter().flatten());
            assert!(exact.clone().all(|(a, b)| (a - b).abs() < 1e-7));
        }
    }

    #[test]
    fn every_instruction_set_gives_the_same() {
        agrees(pulp::Scalar::new());
        #[cfg(target_arch = "x86_64")]
        if let Some(simd) = pulp::x86::V3::try_new() {
            agrees(simd);
        }
    }
}
