//! The three products between radial functions, harmonics and sums, which keep their results in registers.

#![expect(
    clippy::inline_always,
    reason = "only what is inlined into a dispatch is compiled for its instruction set"
)]

use super::harmonics::BLOCK;
use super::plan::{Segment, SpeciesPlan};
use pulp::Simd;

/// Rows whose sums are kept in registers together.
const TILE: usize = 8;

/// The adjoints of the sums over one species, and what they make of a block of neighbours.
pub(super) struct Adjoints<'a> {
    pub(super) plan: &'a SpeciesPlan,
    /// Those with l = 0, padded.
    pub(super) scalars: &'a [f64],
    /// The others, `[column][row]` in each segment.
    pub(super) transposed: &'a [f64],
    /// Values of the radial functions of the block, `[column][neighbour]`.
    pub(super) values: &'a mut [f64],
    /// `∂E/∂Y_lm`, `[row][neighbour]`; rows that no segment has stay zero.
    pub(super) by_harmonics: &'a mut [f64],
    /// `∂E/∂f_c`, `[column][neighbour]`.
    pub(super) by_columns: &'a mut [f64],
}

impl Adjoints<'_> {
    /// `∂E/∂f_c = Σ_lm ∂E/∂a_lmc Y_lm` and `∂E/∂Y_lm = Σ_c ∂E/∂a_lmc f_c` of the neighbours of a block.
    #[inline(always)]
    pub(super) fn multiply<S: Simd>(&mut self, simd: S, harmonics: &[f64]) {
        let plan = self.plan;
        // What l = 0 contributes is the same for all neighbours.
        let (t, _) = S::as_mut_simd_f64s(self.by_columns);
        let per_row = BLOCK / S::F64_LANES;
        for c in 0..plan.table.n_columns() {
            let adjoint = if c < plan.n_scalar {
                self.scalars[c]
            } else {
                0.0
            };
            t[c * per_row..(c + 1) * per_row].fill(simd.splat_f64s(adjoint));
        }
        for segment in &plan.segments {
            let n_rows = segment.end_row - segment.first_row;
            let rows = segment.first_row * BLOCK..segment.end_row * BLOCK;
            let columns = segment.column * BLOCK..(segment.column + segment.n_columns) * BLOCK;
            let mut product = TwoProducts::<S> {
                simd,
                adjoints: &self.transposed[segment.start..][..n_rows * segment.n_columns],
                n_rows,
                n_columns: segment.n_columns,
                adds: !segment.is_first,
                y: S::as_simd_f64s(&harmonics[rows.clone()]).0,
                f: S::as_simd_f64s(&self.values[columns.clone()]).0,
                h: S::as_mut_simd_f64s(&mut self.by_harmonics[rows]).0,
                t: S::as_mut_simd_f64s(&mut self.by_columns[columns]).0,
            };
            for sub in 0..BLOCK / S::F64_LANES {
                let mut row = 0;
                if S::F64_LANES == BLOCK {
                    while n_rows - row >= TILE {
                        product.tile::<TILE>(row, sub);
                        row += TILE;
                    }
                }
                while n_rows - row >= 4 {
                    product.tile::<4>(row, sub);
                    row += 4;
                }
                while row < n_rows {
                    product.tile::<1>(row, sub);
                    row += 1;
                }
            }
        }
    }
}

/// `T_c += Σ_r g_rc Y_r` and `H_r (+)= Σ_c g_rc f_c`, which share every broadcast of g.
struct TwoProducts<'a, S: Simd> {
    simd: S,
    /// `[column][row]`.
    adjoints: &'a [f64],
    n_rows: usize,
    n_columns: usize,
    /// Whether H has something already.
    adds: bool,
    y: &'a [S::f64s],
    f: &'a [S::f64s],
    h: &'a mut [S::f64s],
    t: &'a mut [S::f64s],
}

impl<S: Simd> TwoProducts<'_, S> {
    #[inline(always)]
    fn tile<const N: usize>(&mut self, row: usize, sub: usize) {
        let simd = self.simd;
        let per_row = BLOCK / S::F64_LANES;
        let (mut y, mut h) = ([simd.splat_f64s(0.0); N], [simd.splat_f64s(0.0); N]);
        for k in 0..N {
            y[k] = self.y[(row + k) * per_row + sub];
            if self.adds {
                h[k] = self.h[(row + k) * per_row + sub];
            }
        }
        let n = self.n_columns * per_row;
        let (f, t) = (&self.f[..n], &mut self.t[..n]);
        let mut first = row;
        let mut c = sub;
        while c < n {
            let adjoints = &self.adjoints[first..first + N];
            let f = f[c];
            let mut sums = [t[c], simd.splat_f64s(0.0)];
            for k in 0..N {
                let adjoint = simd.splat_f64s(adjoints[k]);
                sums[k % 2] = simd.mul_add_e_f64s(adjoint, y[k], sums[k % 2]);
                h[k] = simd.mul_add_e_f64s(adjoint, f, h[k]);
            }
            t[c] = simd.add_f64s(sums[0], sums[1]);
            first += self.n_rows;
            c += per_row;
        }
        for k in 0..N {
            self.h[(row + k) * per_row + sub] = h[k];
        }
    }
}

/// `a_{lm,c} += Σ_j Y_lm(j) f_c(j)`.
pub(super) struct Product<'a> {
    pub(super) values: &'a [f64],
    pub(super) stride: usize,
    pub(super) harmonics: &'a [f64],
    pub(super) n_rows: usize,
    pub(super) segment: &'a Segment,
}

impl Product<'_> {
    #[inline(always)]
    pub(super) fn sum<S: Simd>(&self, simd: S, out: &mut [f64]) {
        let segment = self.segment;
        let n_rows = segment.end_row - segment.first_row;
        let per_sum = segment.width / S::F64_LANES;
        let (out, _) = S::as_mut_simd_f64s(out);
        for v in 0..segment.n_columns.div_ceil(S::F64_LANES) {
            let mut row = 0;
            while n_rows - row >= TILE {
                self.tile::<S, TILE>(simd, out, per_sum, row, v);
                row += TILE;
            }
            if n_rows - row >= 4 {
                self.tile::<S, 4>(simd, out, per_sum, row, v);
                row += 4;
            }
            while row < n_rows {
                self.tile::<S, 1>(simd, out, per_sum, row, v);
                row += 1;
            }
        }
    }

    #[inline(always)]
    fn tile<S: Simd, const N: usize>(
        &self,
        simd: S,
        out: &mut [S::f64s],
        per_sum: usize,
        row: usize,
        v: usize,
    ) {
        let (values, _) = S::as_simd_f64s(self.values);
        let per_neighbor = self.stride / S::F64_LANES;
        let mut sums = [simd.splat_f64s(0.0); N];
        let mut at = self.segment.column / S::F64_LANES + v;
        let mut first = (self.segment.first_row + row) * BLOCK;
        while first < self.harmonics.len() {
            let rows = &self.harmonics[first..first + N * BLOCK];
            for j in 0..BLOCK {
                let f = values[at];
                for k in 0..N {
                    let y = simd.splat_f64s(rows[k * BLOCK + j]);
                    sums[k] = simd.mul_add_e_f64s(y, f, sums[k]);
                }
                at += per_neighbor;
            }
            first += self.n_rows * BLOCK;
        }
        for (k, sum) in sums.into_iter().enumerate() {
            let out = &mut out[(row + k) * per_sum + v];
            *out = simd.add_f64s(*out, sum);
        }
    }
}

/// Add the rows of radial functions up.
#[inline(always)]
pub(super) fn add_scalars<S: Simd>(simd: S, values: &[f64], stride: usize, out: &mut [f64]) {
    if stride == 1 {
        let mut sums = [0.0; BLOCK];
        for block in values.as_chunks::<BLOCK>().0 {
            for k in 0..BLOCK {
                sums[k] += block[k];
            }
        }
        out[0] += sums.iter().sum::<f64>();
        return;
    }
    let (values, _) = S::as_simd_f64s(values);
    let (out, _) = S::as_mut_simd_f64s(out);
    let per_row = stride / S::F64_LANES;
    for (v, out) in out.iter_mut().enumerate() {
        let (mut even, mut odd) = (simd.splat_f64s(0.0), simd.splat_f64s(0.0));
        for pair in values.chunks_exact(2 * per_row) {
            even = simd.add_f64s(even, pair[v]);
            odd = simd.add_f64s(odd, pair[per_row + v]);
        }
        *out = simd.add_f64s(*out, simd.add_f64s(even, odd));
    }
}
