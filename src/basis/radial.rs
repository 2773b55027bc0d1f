//! Radial functions `f_n(r) = g_n(r) fc(r)`: the primitive families and their derivatives.

use super::cutoff::CutoffFunction;
use super::piecewise::Piecewise;
use std::f64::consts::PI;
use std::sync::Arc;

/// One primitive function `g(r)`, without its cutoff function.
///
/// Families as in A. Seko, A. Takahashi and I. Tanaka, PRB 90, 024101 (2014), and the usual bases of linear potentials.
#[derive(Debug, Clone, PartialEq)]
pub enum Primitive {
    /// `exp(−β (r − μ)²)`
    Gaussian {
        /// Inverse squared width, 1/Å².
        beta: f64,
        /// Centre, Å.
        mu: f64,
    },
    /// `cos(p r)`
    Cosine {
        /// Wave number, 1/Å.
        p: f64,
    },
    /// `r^p`
    Polynomial {
        /// Power, negative powers included.
        p: i32,
    },
    /// `exp(−p r)`
    Exponential {
        /// Decay, 1/Å.
        p: f64,
    },
    /// `exp(−p r) / r`
    Yukawa {
        /// Decay, 1/Å.
        p: f64,
    },
    /// `(1 − p² x²) exp(−p² x² / 2)` with `x = r − μ`
    MexicanHat {
        /// Inverse width, 1/Å.
        p: f64,
        /// Centre, Å.
        mu: f64,
    },
    /// `cos(p x) / cosh(x)` with `x = r − μ`
    Morlet {
        /// Wave number, 1/Å.
        p: f64,
        /// Centre, Å.
        mu: f64,
    },
    /// `r^p exp(−q r)`, Slater-type
    Sto {
        /// Power.
        p: i32,
        /// Decay, 1/Å.
        q: f64,
    },
    /// `r^p exp(−q r²)`, Gaussian-type
    Gto {
        /// Power.
        p: i32,
        /// Decay, 1/Å².
        q: f64,
    },
    /// `sin(n π r / rc) / r`
    Bessel {
        /// Order, from 1.
        n: u32,
        /// The cutoff radius in the argument, Å.
        cutoff: f64,
    },
    /// `T_n(x)` with `x` falling linearly from 1 at `r_min` to −1 at the cutoff
    Chebyshev {
        /// Degree, from 0.
        n: u32,
        /// Distance that is mapped to 1, Å.
        r_min: f64,
        /// Distance that is mapped to −1, Å.
        cutoff: f64,
    },
    /// Given numerically, with what makes it end at the cutoff.
    Piecewise(Arc<Piecewise>),
}

impl Primitive {
    /// `g(r)`.
    #[must_use]
    pub fn value(&self, r: f64) -> f64 {
        self.value_and_derivative(r).0
    }

    /// `dg/dr`.
    #[must_use]
    pub fn derivative(&self, r: f64) -> f64 {
        self.value_and_derivative(r).1
    }

    /// `g(r)` and `dg/dr`, which share their transcendental functions.
    #[must_use]
    pub fn value_and_derivative(&self, r: f64) -> (f64, f64) {
        match *self {
            Self::Piecewise(ref function) => function.value_and_derivative(r),
            Self::Gaussian { beta, mu } => {
                let x = r - mu;
                let g = (-beta * x * x).exp();
                (g, -2.0 * beta * x * g)
            }
            Self::Cosine { p } => {
                let (sin, cos) = (p * r).sin_cos();
                (cos, -p * sin)
            }
            Self::Polynomial { p } => power(r, p),
            Self::Exponential { p } => {
                let g = (-p * r).exp();
                (g, -p * g)
            }
            Self::Yukawa { p } => {
                let g = (-p * r).exp() / r;
                (g, -(p + 1.0 / r) * g)
            }
            Self::MexicanHat { p, mu } => {
                let x = r - mu;
                let s = p * p * x * x;
                let e = (-0.5 * s).exp();
                ((1.0 - s) * e, -p * p * x * (3.0 - s) * e)
            }
            Self::Morlet { p, mu } => {
                let x = r - mu;
                let (sin, cos) = (p * x).sin_cos();
                let sech = 1.0 / x.cosh();
                let g = cos * sech;
                (g, -p * sin * sech - g * x.tanh())
            }
            Self::Sto { p, q } => {
                let (v, d) = power(r, p);
                let e = (-q * r).exp();
                (v * e, (d - q * v) * e)
            }
            Self::Gto { p, q } => {
                let (v, d) = power(r, p);
                let e = (-q * r * r).exp();
                (v * e, (d - 2.0 * q * r * v) * e)
            }
            Self::Bessel { n, cutoff } => {
                let k = f64::from(n) * PI / cutoff;
                let (sin, cos) = (k * r).sin_cos();
                (sin / r, (k * cos - sin / r) / r)
            }
            Self::Chebyshev { n, r_min, cutoff } => {
                let slope = -2.0 / (cutoff - r_min);
                let (t, dt) = chebyshev(n, 1.0 + slope * (r - r_min));
                (t, dt * slope)
            }
        }
    }
}

/// `r^p` and its derivative.
fn power(r: f64, p: i32) -> (f64, f64) {
    if p == 0 {
        (1.0, 0.0)
    } else {
        (r.powi(p), f64::from(p) * r.powi(p - 1))
    }
}

/// `T_n(x)` and `dT_n/dx` by the three-term recursion, also beyond [−1, 1].
fn chebyshev(n: u32, x: f64) -> (f64, f64) {
    let (mut t0, mut t1) = (1.0, x);
    let (mut d0, mut d1) = (0.0, 1.0);
    if n == 0 {
        return (t0, d0);
    }
    for _ in 1..n {
        (d0, d1) = (d1, 2.0 * t1 + 2.0 * x * d1 - d0);
        (t0, t1) = (t1, 2.0 * x * t1 - t0);
    }
    (t1, d1)
}

/// A primitive with its own cutoff radius and the cutoff function shared by the basis.
#[derive(Debug, Clone, PartialEq)]
pub struct RadialFunction {
    /// `g(r)`.
    pub primitive: Primitive,
    /// `rc`, Å.
    pub cutoff: f64,
    /// `fc`; none for a primitive that ends by itself.
    pub cutoff_function: Option<CutoffFunction>,
}

impl RadialFunction {
    /// Of a primitive in a basis with this cutoff function; one that is given numerically ends at its last knot.
    #[must_use]
    pub fn new(primitive: Primitive, cutoff: f64, cutoff_function: CutoffFunction) -> Self {
        let end = match &primitive {
            Primitive::Piecewise(function) => function.knots().last().copied(),
            _ => None,
        };
        Self {
            primitive,
            cutoff: end.unwrap_or(cutoff),
            cutoff_function: end.is_none().then_some(cutoff_function),
        }
    }

    /// Distances at which the second derivative may jump, between zero and the cutoff, Å.
    #[must_use]
    pub fn knots(&self) -> &[f64] {
        match &self.primitive {
            Primitive::Piecewise(function) => function.knots(),
            _ => &[],
        }
    }

    /// `f(r) = g(r) fc(r)`.
    #[must_use]
    pub fn value(&self, r: f64) -> f64 {
        self.value_and_derivative(r).0
    }

    /// `df/dr`.
    #[must_use]
    pub fn derivative(&self, r: f64) -> f64 {
        self.value_and_derivative(r).1
    }

    /// `f(r)` and `df/dr`; zero at and beyond the cutoff.
    #[must_use]
    pub fn value_and_derivative(&self, r: f64) -> (f64, f64) {
        if r >= self.cutoff {
            return (0.0, 0.0);
        }
        let (g, dg) = self.primitive.value_and_derivative(r);
        let Some(cutoff_function) = self.cutoff_function else {
            return (g, dg);
        };
        let fc = cutoff_function.value(r, self.cutoff);
        let dfc = cutoff_function.derivative(r, self.cutoff);
        (g * fc, dg * fc + g * dfc)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CUTOFF: f64 = 6.0;
    const TOLERANCE: f64 = 1e-8;

    fn one_of_each() -> Vec<Primitive> {
        vec![
            Primitive::Gaussian { beta: 0.7, mu: 2.5 },
            Primitive::Cosine { p: 1.3 },
            Primitive::Polynomial { p: -3 },
            Primitive::Polynomial { p: 0 },
            Primitive::Polynomial { p: 4 },
            Primitive::Exponential { p: 0.8 },
            Primitive::Yukawa { p: 0.8 },
            Primitive::MexicanHat { p: 1.1, mu: 2.0 },
            Primitive::Morlet { p: 2.0, mu: 1.5 },
            Primitive::Sto { p: 2, q: 1.1 },
            Primitive::Gto { p: -1, q: 0.3 },
            Primitive::Bessel {
                n: 3,
                cutoff: CUTOFF,
            },
            Primitive::Chebyshev {
                n: 0,
                r_min: 1.5,
                cutoff: CUTOFF,
            },
            Primitive::Chebyshev {
                n: 5,
                r_min: 1.5,
                cutoff: CUTOFF,
            },
        ]
    }

    #[test]
    fn every_family_times_every_cutoff_function_has_the_right_derivative() {
        for primitive in one_of_each() {
            for cutoff_function in [CutoffFunction::Cosine, CutoffFunction::Polynomial] {
                let f = RadialFunction::new(primitive.clone(), CUTOFF, cutoff_function);
                for r in [1.2, 2.3, 3.9, 5.7] {
                    let h = 1e-3;
                    // Fourth-order central difference.
                    let numeric = (8.0 * (f.value(r + h) - f.value(r - h))
                        - (f.value(r + 2.0 * h) - f.value(r - 2.0 * h)))
                        / (12.0 * h);
                    let scale = f.derivative(r).abs().max(f.value(r).abs()).max(1e-3);
                    assert!(
                        (numeric - f.derivative(r)).abs() < TOLERANCE * scale.max(1.0),
                        "{primitive:?} at {r}"
                    );
                }
                assert_eq!(f.value_and_derivative(CUTOFF), (0.0, 0.0));
            }
        }
    }

    #[test]
    fn chebyshev_polynomials_follow_cos_n_theta() {
        for n in 0..9 {
            for theta in [0.1, 0.9, 2.2] {
                let (t, _) = chebyshev(n, f64::cos(theta));
                assert!((t - (f64::from(n) * theta).cos()).abs() < 1e-13);
            }
        }
    }
}
