//! Sparse and ridge regression over normal equations.
//!
//! Everything here sees the Gram matrix `G = XᵀWX`, a row-major symmetric slice of F×F numbers with both triangles
//! filled, and the moments `b = XᵀWy`, F numbers. The number of rows behind it does not matter.
//!
//! * [`solve_positive`], [`solve_positive_each`]: ridge solves on a support, one or many penalties; `G` is only read.
//! * [`solve_positive_nested`]: the same on supports of which any two are nested, by one factorisation.
//! * [`solve_positive_in_place`]: the same on all features without a second F×F matrix; `G` comes back unchanged.
//! * [`ElasticNet`]: the ℓ1 + ℓ2 path by an active-set method with exact solves.
//! * [`GroupLasso`]: the same for groups of features, by Newton steps and exact block minima.
//! * [`ForwardSelection`]: greedy, by exact gain per cost.
//! * [`RidgeInverse`]: what features lose when they leave, exactly, for backward elimination.
//!
//! All results are the same bits for any number of threads.

mod active_set;
mod block;
mod cholesky;
mod elastic_net;
mod factor;
mod forward;
mod group_lasso;
mod group_newton;
mod groups;
mod inverse;
mod line_search;
mod quadratic;

pub use cholesky::{
    Factored, solve_positive, solve_positive_each, solve_positive_in_place, solve_positive_nested,
};
pub use elastic_net::{ElasticNet, Solution};
pub use forward::{ForwardSelection, Pick};
pub use group_lasso::GroupLasso;
pub use inverse::RidgeInverse;

use crate::{Error, Result};

/// Refuses a slice that is not `expected` long or holds NaN or ±inf.
fn check_finite(what: &str, values: &[f64], expected: usize) -> Result<()> {
    check_length(what, values.len(), expected)?;
    match values.iter().position(|x| !x.is_finite()) {
        Some(at) => Err(Error::Regression(format!(
            "{what}: entry {at} is {}; look for NaN or overflow in the design rows or targets",
            values[at]
        ))),
        None => Ok(()),
    }
}

/// Refuses a slice that is not `expected` long.
/// What `step` of a path takes: λ ≥ 0 and a positive tolerance.
fn check_step(lambda: f64, tolerance: f64) -> Result<()> {
    if !(lambda.is_finite() && lambda >= 0.0) {
        return Err(Error::Regression(format!(
            "lambda is {lambda}; it must be finite and not negative"
        )));
    }
    if !(tolerance.is_finite() && tolerance > 0.0) {
        return Err(Error::Regression(format!(
            "tolerance is {tolerance}; it must be finite and positive"
        )));
    }
    Ok(())
}

fn check_length(what: &str, got: usize, expected: usize) -> Result<()> {
    if got == expected {
        return Ok(());
    }
    Err(Error::Regression(format!(
        "{what}: expected {expected} entries, got {got}"
    )))
}

/// Refuses penalties that are NaN or negative.
fn check_penalties(what: &str, values: &[f64], expected: usize) -> Result<()> {
    check_length(what, values.len(), expected)?;
    match values.iter().position(|&x| x.is_nan() || x < 0.0) {
        Some(at) => Err(Error::Regression(format!(
            "{what}: entry {at} is {}; penalties must not be negative",
            values[at]
        ))),
        None => Ok(()),
    }
}

/// Dot product with eight partial sums in a fixed order, which the compiler turns into vector instructions.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    debug_assert_eq!(a.len(), b.len());
    let mut sums = [0.0; 8];
    let (a_blocks, a_tail) = a.as_chunks::<8>();
    let (b_blocks, b_tail) = b.as_chunks::<8>();
    for (x, y) in a_blocks.iter().zip(b_blocks) {
        for lane in 0..8 {
            sums[lane] += x[lane] * y[lane];
        }
    }
    let tail: f64 = a_tail.iter().zip(b_tail).map(|(x, y)| x * y).sum();
    ((sums[0] + sums[4]) + (sums[1] + sums[5])) + ((sums[2] + sums[6]) + (sums[3] + sums[7])) + tail
}
