//! A potential with what an evaluation leaves for the next: the neighbour list, its clusters, scratch memory.

use super::assembly::Scratch;
use super::assembly::clusters::Clusters;
use super::{Evaluation, Potential};
use crate::neighbors::{NeighborList, VerletList};
use crate::structure::Structure;
use crate::{Error, Result, parallel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Evaluates one structure after the other, as along a trajectory. Several threads may share it.
#[derive(Debug)]
pub struct Evaluator {
    potential: Arc<Potential>,
    skin: f64,
    threads: usize,
    state: Mutex<EvaluatorState>,
}

/// What is done with a structure, its neighbour list and its clusters.
type Job<T> = fn(&Potential, &Structure, &NeighborList, &Clusters, &mut Scratch) -> Result<T>;

/// What stays from call to call.
#[derive(Debug, Default)]
struct EvaluatorState {
    list: Option<(VerletList, Clusters)>,
    scratch: Option<Scratch>,
    n_builds: usize,
}

impl Evaluator {
    /// Neighbours are listed up to `skin` (Å) beyond the cutoff; `threads` = 0 takes the default.
    ///
    /// # Errors
    /// [`Error::Skin`] if the skin is negative or not finite.
    pub fn new(potential: Arc<Potential>, skin: f64, threads: usize) -> Result<Self> {
        if !(skin >= 0.0 && skin.is_finite()) {
            return Err(Error::Skin { skin });
        }
        Ok(Self {
            potential,
            skin,
            threads,
            state: Mutex::default(),
        })
    }

    /// Energy, forces and virials of a structure, with the neighbour list of the last call if it still holds all pairs.
    /// The work is done in a pool of the number of threads, unless there is nothing to share.
    ///
    /// # Errors
    /// Unknown elements, overlapping atoms and results that are not finite, naming the atom; a cell that has no neighbour list; [`Error::Threads`].
    pub fn evaluate(&self, structure: &Structure) -> Result<Evaluation> {
        self.run(structure, Potential::evaluate_clusters_in)
    }

    /// [`Evaluator::evaluate`] with the index of anomaly of each atom; the evaluation has the same bits.
    ///
    /// # Errors
    /// [`Error::NoIndex`], else as [`Evaluator::evaluate`].
    pub fn evaluate_with_index(&self, structure: &Structure) -> Result<(Evaluation, Vec<f64>)> {
        self.run(structure, Potential::evaluate_with_index_in)
    }

    /// A job on a structure with the list of the last call.
    fn run<T: Send>(&self, structure: &Structure, job: Job<T>) -> Result<T> {
        let threads = match self.threads {
            0 => parallel::default_threads(),
            own => own,
        };
        if threads == 1 || structure.n_atoms() <= Clusters::SMALLEST {
            return self.run_here(structure, job);
        }
        parallel::pool(threads)?.install(|| self.run_here(structure, job))
    }

    /// How often the neighbour list was built.
    #[must_use]
    pub fn n_builds(&self) -> usize {
        self.state().n_builds
    }

    fn state(&self) -> MutexGuard<'_, EvaluatorState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A job with the list taken out of its place: a second thread builds its own instead of waiting.
    fn run_here<T>(&self, structure: &Structure, job: Job<T>) -> Result<T> {
        let potential = &self.potential;
        let (taken, scratch) = {
            let mut state = self.state();
            (state.list.take(), state.scratch.take())
        };
        let mut scratch = scratch.unwrap_or_default();
        let (list, clusters, built) = if let Some((mut list, mut clusters)) = taken {
            let built = list.update(structure)?;
            if built {
                clusters = potential.clusters(structure, list.list())?;
            }
            (list, clusters, built)
        } else {
            let list = VerletList::new(structure, potential.cutoff(), self.skin)?;
            let clusters = potential.clusters(structure, list.list())?;
            (list, clusters, true)
        };
        let result = job(potential, structure, list.list(), &clusters, &mut scratch);
        let mut state = self.state();
        state.scratch = Some(scratch);
        state.list = Some((list, clusters));
        state.n_builds += usize::from(built);
        result
    }
}
