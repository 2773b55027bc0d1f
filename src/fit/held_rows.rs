//! Design rows that stay in memory, for structures that several sums and predictions of a fit ask for.

use super::design::{DesignScratch, RowsMut, design_rows};
use crate::Result;
use crate::basis::Basis;
use crate::structure::Structure;
use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The rows of the first structures that were asked for, as many as there is room for; all of one basis.
///
/// They are the bits that a new computation would give, so no result depends on which are held.
#[derive(Debug)]
pub struct HeldRows {
    most_bytes: usize,
    found: Mutex<Found>,
}

#[derive(Debug, Default)]
struct Found {
    bytes: usize,
    /// By a hash of the positions.
    rows: HashMap<u64, Vec<(Structure, Arc<Rows>)>>,
}

/// Rows of one structure, without weights.
#[derive(Debug)]
pub(super) struct Rows {
    /// Energy, forces, stress: (1 + 3N + 6) × features.
    pub rows: Vec<f64>,
    /// What the repulsion adds to the labels, 1 + 3N + 6.
    pub repulsion: Vec<f64>,
}

impl Rows {
    /// Compute them.
    ///
    /// # Errors
    /// As [`design_rows`].
    pub fn of(basis: &Basis, structure: &Structure) -> Result<Self> {
        let (n, columns) = (structure.n_atoms(), basis.n_features());
        let mut scratch = DesignScratch::default();
        let mut rows = vec![0.0; (1 + 3 * n + 6) * columns];
        let (energy, rest) = rows.split_at_mut(columns);
        let (forces, stress) = rest.split_at_mut(3 * n * columns);
        let mut own = RowsMut {
            energy,
            forces,
            stress,
        };
        design_rows(basis, structure, &mut own, &mut scratch)?;
        let repulsion = scratch.repulsion().to_vec();
        Ok(Self { rows, repulsion })
    }
}

impl HeldRows {
    /// No rows yet, and room for so many bytes.
    #[must_use]
    pub fn new(most_bytes: usize) -> Self {
        Self {
            most_bytes,
            found: Mutex::default(),
        }
    }

    /// Whether the rows of a structure are held.
    #[must_use]
    pub fn holds(&self, structure: &Structure) -> bool {
        self.get(structure).is_some()
    }

    /// Bytes of the rows that are held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.lock().bytes
    }

    pub(super) fn get(&self, structure: &Structure) -> Option<Arc<Rows>> {
        let found = self.lock();
        let alike = found.rows.get(&hash(structure))?;
        alike
            .iter()
            .find(|(own, _)| own == structure)
            .map(|(_, rows)| Arc::clone(rows))
    }

    /// Keep rows of some numbers if there is room.
    pub(super) fn keep(
        &self,
        structure: &Structure,
        rows: impl FnOnce() -> Arc<Rows>,
        numbers: usize,
    ) {
        let bytes = numbers * size_of::<f64>();
        {
            let mut found = self.lock();
            if bytes > self.most_bytes - found.bytes {
                return;
            }
            found.bytes += bytes;
        }
        let rows = rows();
        let mut found = self.lock();
        let alike = found.rows.entry(hash(structure)).or_default();
        if alike.iter().any(|(own, _)| own == structure) {
            found.bytes -= bytes; // another thread had the same one
        } else {
            alike.push((structure.clone(), rows));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Found> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Rows that are held, or else new ones, which are kept if there is room.
pub(super) fn held_or_new(
    basis: &Basis,
    structure: &Structure,
    held: Option<&HeldRows>,
) -> Result<Arc<Rows>> {
    if let Some(known) = held.and_then(|held| held.get(structure)) {
        return Ok(known);
    }
    let rows = Arc::new(Rows::of(basis, structure)?);
    if let Some(held) = held {
        let numbers = rows.rows.len() + rows.repulsion.len();
        held.keep(structure, || Arc::clone(&rows), numbers);
    }
    Ok(rows)
}

fn hash(structure: &Structure) -> u64 {
    let mut hasher = DefaultHasher::new();
    structure.numbers().hash(&mut hasher);
    for x in structure.positions().as_flattened() {
        (x + 0.0).to_bits().hash(&mut hasher); // no negative zero
    }
    hasher.finish()
}
