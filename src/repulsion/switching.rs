//! Smooth steps by distance and by local density, with their derivatives.

use super::Zbl;

/// Switching distances of one pair of elements.
#[derive(Debug, Clone, Copy)]
pub(super) struct PairRange {
    pub zbl: Zbl,
    /// Full ZBL energy below, Å.
    pub inner: f64,
    /// No change beyond, Å.
    pub outer: f64,
    /// Distance from which the pair does not count in ρ, Å.
    pub range: f64,
}

impl PairRange {
    /// `S(r)` and its derivative.
    pub fn switch(&self, r: f64) -> (f64, f64) {
        let width = self.outer - self.inner;
        let (h, dh) = smooth_step((r - self.inner) / width);
        (1.0 - h, -dh / width)
    }

    /// `u(r)` and its derivative: the integral of the smooth step, so that both are smooth.
    pub fn effective_distance(&self, r: f64) -> (f64, f64) {
        if r >= self.outer {
            return (r, 1.0);
        }
        let width = self.outer - self.inner;
        let x = ((r - self.inner) / width).max(0.0);
        let integral = x * x * x * x * (x * x - 3.0 * x + 2.5);
        (self.outer + width * (integral - 0.5), smooth_step(x).0)
    }
}

/// [`DensitySwitch`](super::DensitySwitch) of one element.
#[derive(Debug, Clone, Copy)]
pub(super) struct DensityRange {
    pub onset: f64,
    pub end: f64,
    /// Energy of a switched atom beside ZBL, eV.
    pub level: f64,
}

impl DensityRange {
    /// `s(ρ)` and `ds/dρ`.
    pub fn scale(&self, rho: f64) -> (f64, f64) {
        let width = self.end - self.onset;
        let (h, dh) = smooth_step((rho - self.onset) / width);
        (1.0 - h, -dh / width)
    }
}

/// `g = (1 − r²/range²)³` and `dg/d(r²)` from `r²`.
pub(super) fn weight(squared: f64, range: f64) -> (f64, f64) {
    let scale = 1.0 / (range * range);
    let x = (1.0 - squared * scale).max(0.0);
    (x * x * x, -3.0 * scale * x * x)
}

/// The C² step `6x⁵ − 15x⁴ + 10x³` from 0 at 0 to 1 at 1, and its derivative.
fn smooth_step(x: f64) -> (f64, f64) {
    let x = x.clamp(0.0, 1.0);
    let y = x * (1.0 - x);
    (x * x * x * (x * (6.0 * x - 15.0) + 10.0), 30.0 * y * y)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOLERANCE: f64 = 1e-6;

    fn pair() -> PairRange {
        PairRange {
            zbl: Zbl::new(42.0, 14.0),
            inner: 1.4,
            outer: 1.9,
            range: 5.0,
        }
    }

    type ValueAndDerivative = fn(f64) -> (f64, f64);

    /// Everything that depends on one distance.
    fn functions() -> [(&'static str, ValueAndDerivative); 4] {
        [
            ("zbl", |r| pair().zbl.value_and_derivative(r)),
            ("switch", |r| pair().switch(r)),
            ("effective distance", |r| pair().effective_distance(r)),
            ("step", |r| smooth_step(r - 1.0)),
        ]
    }

    #[test]
    fn derivatives_equal_finite_differences() {
        let h = 1e-5;
        for (name, f) in functions() {
            for r in [0.3, 1.2, 1.3999, 1.41, 1.6, 1.7, 1.89, 1.9001, 2.3] {
                let numeric = (f(r + h).0 - f(r - h).0) / (2.0 * h);
                let derivative = f(r).1;
                let error = (numeric - derivative).abs() / derivative.abs().max(1.0);
                assert!(error < TOLERANCE, "{name} at {r}: {error:e}");
            }
        }
    }

    #[test]
    fn second_derivatives_are_continuous_at_inner_and_outer() {
        let h = 1e-6;
        for (name, f) in functions() {
            for r in [1.4, 1.9] {
                let slope = |x: f64| (f(x + h).1 - f(x - h).1) / (2.0 * h);
                let (left, right) = (slope(r - 1e-4), slope(r + 1e-4));
                assert!(
                    (left - right).abs() < 2e-3 * left.abs().max(100.0),
                    "{name} at {r}: {left} {right}"
                );
            }
        }
    }
}
