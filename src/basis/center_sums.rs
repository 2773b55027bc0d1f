//! Derivatives by the position of the centre and by the strain, summed over the neighbours.

#![expect(
    clippy::inline_always,
    reason = "only what is inlined into a dispatch is compiled for its instruction set"
)]

use super::environment_features::reset;
use pulp::{Simd, WithSimd};

/// Components of the strain derivative, xx yy zz yz xz xy.
pub const STRAIN: [(usize, usize); 6] = [(0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1)];

/// Quantities whose nine sums are kept in registers.
const TILE: usize = 8;

/// Derivatives by the centre and by the six strains of quantities that depend on the neighbours. Nothing changes when all
/// atoms move together, hence `∂I/∂r_i = −Σ_j ∂I/∂r_j`, and `∂I/∂ε_ab = Σ_j r_a ∂I/∂r_b`.
#[derive(Debug, Default)]
pub struct CenterSums {
    /// Rows x, y, z, then those of [`STRAIN`].
    pub rows: Vec<f64>,
}

impl CenterSums {
    /// Begin with zeros for `width` quantities.
    pub fn clear(&mut self, width: usize) {
        reset(&mut self.rows, 9 * width);
    }

    /// Add neighbours of the atom `center`: their gradients (3 × width each), displacements and `atoms`. An image of the
    /// centre moves with it: only a strain changes `r = S·H`.
    pub fn add(
        &mut self,
        gradients: &[f64],
        displacements: &[[f64; 3]],
        atoms: &[u32],
        center: usize,
    ) {
        pulp::Arch::new().dispatch(Add {
            width: self.rows.len() / 9,
            rows: &mut self.rows,
            gradients,
            displacements,
            atoms,
            center,
        });
    }
}

struct Add<'a> {
    width: usize,
    rows: &'a mut [f64],
    gradients: &'a [f64],
    displacements: &'a [[f64; 3]],
    atoms: &'a [u32],
    center: usize,
}

impl WithSimd for Add<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, _simd: S) {
        let mut start = 0;
        while start + TILE <= self.width {
            self.tile::<TILE>(start);
            start += TILE;
        }
        while start < self.width {
            self.tile::<1>(start);
            start += 1;
        }
    }
}

impl Add<'_> {
    /// Sums of the N quantities from `start` on.
    #[inline(always)]
    fn tile<const N: usize>(&mut self, start: usize) {
        let width = self.width;
        let mut sums = [[0.0; N]; 9];
        for (row, sum) in sums.iter_mut().enumerate() {
            sum.copy_from_slice(&self.rows[row * width + start..][..N]);
        }
        let neighbors = self.displacements.iter().zip(self.atoms);
        for ((r, atom), own) in neighbors.zip(self.gradients.chunks_exact(3 * width)) {
            let mut gradient = [[0.0; N]; 3];
            for (axis, gradient) in gradient.iter_mut().enumerate() {
                gradient.copy_from_slice(&own[axis * width + start..][..N]);
            }
            if *atom as usize != self.center {
                for axis in 0..3 {
                    for k in 0..N {
                        sums[axis][k] -= gradient[axis][k];
                    }
                }
            }
            for (row, (a, b)) in STRAIN.into_iter().enumerate() {
                for k in 0..N {
                    sums[3 + row][k] += r[a] * gradient[b][k];
                }
            }
        }
        for (row, sum) in sums.iter().enumerate() {
            self.rows[row * width + start..][..N].copy_from_slice(sum);
        }
    }
}
