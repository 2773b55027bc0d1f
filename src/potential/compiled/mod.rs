//! The compiled evaluator: tables instead of functions, one polynomial instead of invariants, vectors instead of atoms.

mod graph;
mod harmonics;
mod kernel;
mod plan;
mod table;

pub use graph::GraphSize;
pub use kernel::Scratch;
pub use plan::{CompiledCenter, PlanSize, Work};

use super::{Evaluation, Potential};
use crate::Result;
use crate::neighbors::{Clusters, NeighborList};
use crate::structure::Structure;
use kernel::{ClusterOutput, ClusterTask};
use rayon::prelude::*;
use std::sync::{Mutex, PoisonError};

/// Atoms whose forces are summed in one task.
const SUMMED_ATOMS: usize = 4096;

impl Potential {
    /// The plans of the compiled evaluator, by element.
    #[must_use]
    pub fn plans(&self) -> &[CompiledCenter] {
        &self.compiled
    }

    /// Sort a list into the clusters that [`Potential::evaluate_clusters`] works on.
    ///
    /// # Errors
    /// Unknown elements, naming the atom.
    pub fn clusters(&self, structure: &Structure, list: &NeighborList) -> Result<Clusters> {
        let species = self.basis().species(structure.numbers())?;
        Ok(Clusters::new(list, &species, self.basis().n_species()))
    }

    /// Energy, forces and virials of a structure whose neighbour list reaches at least as far as the cutoff. Call
    /// inside the pool that shall do the work; the result is the same for any number of threads.
    ///
    /// # Errors
    /// Unknown elements and overlapping atoms, naming the atom.
    pub fn evaluate(&self, structure: &Structure, list: &NeighborList) -> Result<Evaluation> {
        self.evaluate_clusters(structure, list, &self.clusters(structure, list)?)
    }

    /// [`Potential::evaluate`] with clusters that were made from the list before.
    ///
    /// # Errors
    /// Overlapping atoms, naming the atom.
    pub fn evaluate_clusters(
        &self,
        structure: &Structure,
        list: &NeighborList,
        clusters: &Clusters,
    ) -> Result<Evaluation> {
        let frame = list.frame(structure);
        let mut copies = vec![[0.0; 3]; clusters.n_copies()];
        let mut tasks = Vec::with_capacity(clusters.clusters().len());
        let mut rest = copies.as_mut_slice();
        for cluster in clusters.clusters() {
            let (forces, after) = rest.split_at_mut(cluster.n_copies());
            rest = after;
            tasks.push((cluster, forces));
        }
        let scratches: Mutex<Vec<Scratch>> = Mutex::default();
        let take = || {
            scratches
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .pop()
        };
        let task = |(cluster, forces): (&crate::neighbors::Cluster, &mut [[f64; 3]])| {
            let mut scratch = take().unwrap_or_default();
            let n = cluster.atoms().len();
            let (mut energies, mut virials) = (vec![0.0; n], vec![[0.0; 6]; n]);
            let result = pulp::Arch::new().dispatch(ClusterTask {
                centers: &self.compiled,
                cluster,
                frame: &frame,
                scratch: &mut scratch,
                output: ClusterOutput {
                    energies: &mut energies,
                    virials: &mut virials,
                    forces,
                },
            });
            let mut scratches = scratches.lock().unwrap_or_else(PoisonError::into_inner);
            scratches.push(scratch);
            result.map(|()| (energies, virials))
        };
        let results: Vec<Result<_>> = if tasks.len() > 1 {
            tasks.into_par_iter().map(task).collect()
        } else {
            tasks.into_iter().map(task).collect()
        };
        let n = structure.n_atoms();
        let mut out = Evaluation {
            energies: vec![0.0; n],
            forces: vec![[0.0; 3]; n],
            virials: vec![[0.0; 6]; n],
        };
        for (cluster, result) in clusters.clusters().iter().zip(results) {
            let (energies, virials) = result?;
            for ((i, energy), virial) in cluster.atoms().iter().zip(energies).zip(virials) {
                out.energies[*i as usize] = energy;
                out.virials[*i as usize] = virial;
            }
        }
        let sum = |(first, forces): (usize, &mut [[f64; 3]])| {
            for (i, force) in (first * SUMMED_ATOMS..).zip(forces) {
                for copy in clusters.copies(i) {
                    let own = copies[*copy as usize];
                    for axis in 0..3 {
                        force[axis] += own[axis];
                    }
                }
            }
        };
        if n > SUMMED_ATOMS {
            let tasks = out.forces.par_chunks_mut(SUMMED_ATOMS).enumerate();
            tasks.for_each(sum);
        } else {
            sum((0, &mut out.forces));
        }
        Ok(out)
    }

    /// Evaluate many structures, parallel over structures. Call inside the pool that shall do the work.
    ///
    /// # Errors
    /// The index of the first structure that cannot be evaluated, with the reason.
    pub fn evaluate_many(
        &self,
        structures: &[&Structure],
    ) -> std::result::Result<Vec<Evaluation>, (usize, crate::Error)> {
        let one = |structure: &&Structure| {
            let list = NeighborList::new(structure, self.basis().cutoff())?;
            self.evaluate(structure, &list)
        };
        let results: Vec<Result<Evaluation>> = structures.par_iter().map(one).collect();
        results
            .into_iter()
            .enumerate()
            .map(|(k, r)| r.map_err(|e| (k, e)))
            .collect()
    }
}
