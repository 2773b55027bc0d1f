//! The neighbourhood of one atom of a batch: neighbours in blocks of eight, species after species.
//!
//! Values of the radial functions lie in rows `[neighbour][column]`, their slopes in blocks `[block][column][neighbour]`,
//! as the harmonics do in `[block][row][neighbour]`: all products read contiguous vectors. On the way back, values are
//! transposed block by block: keeping them twice would cost more in the caches.

#![expect(
    clippy::inline_always,
    reason = "only what is inlined into a dispatch is compiled for its instruction set"
)]

use super::graph::ATOMS;
use super::harmonics::BLOCK;
use super::plan::{OuterPlan, SpeciesPlan};
use super::products::{Product, add_scalars};
use super::tabulate::tabulate;
use crate::transpose::{columns_of_rows, rows_of_columns};
use pulp::Simd;

/// The neighbourhood of one atom.
#[derive(Debug, Default)]
pub(super) struct Lane {
    /// Copies that are neighbours; the padding of a block refers to one past the last copy.
    pub(super) copies: Vec<u32>,
    /// Displacements (Å), then unit vectors.
    pub(super) displacements: [Vec<f64>; 3],
    pub(super) distances: Vec<f64>,
    pub(super) inverse_distances: Vec<f64>,
    /// Blocks of each species, and where their rows and harmonics begin.
    pub(super) parts: Vec<Part>,
    /// `[neighbour][column]`.
    pub(super) rows: Vec<f64>,
    /// `[block][column][neighbour]`.
    pub(super) slopes: Vec<f64>,
    /// `[block][row][neighbour]`.
    pub(super) harmonics: Vec<f64>,
    /// Sums over the neighbours.
    pub(super) sums: Vec<f64>,
    /// `∂E/∂r_ij`, eV/Å.
    pub(super) gradients: [Vec<f64>; 3],
    /// Sums over the neighbours outside the angular cutoff.
    outer_sums: Vec<f64>,
    /// Neighbours put aside: copy, displacement and squared distance.
    aside: Vec<(u32, [f64; 4])>,
}

/// The neighbours of one species: those inside the angular cutoff come first.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Part {
    pub(super) first_block: usize,
    /// Where the blocks end that have a neighbour inside the angular cutoff.
    pub(super) outer_block: usize,
    pub(super) end_block: usize,
    pub(super) rows: usize,
    pub(super) outer_rows: usize,
    pub(super) harmonics: usize,
    /// Distance of the nearest neighbour, Å; infinite without one.
    pub(super) nearest: f64,
}

/// How much of the rows and harmonics of a lane is taken.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Used {
    rows: usize,
    harmonics: usize,
}

impl Lane {
    #[inline(always)]
    fn reserve(&mut self, capacity: usize) {
        if self.copies.len() < capacity {
            self.copies.resize(capacity, 0);
            self.distances.resize(capacity, 0.0);
            for axis in &mut self.displacements {
                axis.resize(capacity, 0.0);
            }
        }
    }

    #[inline(always)]
    pub(super) fn truncate(&mut self, n: usize) {
        self.copies.truncate(n);
        self.distances.truncate(n);
        for axis in &mut self.displacements {
            axis.truncate(n);
        }
    }

    /// Write the neighbours of `center` in a row closer than the root of `cutoff2`, from place `first` on; gives where
    /// they end and the smallest squared distance of the row. Distances are squared, displacements not normalised.
    #[inline(always)]
    pub(super) fn list(
        &mut self,
        row: &[u32],
        positions: &[[f64; 3]],
        center: usize,
        first: usize,
        cutoff2: f64,
    ) -> (usize, f64) {
        let capacity = first + row.len() + BLOCK;
        self.reserve(capacity);
        let Self {
            copies,
            displacements: [x, y, z],
            distances,
            ..
        } = self;
        let (copies, distances) = (&mut copies[..capacity], &mut distances[..capacity]);
        let (x, y, z) = (&mut x[..capacity], &mut y[..capacity], &mut z[..capacity]);
        let center = positions[center];
        let (mut n, mut closest) = (first, f64::INFINITY);
        // Each neighbour is written; the place moves on only if it is near.
        for &copy in row {
            let to = positions[copy as usize];
            let r: [f64; 3] = std::array::from_fn(|k| to[k] - center[k]);
            let squared = r[0] * r[0] + r[1] * r[1] + r[2] * r[2];
            (x[n], y[n], z[n]) = (r[0], r[1], r[2]);
            copies[n] = copy;
            distances[n] = squared;
            closest = closest.min(squared);
            n += usize::from(squared < cutoff2);
        }
        (n, closest)
    }

    /// Fill the last block with neighbours at `distance` that are copy `nobody`; gives where it ends.
    #[inline(always)]
    pub(super) fn pad(&mut self, mut n: usize, distance: f64, nobody: u32) -> usize {
        let [x, y, z] = &mut self.displacements;
        while !n.is_multiple_of(BLOCK) {
            (x[n], y[n], z[n]) = (distance, 0.0, 0.0);
            self.copies[n] = nobody;
            self.distances[n] = distance * distance;
            n += 1;
        }
        n
    }

    /// Put those of the neighbours that are closer than the root of `radius2` first, the order else unchanged; gives how
    /// many they are. Distances are still squared.
    #[inline(always)]
    pub(super) fn inner_first(&mut self, neighbors: std::ops::Range<usize>, radius2: f64) -> usize {
        let Self {
            copies,
            displacements: [x, y, z],
            distances,
            aside,
            ..
        } = self;
        let n = neighbors.len();
        let (copies, distances) = (
            &mut copies[neighbors.clone()],
            &mut distances[neighbors.clone()],
        );
        let (x, y) = (&mut x[neighbors.clone()], &mut y[neighbors.clone()]);
        let z = &mut z[neighbors];
        if aside.len() < n {
            aside.resize(n, (0, [0.0; 4]));
        }
        let aside = &mut aside[..n];
        // Each is written to both places; only one of them moves on.
        let (mut inner, mut outer) = (0, 0);
        for j in 0..n {
            let (copy, squared) = (copies[j], distances[j]);
            let own = [x[j], y[j], z[j], squared];
            aside[outer] = (copy, own);
            copies[inner] = copy;
            [x[inner], y[inner], z[inner], distances[inner]] = own;
            let is_inner = usize::from(squared < radius2);
            inner += is_inner;
            outer += 1 - is_inner;
        }
        for (j, (copy, own)) in (inner..n).zip(&*aside) {
            copies[j] = *copy;
            [x[j], y[j], z[j], distances[j]] = *own;
        }
        inner
    }

    /// Distances from their squares, and unit vectors from displacements.
    #[inline(always)]
    pub(super) fn normalize<S: Simd>(&mut self, simd: S) {
        let n = self.distances.len();
        resize(&mut self.inverse_distances, n);
        let one = simd.splat_f64s(1.0);
        let (distances, _) = S::as_mut_simd_f64s(&mut self.distances);
        let (inverses, _) = S::as_mut_simd_f64s(&mut self.inverse_distances);
        let [x, y, z] = &mut self.displacements;
        let axes = S::as_mut_simd_f64s(x).0.iter_mut();
        let axes = axes.zip(
            S::as_mut_simd_f64s(y)
                .0
                .iter_mut()
                .zip(S::as_mut_simd_f64s(z).0),
        );
        for ((r, inverse), (x, (y, z))) in distances.iter_mut().zip(inverses).zip(axes) {
            *r = simd.sqrt_f64s(*r);
            *inverse = simd.div_f64s(one, *r);
            *x = simd.mul_f64s(*x, *inverse);
            *y = simd.mul_f64s(*y, *inverse);
            *z = simd.mul_f64s(*z, *inverse);
        }
    }

    /// Unit vectors to some neighbours of a block.
    #[inline(always)]
    pub(super) fn unit<S: Simd>(&self, block: usize, sub: usize) -> [S::f64s; 3] {
        let at = block * (BLOCK / S::F64_LANES) + sub;
        let [x, y, z] = &self.displacements;
        [
            S::as_simd_f64s(x).0[at],
            S::as_simd_f64s(y).0[at],
            S::as_simd_f64s(z).0[at],
        ]
    }

    /// Radial functions and harmonics of the neighbours of species `s`, and their sums.
    #[inline(always)]
    pub(super) fn add_sums<S: Simd>(
        &mut self,
        simd: S,
        plan: &SpeciesPlan,
        s: usize,
        used: &mut Used,
    ) {
        let part = self.lay_out(plan, s, used);
        let rows = part.rows..part.outer_rows;
        let stride = plan.table.stride();
        tabulate(
            simd,
            &plan.table,
            plan.is_angular(),
            &self.distances[part.first_block * BLOCK..part.outer_block * BLOCK],
            &mut self.rows[rows.clone()],
            &mut self.slopes[rows.clone()],
        );
        if plan.is_angular() {
            self.evaluate_harmonics(simd, plan, part);
        }
        let scalars = plan.scalar_start..plan.scalar_start + plan.n_scalar.next_multiple_of(BLOCK);
        add_scalars(
            simd,
            &self.rows[rows.clone()],
            stride,
            &mut self.sums[scalars],
        );
        if let Some(outer) = &plan.outer {
            self.add_outer_sums(simd, outer, plan.scalar_start, part, used.rows);
        }
        let values = &self.rows[rows];
        let harmonics = &self.harmonics[part.harmonics..used.harmonics];
        for segment in &plan.segments {
            let len = (segment.end_row - segment.first_row) * segment.width;
            let out = &mut self.sums[segment.start..][..len];
            let product = Product {
                values,
                stride,
                harmonics,
                n_rows: plan.recursion.n_rows(),
                segment,
            };
            product.sum(simd, out);
        }
    }

    /// Places of the rows and harmonics of species `s`.
    #[inline(always)]
    fn lay_out(&mut self, plan: &SpeciesPlan, s: usize, used: &mut Used) -> Part {
        let part = &mut self.parts[s];
        let n_blocks = part.outer_block - part.first_block;
        (part.rows, part.harmonics) = (used.rows, used.harmonics);
        part.outer_rows = part.rows + n_blocks * BLOCK * plan.table.stride();
        used.rows = part.outer_rows;
        if let Some(outer) = &plan.outer {
            used.rows += (part.end_block - part.outer_block) * BLOCK * outer.stride();
        }
        used.harmonics += n_blocks * plan.recursion.n_rows() * BLOCK;
        let part = *part;
        grow(&mut self.rows, used.rows);
        grow(&mut self.slopes, used.rows);
        grow(&mut self.harmonics, used.harmonics);
        part
    }

    /// Harmonics of the neighbours inside the angular cutoff.
    #[inline(always)]
    fn evaluate_harmonics<S: Simd>(&mut self, simd: S, plan: &SpeciesPlan, part: Part) {
        let (n_rows, per_row) = (plan.recursion.n_rows(), BLOCK / S::F64_LANES);
        for block in 0..part.outer_block - part.first_block {
            for sub in 0..per_row {
                let unit = self.unit::<S>(part.first_block + block, sub);
                let at = part.harmonics + block * n_rows * BLOCK;
                let out = &mut self.harmonics[at..][..n_rows * BLOCK];
                let (out, _) = S::as_mut_simd_f64s(out);
                plan.recursion.evaluate(simd, unit, out, per_row, sub);
            }
        }
    }

    /// Sums over the neighbours outside the angular cutoff, whose rows end at `end`.
    #[inline(always)]
    fn add_outer_sums<S: Simd>(
        &mut self,
        simd: S,
        outer: &OuterPlan,
        scalar_start: usize,
        part: Part,
        end: usize,
    ) {
        let Some(table) = &outer.table else {
            return;
        };
        let rows = part.outer_rows..end;
        self.outer_sums.clear();
        self.outer_sums.resize(table.stride(), 0.0);
        tabulate(
            simd,
            table,
            false,
            &self.distances[part.outer_block * BLOCK..part.end_block * BLOCK],
            &mut self.rows[rows.clone()],
            &mut self.slopes[rows.clone()],
        );
        add_scalars(simd, &self.rows[rows], table.stride(), &mut self.outer_sums);
        for (c, sum) in outer.columns.iter().zip(&self.outer_sums) {
            self.sums[scalar_start + c] += sum;
        }
    }
}

/// The sums of all lanes, `[sum][ATOMS]`.
#[inline(always)]
pub(super) fn interleave<S: Simd>(simd: S, lanes: &[Lane], n_sums: usize, out: &mut [f64]) {
    let (out, _) = S::as_mut_simd_f64s(&mut out[..n_sums * ATOMS]);
    let (blocks, _) = out.as_chunks_mut::<ATOMS>();
    for (v, block) in blocks.iter_mut().enumerate() {
        let mut rows = [simd.splat_f64s(0.0); ATOMS];
        for k in 0..ATOMS {
            rows[k] = S::as_simd_f64s(&lanes[k].sums).0[v];
        }
        *block = columns_of_rows(simd, rows);
    }
}

/// The adjoints of the sums of all lanes, from `[sum][ATOMS]` to where the sums of each were.
#[inline(always)]
pub(super) fn deinterleave<S: Simd>(simd: S, adjoints: &[f64], n_sums: usize, lanes: &mut [Lane]) {
    let (adjoints, _) = S::as_simd_f64s(&adjoints[..n_sums * ATOMS]);
    let (blocks, _) = adjoints.as_chunks::<ATOMS>();
    for (v, block) in blocks.iter().enumerate() {
        let rows = rows_of_columns(simd, *block);
        for k in 0..ATOMS {
            S::as_mut_simd_f64s(&mut lanes[k].sums).0[v] = rows[k];
        }
    }
}

/// A buffer of this length whose old contents do not matter.
#[inline(always)]
pub(super) fn resize(buffer: &mut Vec<f64>, len: usize) {
    if buffer.len() != len {
        buffer.resize(len, 0.0);
    }
}

/// A buffer of at least this length whose old contents do not matter.
#[inline(always)]
fn grow(buffer: &mut Vec<f64>, len: usize) {
    if buffer.len() < len {
        buffer.resize(len, 0.0);
    }
}
