//! Parameter grids of the radial families, as basis specifications give them.

use super::piecewise::Piecewise;
use super::radial::Primitive;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

const MAX_POWER: i32 = 30;

/// Family of radial functions with its parameters; lists span a product grid, first list outermost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "family", rename_all = "snake_case", deny_unknown_fields)]
#[allow(missing_docs)] // The parameters are documented on `Primitive`.
pub enum RadialGrid {
    Gaussian {
        beta: Vec<f64>,
        mu: Vec<f64>,
    },
    Cosine {
        p: Vec<f64>,
    },
    Polynomial {
        p: Vec<i32>,
    },
    Exponential {
        p: Vec<f64>,
    },
    Yukawa {
        p: Vec<f64>,
    },
    MexicanHat {
        p: Vec<f64>,
        mu: Vec<f64>,
    },
    Morlet {
        p: Vec<f64>,
        mu: Vec<f64>,
    },
    Sto {
        p: Vec<i32>,
        q: Vec<f64>,
    },
    Gto {
        p: Vec<i32>,
        q: Vec<f64>,
    },
    Bessel {
        n: Vec<u32>,
    },
    Chebyshev {
        n: Vec<u32>,
        r_min: f64,
    },
    /// Functions of common knots, Å: Chebyshev coefficients `[function][piece][n]`.
    Piecewise {
        knots: Vec<f64>,
        coefficients: Vec<Vec<Vec<f64>>>,
    },
}

impl RadialGrid {
    /// Number of functions: the product of the lengths of the lists.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Gaussian { beta, mu } => beta.len().saturating_mul(mu.len()),
            Self::MexicanHat { p, mu } | Self::Morlet { p, mu } => p.len().saturating_mul(mu.len()),
            Self::Sto { p, q } | Self::Gto { p, q } => p.len().saturating_mul(q.len()),
            Self::Cosine { p } | Self::Exponential { p } | Self::Yukawa { p } => p.len(),
            Self::Polynomial { p } => p.len(),
            Self::Bessel { n } | Self::Chebyshev { n, .. } => n.len(),
            Self::Piecewise { coefficients, .. } => coefficients.len(),
        }
    }

    /// All primitives of the grid, or why a parameter is refused.
    pub(super) fn primitives(&self, cutoff: f64) -> Checked<Vec<Primitive>> {
        self.validate(cutoff)?;
        Ok(match self {
            Self::Gaussian { beta, mu } => {
                grid(beta, mu, |beta, mu| Primitive::Gaussian { beta, mu })
            }
            Self::Cosine { p } => each(p, |p| Primitive::Cosine { p }),
            Self::Polynomial { p } => each(p, |p| Primitive::Polynomial { p }),
            Self::Exponential { p } => each(p, |p| Primitive::Exponential { p }),
            Self::Yukawa { p } => each(p, |p| Primitive::Yukawa { p }),
            Self::MexicanHat { p, mu } => grid(p, mu, |p, mu| Primitive::MexicanHat { p, mu }),
            Self::Morlet { p, mu } => grid(p, mu, |p, mu| Primitive::Morlet { p, mu }),
            Self::Sto { p, q } => grid(p, q, |p, q| Primitive::Sto { p, q }),
            Self::Gto { p, q } => grid(p, q, |p, q| Primitive::Gto { p, q }),
            Self::Bessel { n } => each(n, |n| Primitive::Bessel { n, cutoff }),
            &Self::Chebyshev { ref n, r_min } => {
                each(n, |n| Primitive::Chebyshev { n, r_min, cutoff })
            }
            Self::Piecewise {
                knots,
                coefficients,
            } => {
                let made = |(k, pieces): (usize, &Vec<Vec<f64>>)| {
                    let function = Piecewise::new(knots, pieces);
                    let named = |message| format!("piecewise function {k}: {message}");
                    Ok(Primitive::Piecewise(Arc::new(function.map_err(named)?)))
                };
                { coefficients.iter().enumerate() }
                    .map(made)
                    .collect::<Checked<_>>()?
            }
        })
    }

    fn validate(&self, cutoff: f64) -> Checked<()> {
        match self {
            Self::Gaussian { beta, mu } => positive("beta", beta).and(finite("mu", mu)),
            Self::Cosine { p } => finite("p", p),
            Self::Polynomial { p } => powers(p),
            Self::Exponential { p } | Self::Yukawa { p } => positive("p", p),
            Self::MexicanHat { p, mu } => positive("p", p).and(finite("mu", mu)),
            Self::Morlet { p, mu } => finite("p", p).and(finite("mu", mu)),
            Self::Sto { p, q } | Self::Gto { p, q } => powers(p).and(positive("q", q)),
            Self::Bessel { n } => match n.iter().find(|n| !(1..=100).contains(*n)) {
                Some(n) => Err(format!("bessel order {n} is out of range (1 to 100)")),
                None => Ok(()),
            },
            Self::Piecewise { knots, .. } => match knots.last() {
                Some(last) if *last > cutoff => {
                    Err(format!("the last knot {last} exceeds the cutoff {cutoff}"))
                }
                _ => Ok(()),
            },
            Self::Chebyshev { n, r_min } => {
                if !(*r_min >= 0.0 && *r_min < cutoff) {
                    return Err(format!(
                        "r_min = {r_min} is out of range; it must not be negative, and be smaller than the cutoff {cutoff}"
                    ));
                }
                match n.iter().find(|n| **n > 100) {
                    Some(n) => Err(format!("chebyshev degree {n} is out of range (0 to 100)")),
                    None => Ok(()),
                }
            }
        }
    }
}

/// Largest magnitude of a parameter of a radial function.
const MAX_PARAMETER: f64 = 1e3;

/// A value, or why a parameter is refused.
type Checked<T> = std::result::Result<T, String>;

fn finite(name: &str, values: &[f64]) -> Checked<()> {
    let wrong = |v: &&f64| !v.is_finite() || v.abs() > MAX_PARAMETER;
    match values.iter().find(wrong) {
        Some(v) => Err(format!("{name} = {v} is out of range (±{MAX_PARAMETER})")),
        None => Ok(()),
    }
}

fn positive(name: &str, values: &[f64]) -> Checked<()> {
    match values.iter().find(|v| !(**v > 0.0 && **v <= MAX_PARAMETER)) {
        Some(v) => Err(format!(
            "{name} = {v} is out of range; it must be positive and at most {MAX_PARAMETER}"
        )),
        None => Ok(()),
    }
}

fn powers(values: &[i32]) -> Checked<()> {
    match values.iter().find(|p| p.abs() > MAX_POWER) {
        Some(p) => Err(format!("power {p} is out of range (±{MAX_POWER})")),
        None => Ok(()),
    }
}

fn each<A: Copy>(values: &[A], make: impl Fn(A) -> Primitive) -> Vec<Primitive> {
    values.iter().map(|&value| make(value)).collect()
}

/// Product grid, first list outermost.
fn grid<A: Copy, B: Copy>(
    first: &[A],
    second: &[B],
    make: impl Fn(A, B) -> Primitive,
) -> Vec<Primitive> {
    first
        .iter()
        .flat_map(|&a| second.iter().map(move |&b| (a, b)))
        .map(|(a, b)| make(a, b))
        .collect()
}
