//! Columns of radial tables.

use crate::basis::piecewise::Piecewise;
use crate::basis::radial::{Primitive, RadialFunction};
use std::sync::Arc;

/// Distances at which the size of a column is taken.
const SAMPLES: usize = 400;

/// A linear combination of radial functions.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Column(pub Vec<(RadialFunction, f64)>);

impl Column {
    /// The combination, as one function where all are series between the same knots.
    pub fn new(parts: Vec<(RadialFunction, f64)>) -> Self {
        let series = |(function, weight): &(RadialFunction, f64)| match &function.primitive {
            Primitive::Piecewise(own) => Some((Arc::clone(own), *weight)),
            _ => None,
        };
        let merged = parts.iter().map(series).collect::<Option<Vec<_>>>();
        let Some(sum) = merged.and_then(|own| Piecewise::sum(&own)) else {
            return Self(parts);
        };
        let function = RadialFunction {
            primitive: Primitive::Piecewise(Arc::new(sum)),
            ..parts[0].0.clone()
        };
        Self(vec![(function, 1.0)])
    }

    /// Value and derivative.
    pub fn evaluate(&self, r: f64) -> (f64, f64) {
        let mut sum = (0.0, 0.0);
        for (function, weight) in &self.0 {
            let (f, df) = function.value_and_derivative(r);
            sum.0 += weight * f;
            sum.1 += weight * df;
        }
        sum
    }

    /// Largest value or slope (1/Å) in a range.
    pub fn largest(&self, start: f64, end: f64) -> f64 {
        let samples = (0..SAMPLES).map(|k| {
            let (f, df) = self.evaluate(start + (end - start) * (k as f64 + 0.5) / SAMPLES as f64);
            f.abs().max(df.abs())
        });
        samples.fold(1e-300, f64::max)
    }
}
