//! The neighbourhood of one atom of a batch: neighbours in blocks of eight, species after species.
//!
//! Values of the radial functions lie in rows `[neighbour][column]`, their slopes in blocks `[block][column][neighbour]`,
//! as the harmonics do in `[block][row][neighbour]`: all products read contiguous vectors. On the way back, values are
//! turned over block by block: keeping them twice would cost more in the caches.

#![expect(
    clippy::inline_always,
    reason = "only what is inlined into a dispatch is compiled for its instruction set"
)]

use super::graph::ATOMS;
use super::harmonics::BLOCK;
use super::plan::SpeciesPlan;
use super::products::{Adjoints, Product, add_plain};
use super::tabulate::{tabulate, turn};
use super::turn::{columns_of_rows, rows_of_columns};
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
    /// Sums over the neighbours beyond the reach of the harmonics.
    far_sums: Vec<f64>,
    /// Neighbours put aside: copy, displacement and squared distance.
    aside: Vec<(u32, [f64; 4])>,
}

/// The neighbours of one species: those within reach of the harmonics come first.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Part {
    pub(super) first_block: usize,
    /// Where the blocks end that have a neighbour within reach of the harmonics.
    pub(super) far_block: usize,
    pub(super) end_block: usize,
    pub(super) rows: usize,
    pub(super) far_rows: usize,
    pub(super) harmonics: usize,
}

/// How much of the rows and harmonics of a lane is taken.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Used {
    rows: usize,
    harmonics: usize,
}

impl Lane {
    #[inline(always)]
    pub(super) fn reserve(&mut self, capacity: usize) {
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

    /// Put those of the neighbours that are closer than the root of `near2` first, the order else unchanged; gives how
    /// many they are. Distances are still squared.
    #[inline(always)]
    pub(super) fn near_first(&mut self, neighbors: std::ops::Range<usize>, near2: f64) -> usize {
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
        let (mut near, mut far) = (0, 0);
        for j in 0..n {
            let (copy, squared) = (copies[j], distances[j]);
            let own = [x[j], y[j], z[j], squared];
            aside[far] = (copy, own);
            copies[near] = copy;
            [x[near], y[near], z[near], distances[near]] = own;
            let is_near = usize::from(squared < near2);
            near += is_near;
            far += 1 - is_near;
        }
        for (j, (copy, own)) in (near..n).zip(&*aside) {
            copies[j] = *copy;
            [x[j], y[j], z[j], distances[j]] = *own;
        }
        near
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

    #[inline(always)]
    fn unit<S: Simd>(&self, block: usize, sub: usize) -> [S::f64s; 3] {
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
        let (stride, n_rows) = (plan.table.stride(), plan.recursion.n_rows());
        let part = &mut self.parts[s];
        let n_blocks = part.far_block - part.first_block;
        let neighbors = part.first_block * BLOCK..part.far_block * BLOCK;
        (part.rows, part.harmonics) = (used.rows, used.harmonics);
        part.far_rows = part.rows + n_blocks * BLOCK * stride;
        let part = *part;
        used.rows = part.far_rows;
        if let Some(beyond) = &plan.beyond {
            used.rows += (part.end_block - part.far_block) * BLOCK * beyond.stride();
        }
        used.harmonics += n_blocks * n_rows * BLOCK;
        let (rows, harmonics) = (part.rows..part.far_rows, part.harmonics..used.harmonics);
        grow(&mut self.rows, used.rows);
        grow(&mut self.slopes, used.rows);
        grow(&mut self.harmonics, used.harmonics);
        tabulate(
            simd,
            &plan.table,
            plan.is_angular(),
            &self.distances[neighbors],
            &mut self.rows[rows.clone()],
            &mut self.slopes[rows.clone()],
        );
        let per_row = BLOCK / S::F64_LANES;
        if plan.is_angular() {
            for block in 0..n_blocks {
                for sub in 0..per_row {
                    let unit = self.unit::<S>(part.first_block + block, sub);
                    let at = part.harmonics + block * n_rows * BLOCK;
                    let out = &mut self.harmonics[at..][..n_rows * BLOCK];
                    let (out, _) = S::as_mut_simd_f64s(out);
                    plan.recursion.evaluate(simd, unit, out, per_row, sub);
                }
            }
        }
        let values = &self.rows[rows.clone()];
        let plain = &mut self.sums[plan.plain_start..][..plan.n_plain.next_multiple_of(BLOCK)];
        add_plain(simd, values, stride, plain);
        let beyond = plan.beyond.as_ref();
        if let Some((beyond, table)) = beyond.and_then(|b| Some((b, b.table.as_ref()?))) {
            let far = part.far_rows..used.rows;
            self.far_sums.clear();
            self.far_sums.resize(table.stride(), 0.0);
            tabulate(
                simd,
                table,
                false,
                &self.distances[part.far_block * BLOCK..part.end_block * BLOCK],
                &mut self.rows[far.clone()],
                &mut self.slopes[far.clone()],
            );
            add_plain(simd, &self.rows[far], table.stride(), &mut self.far_sums);
            for (c, sum) in beyond.columns.iter().zip(&self.far_sums) {
                self.sums[plan.plain_start + c] += sum;
            }
        }
        let values = &self.rows[rows];
        let harmonics = &self.harmonics[harmonics];
        for segment in &plan.segments {
            let len = (segment.end_row - segment.first_row) * segment.width;
            let out = &mut self.sums[segment.start..][..len];
            let product = Product {
                values,
                stride,
                harmonics,
                n_rows,
                segment,
            };
            product.sum(simd, out);
        }
    }

    /// `∂E/∂r_ij = (Σ_c ∂E/∂f_c f_c') r̂ + Σ_lm ∂E/∂Y_lm ∇Y_lm` of the neighbours of one block.
    #[inline(always)]
    pub(super) fn block_gradient<S: Simd>(
        &mut self,
        simd: S,
        adjoints: &mut Adjoints,
        part: Part,
        block: usize,
    ) {
        let plan = adjoints.plan;
        let (stride, n_rows) = (plan.table.stride(), plan.recursion.n_rows());
        let own = block - part.first_block;
        let columns = part.rows + own * BLOCK * stride;
        let rows = &self.rows[columns..][..BLOCK * stride];
        turn(simd, rows, stride, plan.n_turned, adjoints.values);
        let at = part.harmonics + own * n_rows * BLOCK;
        let harmonics = &self.harmonics[at..][..n_rows * BLOCK];
        adjoints.multiply(simd, harmonics);
        let per_row = BLOCK / S::F64_LANES;
        let (slopes, _) = S::as_simd_f64s(&self.slopes[columns..][..BLOCK * stride]);
        let (t, _) = S::as_simd_f64s(adjoints.by_columns);
        let slopes = &slopes[..t.len()];
        let (h, _) = S::as_simd_f64s(adjoints.by_harmonics);
        for sub in 0..per_row {
            let mut sums = [simd.splat_f64s(0.0); 2];
            for c in 0..plan.table.n_columns() {
                let at = c * per_row + sub;
                sums[c % 2] = simd.mul_add_e_f64s(t[at], slopes[at], sums[c % 2]);
            }
            let radial = simd.add_f64s(sums[0], sums[1]);
            let unit = self.unit::<S>(block, sub);
            let place = block * per_row + sub;
            let g = plan.recursion.gradient(simd, unit, h, per_row, sub);
            let inverse = S::as_simd_f64s(&self.inverse_distances).0[place];
            let mut along = simd.mul_f64s(g[0], unit[0]);
            along = simd.mul_add_e_f64s(g[1], unit[1], along);
            along = simd.mul_add_e_f64s(g[2], unit[2], along);
            // (g − (g·r̂) r̂) / r + radial r̂
            let onto = simd.sub_f64s(radial, simd.mul_f64s(along, inverse));
            for axis in 0..3 {
                let tangent = simd.mul_f64s(g[axis], inverse);
                S::as_mut_simd_f64s(&mut self.gradients[axis]).0[place] =
                    simd.mul_add_e_f64s(onto, unit[axis], tangent);
            }
        }
    }

    /// `∂E/∂r_ij = (Σ_c ∂E/∂f_c f_c') r̂` of the neighbours of one block, where no sum has a harmonic, from the adjoints of
    /// the sums and from slopes that begin at `rows`.
    #[inline(always)]
    pub(super) fn plain_gradient<S: Simd>(
        &mut self,
        simd: S,
        plain: &[f64],
        rows: usize,
        stride: usize,
        block: usize,
    ) {
        let slopes = &self.slopes[rows..][..BLOCK * stride];
        let mut radial = [0.0; BLOCK];
        if stride == 1 {
            for (out, slope) in radial.iter_mut().zip(slopes) {
                *out = plain[0] * slope;
            }
        } else if stride > 0 {
            let (plain, _) = S::as_simd_f64s(plain);
            for (out, slopes) in radial.iter_mut().zip(slopes.chunks_exact(stride)) {
                let (slopes, _) = S::as_simd_f64s(slopes);
                let mut sum = simd.splat_f64s(0.0);
                for k in 0..plain.len().min(slopes.len()) {
                    sum = simd.mul_add_e_f64s(plain[k], slopes[k], sum);
                }
                *out = simd.reduce_sum_f64s(sum);
            }
        }
        let place = block * BLOCK..(block + 1) * BLOCK;
        for axis in 0..3 {
            let unit = &self.displacements[axis][place.clone()];
            let out = &mut self.gradients[axis][place.clone()];
            for k in 0..BLOCK {
                out[k] = unit[k] * radial[k];
            }
        }
    }

    /// Give the forces to the atom and its neighbours; gives the virial, eV.
    #[inline(always)]
    pub(super) fn scatter<S: Simd>(
        &self,
        simd: S,
        atom: usize,
        forces: &mut [[f64; 3]],
    ) -> [f64; 6] {
        let [gx, gy, gz] = &self.gradients;
        let mut own = [0.0; 3];
        let gradients = gx.iter().zip(gy.iter().zip(gz));
        for (copy, (gx, (gy, gz))) in self.copies.iter().zip(gradients) {
            let g = [*gx, *gy, *gz];
            // The padding belongs to nobody.
            if let Some(force) = forces.get_mut(*copy as usize) {
                for axis in 0..3 {
                    force[axis] -= g[axis];
                    own[axis] += g[axis];
                }
            }
        }
        for axis in 0..3 {
            forces[atom][axis] += own[axis];
        }
        let zero = simd.splat_f64s(0.0);
        let mut sums = [zero; 6];
        let r = S::as_simd_f64s(&self.distances).0;
        let (x, y, z) = (
            S::as_simd_f64s(&self.displacements[0]).0,
            S::as_simd_f64s(&self.displacements[1]).0,
            S::as_simd_f64s(&self.displacements[2]).0,
        );
        let (gx, gy, gz) = (
            S::as_simd_f64s(gx).0,
            S::as_simd_f64s(gy).0,
            S::as_simd_f64s(gz).0,
        );
        for (j, r) in r.iter().enumerate() {
            let (x, y, z) = (
                simd.mul_f64s(x[j], *r),
                simd.mul_f64s(y[j], *r),
                simd.mul_f64s(z[j], *r),
            );
            sums[0] = simd.mul_add_e_f64s(x, gx[j], sums[0]);
            sums[1] = simd.mul_add_e_f64s(y, gy[j], sums[1]);
            sums[2] = simd.mul_add_e_f64s(z, gz[j], sums[2]);
            sums[3] = simd.mul_add_e_f64s(y, gz[j], sums[3]);
            sums[4] = simd.mul_add_e_f64s(x, gz[j], sums[4]);
            sums[5] = simd.mul_add_e_f64s(x, gy[j], sums[5]);
        }
        let mut virial = [0.0; 6];
        for (out, sum) in virial.iter_mut().zip(sums) {
            *out = -simd.reduce_sum_f64s(sum);
        }
        virial
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
