//! Streaming normal equations: `XᵀWX`, `XᵀWy`, `yᵀWy` and the number of rows, summed block after block.
//!
//! Every entry is the sum of the same terms in the same order whatever the number of threads: rows are computed by
//! structure, the Gram matrix by bands of rows, each by one thread. The properties are summed apart, so that their weights
//! can change later, or into one matrix where three would not fit the memory.

use super::design::{DesignScratch, RowsMut, design_rows};
use super::held_rows::{HeldRows, Rows, held_or_new};
use crate::Result;
use crate::basis::Basis;
use crate::structure::Structure;
use crate::symmetric::{add_gram, add_gram_of_columns, packed};
use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;
use std::sync::Arc;

/// Entries of the design held at once (128 MiB), unless fewer than [`BLOCK_ROWS`] rows or a single structure need more.
const BLOCK_ENTRIES: usize = 1 << 24;
/// Rows held at once at least: for each block the Gram matrix passes through the memory, which is slow if it takes
/// longer than the block's multiplications.
const BLOCK_ROWS: usize = 1024;
/// Entries of `XᵀWy` that one task updates.
const MOMENTS: usize = 256;
/// Rows whose columns one task looks through.
const ROWS_LOOKED_THROUGH: usize = 64;

/// A structure with its labels and the weights of their squared residuals.
#[derive(Debug, Clone, Copy)]
pub struct Sample<'a> {
    /// The structure.
    pub structure: &'a Structure,
    /// Labels, already relative to the reference energies.
    pub targets: Targets<'a>,
    /// Weights; zero leaves a property out.
    pub weights: Weights,
}

impl Sample<'_> {
    /// Rows with non-zero weight: energies, forces, stresses.
    fn n_rows(&self) -> [u64; 3] {
        let (weights, n) = (self.weights, self.structure.n_atoms() as u64);
        let if_used = |weight: f64, count: u64| if weight > 0.0 { count } else { 0 };
        [
            if_used(weights.energy, 1),
            if_used(weights.forces, 3 * n),
            if_used(weights.stress, 6),
        ]
    }
}

/// Labels of one structure; the entries of a property with zero weight are ignored.
#[derive(Debug, Clone, Copy)]
pub struct Targets<'a> {
    /// Energy per atom relative to the reference energies, eV.
    pub energy_per_atom: f64,
    /// Forces, 3N entries, eV/Å.
    pub forces: &'a [f64],
    /// Stress xx yy zz yz xz xy, eV/Å³.
    pub stress: [f64; 6],
}

/// Weights of the squared residuals of one structure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weights {
    /// Of the energy per atom.
    pub energy: f64,
    /// Of every force component.
    pub forces: f64,
    /// Of every stress component.
    pub stress: f64,
}

/// Sums over rows, in the caller's memory.
#[derive(Debug)]
pub struct NormalEquations<'a> {
    /// `XᵀWX`, row-major F × F; only the lower triangle is updated, see [`mirror_lower`](crate::symmetric::mirror_lower).
    pub gram: &'a mut [f64],
    /// `XᵀWy`, F.
    pub moment: &'a mut [f64],
    /// `yᵀWy`.
    pub yty: f64,
    /// Rows with non-zero weight.
    pub n_rows: u64,
}

/// Where the rows of the three properties go.
#[derive(Debug)]
pub enum Equations<'a> {
    /// Into one sum.
    Summed(NormalEquations<'a>),
    /// Into sums of their own: energies per atom, forces, stresses.
    ByProperty([NormalEquations<'a>; 3]),
}

impl<'a> Equations<'a> {
    /// The sums: one or three.
    pub fn groups(&mut self) -> &mut [NormalEquations<'a>] {
        match self {
            Self::Summed(sum) => std::slice::from_mut(sum),
            Self::ByProperty(sums) => sums,
        }
    }
}

/// Add samples to the equations. Call inside the pool that is to do the work.
///
/// `chosen` are the features of the equations (ascending); `None` stands for all. Rows that are held are not computed.
///
/// # Errors
/// The index of the first sample that cannot be evaluated, with the reason; the equations are then unusable.
pub fn accumulate(
    basis: &Basis,
    samples: &[Sample],
    equations: &mut Equations,
    chosen: Option<&[usize]>,
    held: Option<&HeldRows>,
) -> std::result::Result<(), (usize, crate::Error)> {
    let n_features = basis.n_features();
    let columns = chosen.map_or(n_features, <[usize]>::len);
    let groups = equations.groups();
    let last = groups.len() - 1;
    let mut block = Block::default();
    let mut start = 0;
    while start < samples.len() {
        let end = block_end(samples, start, n_features);
        block
            .fill(basis, &samples[start..end], held)
            .map_err(|(k, e)| (start + k, e))?;
        let some = chosen.map(|chosen| packed(&block.rows, n_features, chosen));
        let all_rows = some.as_deref().unwrap_or(&block.rows);
        // Of an alloy's features, structures of one of its metals have an eighth.
        let filled = (basis.n_species() > 1).then(|| filled_columns(all_rows, columns));
        for (group, equations) in groups.iter_mut().enumerate() {
            let (from, to) = (block.first_row(group), block.first_row(group + 1));
            let to = if group == last {
                block.first_row(3)
            } else {
                to
            };
            let rows = &all_rows[from * columns..to * columns];
            equations.add(rows, &block.targets[from..to], columns, filled.as_deref());
        }
        start = end;
    }
    for sample in samples {
        for (property, count) in sample.n_rows().into_iter().enumerate() {
            groups[property.min(last)].n_rows += count;
        }
    }
    Ok(())
}

/// Rows of one structure without weights: (1 + 3N + 6) × F, energy per structure first, then forces, then stress.
///
/// # Errors
/// As [`design_rows`].
pub fn unweighted_rows(basis: &Basis, structure: &Structure) -> Result<Vec<f64>> {
    Ok(Rows::of(basis, structure)?.rows)
}

/// Predictions of several coefficient vectors at once: rows × coefficients.
///
/// `coefficients` is row-major F × P; the result holds for each structure (1 + 3N + 6) × P values, energy per
/// structure (eV, relative to the reference) first, then forces, then stress; the repulsion is contained.
///
/// # Errors
/// The index of the first structure that cannot be evaluated, with the reason.
pub fn predict(
    basis: &Basis,
    structures: &[&Structure],
    coefficients: &[f64],
    held: Option<&HeldRows>,
) -> std::result::Result<Vec<Vec<f64>>, (usize, crate::Error)> {
    let columns = basis.n_features();
    let n_vectors = coefficients.len() / columns.max(1);
    let coefficients = MatRef::from_row_major_slice(coefficients, columns, n_vectors);
    let one = |structure: &&Structure| {
        let known = held_or_new(basis, structure, held)?;
        let n_rows = 7 + 3 * structure.n_atoms();
        let mut out = vec![0.0; n_rows * n_vectors];
        matmul(
            MatMut::from_row_major_slice_mut(&mut out, n_rows, n_vectors),
            Accum::Replace,
            MatRef::from_row_major_slice(&known.rows, n_rows, columns),
            coefficients,
            1.0,
            Par::Seq,
        );
        for (row, fixed) in out.chunks_mut(n_vectors.max(1)).zip(&known.repulsion) {
            for value in row {
                *value += fixed;
            }
        }
        Ok(out)
    };
    let results: Vec<Result<Vec<f64>>> = structures.par_iter().map(one).collect();
    results
        .into_iter()
        .enumerate()
        .map(|(k, r)| r.map_err(|e| (k, e)))
        .collect()
}

/// Samples from `start` whose rows fit one block; at least one.
fn block_end(samples: &[Sample], start: usize, columns: usize) -> usize {
    let most = BLOCK_ROWS.max(BLOCK_ENTRIES / columns.max(1));
    let mut rows = 0;
    for (k, sample) in samples.iter().enumerate().skip(start) {
        rows += 7 + 3 * sample.structure.n_atoms();
        if k > start && rows > most {
            return k;
        }
    }
    samples.len()
}

/// Weighted rows and targets of consecutive samples: all energies, then all forces, then all stresses.
#[derive(Debug, Default)]
struct Block {
    rows: Vec<f64>,
    targets: Vec<f64>,
    n_structures: usize,
    n_atoms: usize,
}

/// The rows and targets of one sample inside a block.
struct Slot<'a> {
    rows: RowsMut<'a>,
    energy_target: &'a mut f64,
    force_targets: &'a mut [f64],
    stress_targets: &'a mut [f64],
}

impl Block {
    /// First row of a property; the number of rows after the last one.
    fn first_row(&self, property: usize) -> usize {
        let counts = [self.n_structures, 3 * self.n_atoms, 6 * self.n_structures];
        counts[..property].iter().sum()
    }

    fn fill(
        &mut self,
        basis: &Basis,
        samples: &[Sample],
        held: Option<&HeldRows>,
    ) -> std::result::Result<(), (usize, crate::Error)> {
        let columns = basis.n_features();
        self.n_structures = samples.len();
        self.n_atoms = samples.iter().map(|s| s.structure.n_atoms()).sum();
        self.rows.resize(self.first_row(3) * columns, 0.0);
        self.targets.resize(self.first_row(3), 0.0);
        let mut slots = self.slots(samples, columns);
        let results: Vec<Result<()>> = slots
            .par_iter_mut()
            .zip(samples)
            .map_init(DesignScratch::default, |scratch, (slot, sample)| {
                slot.fill(basis, sample, scratch, held)
            })
            .collect();
        results
            .into_iter()
            .enumerate()
            .try_for_each(|(k, result)| result.map_err(|e| (k, e)))
    }

    /// Carve the buffers into disjoint parts, one per sample.
    fn slots(&mut self, samples: &[Sample], columns: usize) -> Vec<Slot<'_>> {
        let (forces, stresses) = (self.first_row(1), self.first_row(2));
        let (energies, rest) = self.rows.split_at_mut(forces * columns);
        let (mut forces_left, stress_rows) = rest.split_at_mut((stresses - forces) * columns);
        let (energy_targets, rest) = self.targets.split_at_mut(forces);
        let (mut force_targets, stress_targets) = rest.split_at_mut(stresses - forces);
        let energies = energies.chunks_mut(columns).zip(energy_targets);
        let stresses = stress_rows
            .chunks_mut(6 * columns)
            .zip(stress_targets.chunks_mut(6));
        let mut slots = Vec::with_capacity(samples.len());
        for ((sample, (energy, energy_target)), (stress, stress_targets)) in
            samples.iter().zip(energies).zip(stresses)
        {
            let n = 3 * sample.structure.n_atoms();
            let (own_rows, other_rows) = std::mem::take(&mut forces_left).split_at_mut(n * columns);
            let (own_targets, other_targets) = std::mem::take(&mut force_targets).split_at_mut(n);
            (forces_left, force_targets) = (other_rows, other_targets);
            let rows = RowsMut {
                energy,
                forces: own_rows,
                stress,
            };
            slots.push(Slot {
                rows,
                energy_target,
                force_targets: own_targets,
                stress_targets,
            });
        }
        slots
    }
}

impl Slot<'_> {
    fn fill(
        &mut self,
        basis: &Basis,
        sample: &Sample,
        scratch: &mut DesignScratch,
        held: Option<&HeldRows>,
    ) -> Result<()> {
        let structure = sample.structure;
        let known = held.and_then(|held| held.get(structure));
        if let Some(known) = &known {
            let (energy, rest) = known.rows.split_at(self.rows.energy.len());
            let (forces, stress) = rest.split_at(self.rows.forces.len());
            self.rows.energy.copy_from_slice(energy);
            self.rows.forces.copy_from_slice(forces);
            self.rows.stress.copy_from_slice(stress);
        } else {
            design_rows(basis, structure, &mut self.rows, scratch)?;
            if let Some(held) = held {
                let (rows, repulsion) = (&self.rows, scratch.repulsion());
                let parts = [&*rows.energy, &*rows.forces, &*rows.stress];
                let numbers = (1 + basis.n_features()) * repulsion.len();
                let copy = || {
                    Arc::new(Rows {
                        rows: parts.concat(),
                        repulsion: repulsion.to_vec(),
                    })
                };
                held.keep(structure, copy, numbers);
            }
        }
        let fixed = known
            .as_deref()
            .map_or(scratch.repulsion(), |known| &known.repulsion);
        self.weight(sample, fixed);
        Ok(())
    }

    /// Multiply the rows by the roots of the weights; the targets are what the repulsion, which is fixed, leaves of the
    /// labels.
    fn weight(&mut self, sample: &Sample, repulsion: &[f64]) {
        let (weights, targets) = (sample.weights, sample.targets);
        let n_atoms = sample.structure.n_atoms();
        let (energy, fixed) = repulsion.split_at(1);
        let (forces, stress) = fixed.split_at(3 * n_atoms);
        let energy_scale = weights.energy.sqrt();
        scale(self.rows.energy, energy_scale / n_atoms.max(1) as f64);
        scale(self.rows.forces, weights.forces.sqrt());
        scale(self.rows.stress, weights.stress.sqrt());
        *self.energy_target = weighted(
            targets.energy_per_atom - energy[0] / n_atoms.max(1) as f64,
            weights.energy,
        );
        for (k, target) in self.force_targets.iter_mut().enumerate() {
            *target = if weights.forces > 0.0 {
                weighted(targets.forces[k] - forces[k], weights.forces)
            } else {
                0.0
            };
        }
        for (target, (label, fixed)) in
            (self.stress_targets.iter_mut()).zip(targets.stress.iter().zip(stress))
        {
            *target = weighted(label - fixed, weights.stress);
        }
    }
}

/// Columns of row-major `x` that are not all zero, ascending.
fn filled_columns(x: &[f64], columns: usize) -> Vec<usize> {
    let one = |rows: &[f64]| {
        let mut filled = vec![false; columns];
        for row in rows.chunks_exact(columns.max(1)) {
            for (own, value) in filled.iter_mut().zip(row) {
                *own |= *value != 0.0;
            }
        }
        filled
    };
    let parts = x.par_chunks(ROWS_LOOKED_THROUGH * columns.max(1)).map(one);
    let filled = parts.reduce(
        || vec![false; columns],
        |a, b| a.iter().zip(&b).map(|(a, b)| a | b).collect(),
    );
    (0..columns).filter(|&k| filled[k]).collect()
}

/// `√w y`; zero for a label that is left out, which may be NaN.
fn weighted(label: f64, weight: f64) -> f64 {
    if weight > 0.0 {
        weight.sqrt() * label
    } else {
        0.0
    }
}

/// Multiply; a row that is left out becomes zero whatever it holds.
fn scale(row: &mut [f64], factor: f64) {
    if factor == 0.0 {
        row.fill(0.0);
        return;
    }
    for x in row {
        *x *= factor;
    }
}

impl NormalEquations<'_> {
    /// Add weighted rows `x` (rows × `columns`, row-major) with targets `y`; `filled` are the columns with other numbers
    /// than zero, if that is known.
    fn add(&mut self, x: &[f64], y: &[f64], columns: usize, filled: Option<&[usize]>) {
        match filled {
            Some(filled) if 4 * filled.len() < 3 * columns => {
                add_gram_of_columns(self.gram, columns, x, filled);
            }
            _ => add_gram(self.gram, columns, x),
        }
        let x = MatRef::from_row_major_slice(x, y.len(), columns);
        let y_column = MatRef::from_column_major_slice(y, y.len(), 1);
        let parts = self.moment.par_chunks_mut(MOMENTS).enumerate();
        parts.for_each(|(k, moment)| {
            let own = x.subcols(k * MOMENTS, moment.len()).transpose();
            let moment = MatMut::from_column_major_slice_mut(moment, own.nrows(), 1);
            matmul(moment, Accum::Add, own, y_column, 1.0, Par::Seq);
        });
        self.yty += y.iter().map(|v| v * v).sum::<f64>();
    }
}
