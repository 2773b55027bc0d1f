//! The way back through the neighbourhood of one atom: `∂E/∂r_ij` of each neighbour, forces and virial.

#![expect(
    clippy::inline_always,
    reason = "only what is inlined into a dispatch is compiled for its instruction set"
)]

use super::harmonics::BLOCK;
use super::lane::{Lane, Part};
use super::products::Adjoints;
use crate::transpose::transpose;
use pulp::Simd;

impl Lane {
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
        transpose(simd, rows, stride, plan.n_transposed, adjoints.values);
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
    pub(super) fn scalar_gradient<S: Simd>(
        &mut self,
        simd: S,
        scalars: &[f64],
        rows: usize,
        stride: usize,
        block: usize,
    ) {
        let slopes = &self.slopes[rows..][..BLOCK * stride];
        let mut radial = [0.0; BLOCK];
        if stride == 1 {
            for (out, slope) in radial.iter_mut().zip(slopes) {
                *out = scalars[0] * slope;
            }
        } else if stride > 0 {
            let (scalars, _) = S::as_simd_f64s(scalars);
            for (out, slopes) in radial.iter_mut().zip(slopes.chunks_exact(stride)) {
                let (slopes, _) = S::as_simd_f64s(slopes);
                let mut sum = simd.splat_f64s(0.0);
                for k in 0..scalars.len().min(slopes.len()) {
                    sum = simd.mul_add_e_f64s(scalars[k], slopes[k], sum);
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

    /// Add the forces on the atom and its neighbours.
    #[inline(always)]
    pub(super) fn add_forces(&self, atom: usize, forces: &mut [[f64; 3]]) {
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
    }

    /// Add to each neighbour `−r_ij ⊗ ∂E/∂r_ij`, rows of the matrix one after the other, eV.
    pub(super) fn add_centroid_virials(&self, virials: &mut [[f64; 9]]) {
        let ([x, y, z], [gx, gy, gz]) = (&self.displacements, &self.gradients);
        for (j, copy) in self.copies.iter().enumerate() {
            // The padding belongs to nobody.
            let Some(virial) = virials.get_mut(*copy as usize) else {
                continue;
            };
            let (r, g) = ([x[j], y[j], z[j]], [gx[j], gy[j], gz[j]]);
            for a in 0..3 {
                for b in 0..3 {
                    virial[3 * a + b] -= self.distances[j] * r[a] * g[b];
                }
            }
        }
    }

    /// `−Σ_j r_ij ⊗ ∂E/∂r_ij`, xx yy zz yz xz xy, eV.
    #[inline(always)]
    pub(super) fn virial<S: Simd>(&self, simd: S) -> [f64; 6] {
        let [gx, gy, gz] = &self.gradients;
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
