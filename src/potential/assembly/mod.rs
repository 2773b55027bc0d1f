//! From the atoms of a host to the clusters of the compiled evaluator and back.
//!
//! There are two ways in: [`periodic`] takes a structure with its neighbour list, [`rows`] the rows of neighbours that a
//! molecular-dynamics code keeps, ghost atoms and all. Both make [`Clusters`] and let the same kernel work on them.

pub mod clusters;
pub mod periodic;
pub mod rows;

use crate::neighbors::Images;
use crate::potential::compiled::CompiledCenter;
use crate::potential::compiled::kernel::{ClusterOutput, ClusterTask, WorkerScratch};
use crate::{Error, Result, parallel};
use clusters::{Cluster, Clusters};
use rayon::prelude::*;
use std::sync::{Mutex, PoisonError};

/// Where an evaluation adds its results, one entry for each position; what is `None` is left out, and not computed where
/// that saves time.
#[derive(Debug, Default)]
pub struct Output<'a> {
    /// Energies of the centres, eV.
    pub energies: Option<&'a mut [f64]>,
    /// Forces on all positions, eV/Å.
    pub forces: Option<&'a mut [[f64; 3]]>,
    /// Virials `−dE_i/dε` of the centres, xx yy zz yz xz xy, eV.
    pub virials: Option<&'a mut [[f64; 6]]>,
    /// Centroid virials `−Σ_i r_ij ⊗ ∂E_i/∂r_ij` of all positions j, xx xy xz yx yy yz zx zy zz, eV: the flux of heat by
    /// the work of the forces is `Σ_j W_j·v_j`. Z. Fan et al., PRB 92, 094301 (2015).
    pub centroid_virials: Option<&'a mut [[f64; 9]]>,
    /// Of all positions `Σ_i s(r_ij) γ_i²` over the centres i, itself included, and of centres `1 + Σ_j s(r_ij)`: once the
    /// first is summed over all positions that stand for an atom, the root of the quotient is its index of anomaly.
    pub anomalies: Option<&'a mut [[f64; 2]]>,
}

impl Output<'_> {
    fn check(&self, n_positions: usize) -> Result<()> {
        let lengths = [
            ("energies", self.energies.as_ref().map(|e| e.len())),
            ("forces", self.forces.as_ref().map(|f| f.len())),
            ("virials", self.virials.as_ref().map(|v| v.len())),
            (
                "centroid virials",
                self.centroid_virials.as_ref().map(|v| v.len()),
            ),
            ("anomalies", self.anomalies.as_ref().map(|a| a.len())),
        ];
        for (what, got) in lengths {
            check_length(what, n_positions, got.unwrap_or(n_positions))?;
        }
        Ok(())
    }
}

fn check_length(what: &'static str, expected: usize, got: usize) -> Result<()> {
    if got == expected {
        return Ok(());
    }
    Err(Error::Length {
        what,
        expected,
        got,
    })
}

/// Memory of evaluations, kept from call to call, of whatever potential and structure.
#[derive(Debug, Default)]
pub struct Scratch {
    /// Forces on the copies of atoms in all clusters, eV/Å.
    forces: Vec<[f64; 3]>,
    /// Centroid virials of the copies, eV.
    centroids: Vec<[f64; 9]>,
    /// Sums of the index of anomaly on the copies.
    anomalies: Vec<[f64; 2]>,
    workers: Mutex<Vec<WorkerScratch>>,
}

impl Scratch {
    /// Memory of results; that of workers is small beside it.
    #[must_use]
    pub fn n_bytes(&self) -> usize {
        self.forces.capacity() * size_of::<[f64; 3]>()
            + self.centroids.capacity() * size_of::<[f64; 9]>()
            + self.anomalies.capacity() * size_of::<[f64; 2]>()
    }
}

/// Positions whose copies are summed in one task.
const SUMMED_ATOMS: usize = 512;

/// Carries out the work on a cluster, with instructions of its choice.
pub(super) type Dispatch<'a> = &'a (dyn Fn(ClusterTask) -> Result<()> + Sync);

/// The widest instructions of this processor.
pub(super) fn widest(task: ClusterTask) -> Result<()> {
    pulp::Arch::new().dispatch(task)
}

/// Energies and virials of the centres of a cluster.
type OfCluster = (Vec<f64>, Vec<[f64; 6]>);

/// What is gathered on the copies of a cluster.
struct OnCopies<'a> {
    forces: Option<&'a mut [[f64; 3]]>,
    centroids: Option<&'a mut [[f64; 9]]>,
    anomalies: Option<&'a mut [[f64; 2]]>,
}

/// What is evaluated.
pub(super) struct Assembly<'a> {
    pub centers: &'a [CompiledCenter],
    pub clusters: &'a Clusters,
    pub images: Images<'a>,
}

impl Assembly<'_> {
    /// Add the results of all clusters to the output, which is as before after an error.
    ///
    /// # Errors
    /// [`Error::NoIndex`] if an index is wanted and there is none, else what the work on a cluster gives.
    pub fn add_to(&self, output: Output, scratch: &mut Scratch, run: Dispatch) -> Result<()> {
        if output.anomalies.is_some() && !self.centers.iter().all(CompiledCenter::has_index) {
            return Err(Error::NoIndex);
        }
        let Scratch {
            forces,
            centroids,
            anomalies,
            workers,
        } = scratch;
        let wants_virials = output.virials.is_some();
        let wanted = |is_wanted: bool| {
            if is_wanted {
                self.clusters.n_copies()
            } else {
                0
            }
        };
        forces.resize(wanted(output.forces.is_some()), [0.0; 3]);
        centroids.resize(wanted(output.centroid_virials.is_some()), [0.0; 9]);
        anomalies.resize(wanted(output.anomalies.is_some()), [0.0; 2]);
        let parts = self.carve(forces).into_iter();
        let parts = parts.zip(self.carve(centroids)).zip(self.carve(anomalies));
        let parts = parts.map(|((forces, centroids), anomalies)| OnCopies {
            forces,
            centroids,
            anomalies,
        });
        let tasks = self.clusters.clusters().iter().zip(parts).collect();
        let results = self.run_all(wants_virials, tasks, workers, run)?;
        let Output {
            mut energies,
            forces: all_forces,
            mut virials,
            centroid_virials,
            anomalies: all_anomalies,
        } = output;
        for (cluster, (own_energies, own_virials)) in self.clusters.clusters().iter().zip(results) {
            if let Some(energies) = &mut energies {
                for (i, own) in cluster.atoms().iter().zip(own_energies) {
                    energies[*i as usize] += own;
                }
            }
            if let Some(virials) = &mut virials {
                for (i, own) in cluster.atoms().iter().zip(own_virials) {
                    let sum = &mut virials[*i as usize];
                    sum.iter_mut().zip(own).for_each(|(v, own)| *v += own);
                }
            }
        }
        if let Some(all) = all_forces {
            self.sum_copies(forces, all);
        }
        if let Some(all) = centroid_virials {
            self.sum_copies(centroids, all);
        }
        if let Some(all) = all_anomalies {
            self.sum_copies(anomalies, all);
        }
        Ok(())
    }

    /// The part of each cluster in an array over all copies, None if the array is empty.
    fn carve<'c, T>(&self, copies: &'c mut [T]) -> Vec<Option<&'c mut [T]>> {
        let mut rest = (!copies.is_empty()).then_some(copies);
        let mut parts = Vec::with_capacity(self.clusters.clusters().len());
        for cluster in self.clusters.clusters() {
            let part = rest.take().map(|rest| {
                let (own, after) = rest.split_at_mut(cluster.n_copies());
                (own, Some(after))
            });
            let (own, after) = part.unzip();
            rest = after.flatten();
            parts.push(own);
        }
        parts
    }

    /// Evaluate cluster by cluster; what belongs to copies of atoms ends up in the parts that come with the clusters.
    fn run_all(
        &self,
        wants_virials: bool,
        tasks: Vec<(&Cluster, OnCopies)>,
        workers: &Mutex<Vec<WorkerScratch>>,
        run: Dispatch,
    ) -> Result<Vec<OfCluster>> {
        let lock = || workers.lock().unwrap_or_else(PoisonError::into_inner);
        let task = |(cluster, mut own): (&Cluster, OnCopies)| {
            let taken = lock().pop();
            let mut scratch = taken.unwrap_or_default();
            if let Some(forces) = &mut own.forces {
                forces.fill([0.0; 3]);
            }
            if let Some(centroids) = &mut own.centroids {
                centroids.fill([0.0; 9]);
            }
            let n = cluster.atoms().len();
            let mut energies = vec![0.0; n];
            let mut virials = vec![[0.0; 6]; if wants_virials { n } else { 0 }];
            let result = run(ClusterTask {
                centers: self.centers,
                cluster,
                images: self.images,
                scratch: &mut scratch,
                output: ClusterOutput {
                    energies: &mut energies,
                    forces: own.forces,
                    virials: wants_virials.then_some(&mut virials),
                    centroid_virials: own.centroids,
                    anomalies: own.anomalies,
                },
            });
            lock().push(scratch);
            result.map(|()| (energies, virials))
        };
        // All are waited for, so that the error is that of the first cluster for any number of threads.
        let results: Vec<Result<OfCluster>> = if tasks.len() > 1 && parallel::inside_pool() {
            tasks.into_par_iter().map(task).collect()
        } else {
            tasks.into_iter().map(task).collect()
        };
        results.into_iter().collect()
    }

    /// Add to what belongs to each position that of its copies, in a fixed order.
    fn sum_copies<const N: usize>(&self, copies: &[[f64; N]], sums: &mut [[f64; N]]) {
        let sum = |(first, sums): (usize, &mut [[f64; N]])| {
            for (i, sum) in (first * SUMMED_ATOMS..).zip(sums) {
                for copy in self.clusters.copies(i) {
                    let own = copies[*copy as usize];
                    for k in 0..N {
                        sum[k] += own[k];
                    }
                }
            }
        };
        if sums.len() > SUMMED_ATOMS && parallel::inside_pool() {
            sums.par_chunks_mut(SUMMED_ATOMS).enumerate().for_each(sum);
        } else {
            sum((0, sums));
        }
    }
}
