//! Real spherical harmonics of several neighbours at once, and the way back from derivatives by them to directions.
//!
//! The recursions of [`crate::basis::harmonics`], normalised, with one vector lane per neighbour. Nothing but the values
//! is kept: the way back runs through the same recursion again.

#![expect(
    clippy::inline_always,
    reason = "only what is inlined into a dispatch is compiled for its instruction set"
)]

use crate::basis::harmonics::normalization;
use pulp::Simd;

/// Neighbours of a block.
pub(super) const BLOCK: usize = super::LANES;

/// Constants of the recursion `q_lm = a z q_{l−1,m} + b q_{l−2,m}`, in the order in which it runs: m, then l.
#[derive(Debug, Clone, Default)]
pub(super) struct Recursion {
    l_max: usize,
    /// `q_mm`.
    diagonal: Vec<f64>,
    /// a, b and `N_{l,m−1} / N_lm`, with which `q_lm` is the slope of `q_{l,m−1}`, for l from m (from 1 if m = 0).
    steps: Vec<[f64; 3]>,
}

impl Recursion {
    pub fn new(l_max: usize) -> Self {
        let (mut diagonal, mut steps) = (Vec::new(), Vec::new());
        let mut odd_factorial = 1.0;
        for m in 0..=l_max {
            if m > 0 {
                odd_factorial *= (2 * m - 1) as f64;
            }
            diagonal.push(normalization(m, m) * odd_factorial);
            for l in m.max(1)..=l_max {
                let n = normalization(l, m);
                let (a, b) = if l == m {
                    (0.0, 0.0)
                } else {
                    let one = (2 * l - 1) as f64 / (l - m) as f64 * n / normalization(l - 1, m);
                    let two = if l >= m + 2 {
                        (l + m - 1) as f64 / (l - m) as f64 * n / normalization(l - 2, m)
                    } else {
                        0.0
                    };
                    (one, -two)
                };
                let slope = if m > 0 {
                    normalization(l, m - 1) / n
                } else {
                    0.0
                };
                steps.push([a, b, slope]);
            }
        }
        Self {
            l_max,
            diagonal,
            steps,
        }
    }

    /// Largest l.
    pub fn l_max(&self) -> usize {
        self.l_max
    }

    /// Number of rows of a block of harmonics, l = 0 included.
    pub fn n_rows(&self) -> usize {
        (self.l_max + 1) * (self.l_max + 1)
    }

    /// Write `Y_lm` for l ≥ 1 of the neighbours of one vector; `out` is `[n_rows][per_row]` with this vector at `sub`.
    #[inline(always)]
    pub fn evaluate<S: Simd>(
        &self,
        simd: S,
        unit: [S::f64s; 3],
        out: &mut [S::f64s],
        per_row: usize,
        sub: usize,
    ) {
        let [x, y, z] = unit;
        let (mut cos, mut sin) = (simd.splat_f64s(1.0), simd.splat_f64s(0.0));
        let mut steps = self.steps.iter();
        for (m, &diagonal) in self.diagonal.iter().enumerate() {
            if m > 0 {
                (cos, sin) = rotate(simd, x, y, cos, sin);
            }
            let (mut before, mut q) = (simd.splat_f64s(0.0), simd.splat_f64s(diagonal));
            let first = m.max(1);
            for (l, step) in (first..=self.l_max).zip(&mut steps) {
                if l > m {
                    (before, q) = (q, advance(simd, step, z, before, q));
                }
                let center = l * l + l;
                out[(center + m) * per_row + sub] = simd.mul_f64s(q, cos);
                if m > 0 {
                    out[(center - m) * per_row + sub] = simd.mul_f64s(q, sin);
                }
            }
        }
    }

    /// `Σ_lm h_lm ∇Y_lm` of the neighbours of one vector, as the gradient of polynomials in the components of the unit
    /// vector: to be projected on the tangent plane and divided by the distance. `h` is laid out as the values.
    #[inline(always)]
    pub fn gradient<S: Simd>(
        &self,
        simd: S,
        unit: [S::f64s; 3],
        h: &[S::f64s],
        per_row: usize,
        sub: usize,
    ) -> [S::f64s; 3] {
        let [x, y, z] = unit;
        let zero = simd.splat_f64s(0.0);
        let (mut gx, mut gy, mut gz) = (zero, zero, zero);
        // Those of m − 1: where the derivatives of (x + iy)^m end.
        let (mut cos, mut sin) = (simd.splat_f64s(1.0), zero);
        let mut steps = self.steps.iter();
        for (m, &diagonal) in self.diagonal.iter().enumerate() {
            if m > 1 {
                (cos, sin) = rotate(simd, x, y, cos, sin);
            }
            let (mut before, mut q) = (zero, simd.splat_f64s(diagonal));
            let (mut u, mut v, mut w, mut t) = (zero, zero, zero, zero);
            for (l, step) in (m.max(1)..=self.l_max).zip(&mut steps) {
                if l > m {
                    (before, q) = (q, advance(simd, step, z, before, q));
                }
                if m == 0 {
                    continue;
                }
                let center = l * l + l;
                let h = |row: usize| h[row * per_row + sub];
                u = simd.mul_add_e_f64s(h(center + m), q, u);
                v = simd.mul_add_e_f64s(h(center - m), q, v);
                let slope = simd.mul_f64s(simd.splat_f64s(step[2]), q);
                w = simd.mul_add_e_f64s(h(center + m - 1), slope, w);
                if m > 1 {
                    t = simd.mul_add_e_f64s(h(center - m + 1), slope, t);
                }
            }
            if m > 0 {
                let m = simd.splat_f64s(m as f64);
                let (mu, mv) = (simd.mul_f64s(m, u), simd.mul_f64s(m, v));
                gx = simd.mul_add_e_f64s(mu, cos, simd.mul_add_e_f64s(mv, sin, gx));
                let turned = simd.sub_f64s(simd.mul_f64s(mv, cos), simd.mul_f64s(mu, sin));
                gy = simd.add_f64s(gy, turned);
                gz = simd.mul_add_e_f64s(w, cos, simd.mul_add_e_f64s(t, sin, gz));
            }
        }
        [gx, gy, gz]
    }
}

/// `(x + iy)^m` from `(x + iy)^(m − 1)`.
#[inline(always)]
fn rotate<S: Simd>(
    simd: S,
    x: S::f64s,
    y: S::f64s,
    cos: S::f64s,
    sin: S::f64s,
) -> (S::f64s, S::f64s) {
    let real = simd.sub_f64s(simd.mul_f64s(x, cos), simd.mul_f64s(y, sin));
    (real, simd.mul_add_e_f64s(x, sin, simd.mul_f64s(y, cos)))
}

#[inline(always)]
fn advance<S: Simd>(
    simd: S,
    [a, b, _]: &[f64; 3],
    z: S::f64s,
    before: S::f64s,
    q: S::f64s,
) -> S::f64s {
    let az = simd.mul_f64s(simd.splat_f64s(*a), z);
    simd.mul_add_e_f64s(az, q, simd.mul_f64s(simd.splat_f64s(*b), before))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::basis::harmonics::Harmonics;

    #[test]
    fn values_and_gradients_are_those_of_the_plain_harmonics() {
        struct Case;
        impl pulp::WithSimd for Case {
            type Output = ();
            fn with_simd<S: Simd>(self, simd: S) {
                for l_max in [0, 1, 2, 3, 5, 8, 12] {
                    check(simd, l_max);
                }
            }
        }
        pulp::Arch::new().dispatch(Case);
        Case.with_simd_scalar();
    }

    trait Scalar {
        fn with_simd_scalar(self);
    }

    impl<T: pulp::WithSimd<Output = ()>> Scalar for T {
        fn with_simd_scalar(self) {
            self.with_simd(pulp::Scalar::new());
        }
    }

    fn check<S: Simd>(simd: S, l_max: usize) {
        let unit = [0.36, -0.48, 0.8];
        let recursion = Recursion::new(l_max);
        let n = recursion.n_rows();
        let (mut y, mut dy) = (vec![0.0; n], vec![0.0; 3 * n]);
        Harmonics::new(l_max).evaluate_with_gradient(unit, &mut y, &mut dy);
        let mut out = vec![0.0; n * S::F64_LANES];
        let vectors = unit.map(|x| simd.splat_f64s(x));
        recursion.evaluate(simd, vectors, S::as_mut_simd_f64s(&mut out).0, 1, 0);
        for row in 1..n {
            assert!((out[row * S::F64_LANES] - y[row]).abs() < 1e-13, "Y {row}");
        }
        let h: Vec<f64> = (0..n).map(|k| ((k * k) as f64).sin()).collect();
        let spread: Vec<f64> = h.iter().flat_map(|x| vec![*x; S::F64_LANES]).collect();
        let g = recursion.gradient(simd, vectors, S::as_simd_f64s(&spread).0, 1, 0);
        let g = g.map(|v| simd.reduce_sum_f64s(v) / S::F64_LANES as f64);
        let along: f64 = (0..3).map(|k| g[k] * unit[k]).sum();
        for axis in 0..3 {
            let expected: f64 = (1..n).map(|k| h[k] * dy[axis * n + k]).sum();
            let found = g[axis] - along * unit[axis];
            assert!(
                (found - expected).abs() < 1e-11,
                "{l_max} {axis}: {found} {expected}"
            );
        }
    }
}
