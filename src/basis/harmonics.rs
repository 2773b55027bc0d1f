//! Real spherical harmonics `Y_lm` and their gradients, by recursion in Cartesian components.
//!
//! `Y_lm = N_lm Q_l|m|(z) · {Re, Im}(x + i y)^|m|` with `Q_lm = dᵐP_l/dzᵐ`: no poles, no trigonometry.
//! Orthonormal on the sphere; without the Condon–Shortley phase, which no invariant feels.

use std::f64::consts::PI;

/// Largest degree supported.
pub const MAX_L: usize = 12;
const WIDTH: usize = MAX_L + 2;

/// Position of `Y_lm` in a table of (l_max + 1)² values.
#[must_use]
pub fn index(l: usize, m: isize) -> usize {
    ((l * l + l) as isize + m) as usize
}

/// `N_lm` for m ≥ 0, the factor √2 of m > 0 included.
#[must_use]
pub fn normalization(l: usize, m: usize) -> f64 {
    // (l − m)! / (l + m)!
    let ratio: f64 = ((l - m + 1)..=(l + m)).map(|k| 1.0 / k as f64).product();
    let sqrt2 = if m == 0 { 1.0 } else { 2.0 };
    (sqrt2 * (2 * l + 1) as f64 / (4.0 * PI) * ratio).sqrt()
}

/// Normalisation constants for all degrees up to `l_max`.
#[derive(Debug, Clone)]
pub struct Harmonics {
    l_max: usize,
    /// `N_lm` for m ≥ 0 at [l * WIDTH + m], the factor √2 of m > 0 included.
    normalization: Vec<f64>,
}

impl Harmonics {
    /// Tables up to degree `l_max` ≤ [`MAX_L`].
    ///
    /// # Panics
    /// If `l_max` exceeds [`MAX_L`]; basis specifications are checked before.
    #[must_use]
    pub fn new(l_max: usize) -> Self {
        assert!(l_max <= MAX_L, "l_max {l_max} exceeds {MAX_L}");
        let mut table = vec![0.0; WIDTH * WIDTH];
        for l in 0..=l_max {
            for m in 0..=l {
                table[l * WIDTH + m] = normalization(l, m);
            }
        }
        Self {
            l_max,
            normalization: table,
        }
    }

    /// Number of harmonics, (l_max + 1)².
    #[must_use]
    pub fn len(&self) -> usize {
        (self.l_max + 1) * (self.l_max + 1)
    }

    /// Never true: there is always `Y_00`.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Values at a unit vector; `y` has (l_max + 1)² entries ordered as [`index`].
    pub fn evaluate(&self, unit: [f64; 3], y: &mut [f64]) {
        let (q, cos, sin) = self.recursions(unit);
        for l in 0..=self.l_max {
            y[index(l, 0)] = self.normalization[l * WIDTH] * q[l][0];
            for m in 1..=l {
                let nq = self.normalization[l * WIDTH + m] * q[l][m];
                y[index(l, m as isize)] = nq * cos[m];
                y[index(l, -(m as isize))] = nq * sin[m];
            }
        }
    }

    /// Values and tangential gradients `|r| ∇Y_lm(r̂)` at a unit vector; `gradient` holds x, y, z blocks of
    /// (l_max + 1)² entries each.
    pub fn evaluate_with_gradient(&self, unit: [f64; 3], y: &mut [f64], gradient: &mut [f64]) {
        let n = self.len();
        let (q, cos, sin) = self.recursions(unit);
        let mut put = |k: usize, value: f64, g: [f64; 3]| {
            // Project the gradient of the polynomial extension onto the tangent plane.
            let radial = g[0] * unit[0] + g[1] * unit[1] + g[2] * unit[2];
            y[k] = value;
            for axis in 0..3 {
                gradient[axis * n + k] = g[axis] - radial * unit[axis];
            }
        };
        for l in 0..=self.l_max {
            let norm = self.normalization[l * WIDTH];
            put(index(l, 0), norm * q[l][0], [0.0, 0.0, norm * q[l][1]]);
            for m in 1..=l {
                let norm = self.normalization[l * WIDTH + m];
                let (nq, dq) = (norm * q[l][m], norm * q[l][m + 1]);
                let mq = m as f64 * nq;
                put(
                    index(l, m as isize),
                    nq * cos[m],
                    [mq * cos[m - 1], -mq * sin[m - 1], dq * cos[m]],
                );
                put(
                    index(l, -(m as isize)),
                    nq * sin[m],
                    [mq * sin[m - 1], mq * cos[m - 1], dq * sin[m]],
                );
            }
        }
    }

    /// `Q_lm(z)` (zero for m > l), `Re (x + i y)^m` and `Im (x + i y)^m`.
    fn recursions(
        &self,
        [x, y, z]: [f64; 3],
    ) -> ([[f64; WIDTH]; WIDTH], [f64; WIDTH], [f64; WIDTH]) {
        let mut q = [[0.0; WIDTH]; WIDTH];
        let (mut cos, mut sin) = ([0.0; WIDTH], [0.0; WIDTH]);
        (cos[0], sin[0]) = (1.0, 0.0);
        q[0][0] = 1.0;
        for m in 1..=self.l_max {
            cos[m] = x * cos[m - 1] - y * sin[m - 1];
            sin[m] = x * sin[m - 1] + y * cos[m - 1];
            q[m][m] = (2 * m - 1) as f64 * q[m - 1][m - 1];
        }
        for m in 0..self.l_max {
            q[m + 1][m] = (2 * m + 1) as f64 * z * q[m][m];
            for l in (m + 2)..=self.l_max {
                q[l][m] = ((2 * l - 1) as f64 * z * q[l - 1][m] - (l + m - 1) as f64 * q[l - 2][m])
                    / (l - m) as f64;
            }
        }
        (q, cos, sin)
    }
}

/// Legendre polynomial `P_l(x)`: the addition theorem's other side, for tests and analytic checks.
#[must_use]
pub fn legendre(l: usize, x: f64) -> f64 {
    let (mut p0, mut p1) = (1.0, x);
    if l == 0 {
        return p0;
    }
    for k in 1..l {
        (p0, p1) = (
            p1,
            ((2 * k + 1) as f64 * x * p1 - k as f64 * p0) / (k + 1) as f64,
        );
    }
    p1
}

/// `4π / (2l + 1)`: turns `Σ_m a a'` of orthonormal harmonics into `Σ_jk f f' P_l(cos θ)`.
#[must_use]
pub fn legendre_factor(l: usize) -> f64 {
    4.0 * PI / (2 * l + 1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNITS: [[f64; 3]; 4] = [
        [0.6, 0.0, 0.8],
        [0.0, 0.0, 1.0],
        [2.0 / 3.0, -2.0 / 3.0, 1.0 / 3.0],
        [0.0, -1.0, 0.0],
    ];

    #[test]
    fn harmonics_obey_the_addition_theorem_up_to_the_largest_degree() {
        let harmonics = Harmonics::new(MAX_L);
        let (mut a, mut b) = (vec![0.0; harmonics.len()], vec![0.0; harmonics.len()]);
        for u in UNITS {
            for v in UNITS {
                harmonics.evaluate(u, &mut a);
                harmonics.evaluate(v, &mut b);
                let cos = u[0] * v[0] + u[1] * v[1] + u[2] * v[2];
                for l in 0..=MAX_L {
                    let sum: f64 = (l * l..(l + 1) * (l + 1)).map(|k| a[k] * b[k]).sum();
                    let expected = (2 * l + 1) as f64 / (4.0 * PI) * legendre(l, cos);
                    assert!((sum - expected).abs() < 1e-12, "l = {l}");
                }
            }
        }
    }

    #[test]
    fn gradients_equal_finite_differences_also_at_the_poles() {
        let harmonics = Harmonics::new(MAX_L);
        let n = harmonics.len();
        let (mut y, mut gradient) = (vec![0.0; n], vec![0.0; 3 * n]);
        let (mut plus, mut minus) = (vec![0.0; n], vec![0.0; n]);
        let h = 1e-6;
        for u in UNITS {
            harmonics.evaluate_with_gradient(u, &mut y, &mut gradient);
            for axis in 0..3 {
                let displaced = |step: f64| {
                    let mut v = u;
                    v[axis] += step;
                    let norm = (v[0] * v[0] + v[1] * v[1] + v[2] * v[2]).sqrt();
                    v.map(|c| c / norm)
                };
                harmonics.evaluate(displaced(h), &mut plus);
                harmonics.evaluate(displaced(-h), &mut minus);
                for k in 0..n {
                    let numeric = (plus[k] - minus[k]) / (2.0 * h);
                    assert!(
                        (numeric - gradient[axis * n + k]).abs() < 1e-7,
                        "Y {k} along {axis}"
                    );
                }
            }
        }
    }
}
