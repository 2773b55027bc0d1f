//! Functions that are given numerically: a Chebyshev series between each two knots.

use std::sync::Arc;

/// Largest number of knots.
const MAX_KNOTS: usize = 4096;
/// Largest degree of a series.
const MAX_DEGREE: usize = 100;
/// Largest magnitude of a coefficient.
const MAX_COEFFICIENT: f64 = 1e9;
/// Shortest distance of two knots, Å.
const SHORTEST: f64 = 1e-5;
/// Largest jump of value and slope at a knot, in units of the largest value and slope of the function.
const JUMP: f64 = 1e-6;
/// Places in each piece at which the largest value and slope are taken.
const SAMPLES: usize = 9;

/// A function between the first and the last knot, where it ends with zero value and slope; it is continued linearly to
/// distances below the first knot.
#[derive(Debug, Clone, PartialEq)]
pub struct Piecewise {
    knots: Vec<f64>,
    /// `f(r) = Σ_n c_n T_n(x)`, with `x` rising from −1 to 1 between two knots.
    pieces: Vec<Vec<f64>>,
}

impl Piecewise {
    /// The function of these knots, Å, and coefficients of each piece.
    ///
    /// # Errors
    /// What is wrong with a number, or that value or slope jump at a knot or do not vanish at the last one.
    pub fn new(knots: &[f64], pieces: &[Vec<f64>]) -> Result<Self, String> {
        check_knots(knots)?;
        if pieces.len() + 1 != knots.len() {
            return Err(format!(
                "a function has {} pieces between {} knots",
                pieces.len(),
                knots.len()
            ));
        }
        if pieces
            .iter()
            .any(|c| c.is_empty() || c.len() > MAX_DEGREE + 1)
        {
            return Err(format!(
                "a piece must have between 1 and {} coefficients",
                MAX_DEGREE + 1
            ));
        }
        if let Some(c) =
            { pieces.iter().flatten() }.find(|c| c.is_nan() || c.abs() > MAX_COEFFICIENT)
        {
            return Err(format!(
                "coefficient {c} is out of range (±{MAX_COEFFICIENT})"
            ));
        }
        let made = Self {
            knots: knots.to_vec(),
            pieces: pieces.to_vec(),
        };
        made.check_jumps()?;
        Ok(made)
    }

    /// The sum of weighted functions; none if there are none or their knots differ.
    #[must_use]
    pub fn sum(parts: &[(Arc<Self>, f64)]) -> Option<Self> {
        let knots = &parts.first()?.0.knots;
        if parts.iter().any(|(own, _)| own.knots != *knots) {
            return None;
        }
        let of_piece = |piece: usize| {
            let len = parts.iter().map(|(own, _)| own.pieces[piece].len()).max();
            let mut sum = vec![0.0; len.unwrap_or(1)];
            for (own, weight) in parts {
                for (sum, c) in sum.iter_mut().zip(&own.pieces[piece]) {
                    *sum += weight * c;
                }
            }
            sum
        };
        Some(Self {
            knots: knots.clone(),
            pieces: (0..knots.len() - 1).map(of_piece).collect(),
        })
    }

    /// Knots, ascending.
    #[must_use]
    pub fn knots(&self) -> &[f64] {
        &self.knots
    }

    /// `f(r)` and `df/dr`; zero at and beyond the last knot.
    #[must_use]
    pub fn value_and_derivative(&self, r: f64) -> (f64, f64) {
        let first = self.knots[0];
        if r < first {
            let (f, df) = self.of_piece(0, first);
            return (f + df * (r - first), df);
        }
        match self.knots.partition_point(|knot| *knot <= r) {
            after if after < self.knots.len() => self.of_piece(after - 1, r),
            _ => (0.0, 0.0),
        }
    }

    fn of_piece(&self, piece: usize, r: f64) -> (f64, f64) {
        let (start, end) = (self.knots[piece], self.knots[piece + 1]);
        let scale = 2.0 / (end - start);
        let (f, df) = series(&self.pieces[piece], (r - start) * scale - 1.0);
        (f, df * scale)
    }

    fn check_jumps(&self) -> Result<(), String> {
        let (mut largest, mut steepest) = (0.0_f64, 0.0_f64);
        for (piece, ends) in self.knots.windows(2).enumerate() {
            for k in 0..SAMPLES {
                let t = k as f64 / (SAMPLES - 1) as f64;
                let (f, df) = self.of_piece(piece, ends[0] + t * (ends[1] - ends[0]));
                (largest, steepest) = (largest.max(f.abs()), steepest.max(df.abs()));
            }
        }
        let last = self.pieces.len();
        for (k, &knot) in self.knots.iter().enumerate().skip(1) {
            let (f, df) = self.of_piece(k - 1, knot);
            let (g, dg) = if k == last {
                (0.0, 0.0)
            } else {
                self.of_piece(k, knot)
            };
            if (f - g).abs() > JUMP * largest || (df - dg).abs() > JUMP * steepest {
                return Err(format!(
                    "value or slope of a function jump at the knot {knot}"
                ));
            }
        }
        Ok(())
    }
}

/// Check knots, Å.
fn check_knots(knots: &[f64]) -> Result<(), String> {
    if !(2..=MAX_KNOTS).contains(&knots.len()) {
        return Err(format!("{} knots; give 2 to {MAX_KNOTS}", knots.len()));
    }
    let ascend = |ends: &[f64]| ends[1] - ends[0] >= SHORTEST;
    if !(knots[0] >= 0.0 && knots.windows(2).all(ascend) && knots[knots.len() - 1].is_finite()) {
        return Err(format!(
            "knots must be finite, not negative, and ascend by at least {SHORTEST} Å"
        ));
    }
    Ok(())
}

/// `Σ_n c_n T_n(x)` and its derivative by the recursion of C. W. Clenshaw, Math. Comput. 9, 118 (1955).
fn series(coefficients: &[f64], x: f64) -> (f64, f64) {
    let (mut b1, mut b2) = (0.0, 0.0);
    let (mut d1, mut d2) = (0.0, 0.0);
    for c in coefficients[1..].iter().rev() {
        (d1, d2) = (2.0 * b1 + 2.0 * x * d1 - d2, d1);
        (b1, b2) = (c + 2.0 * x * b1 - b2, b1);
    }
    (coefficients[0] + x * b1 - b2, b1 + x * d1 - d2)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `(4 − r)³` between 1 and 4 Å, with another number of coefficients in the second piece.
    fn cubic() -> Piecewise {
        let of_piece = |start: f64, end: f64| {
            // y = a + b x, y³ in Chebyshev polynomials.
            let (a, b) = (4.0 - 0.5 * (start + end), -0.5 * (end - start));
            vec![
                a * a * a + 1.5 * a * b * b,
                3.0 * a * a * b + 0.75 * b * b * b,
                1.5 * a * b * b,
                0.25 * b * b * b,
            ]
        };
        let mut second = of_piece(2.5, 4.0);
        second.push(0.0);
        Piecewise::new(&[1.0, 2.5, 4.0], &[of_piece(1.0, 2.5), second]).unwrap()
    }

    #[test]
    fn series_are_what_they_stand_for_with_their_derivatives_and_a_linear_beginning() {
        let f = cubic();
        for r in [1.0, 1.3, 2.4999, 2.5, 3.1, 3.999] {
            let (value, slope) = f.value_and_derivative(r);
            assert!((value - (4.0 - r).powi(3)).abs() < 1e-13);
            assert!((slope + 3.0 * (4.0 - r).powi(2)).abs() < 1e-13);
        }
        assert_eq!(f.value_and_derivative(4.0), (0.0, 0.0));
        let (value, slope) = f.value_and_derivative(0.4);
        assert!((value - (27.0 + 27.0 * 0.6)).abs() < 1e-12 && (slope + 27.0).abs() < 1e-12);
    }

    #[test]
    fn sums_of_functions_are_one_function_if_their_knots_agree() {
        let short = Piecewise::new(&[1.0, 2.5, 4.0], &[vec![0.0], vec![0.0]]).unwrap();
        let parts = [
            (Arc::new(cubic()), 2.0),
            (Arc::new(short), 3.0),
            (Arc::new(cubic()), -0.5),
        ];
        let sum = Piecewise::sum(&parts).unwrap();
        for r in [0.4, 1.3, 2.5, 3.1] {
            let (f, df) = cubic().value_and_derivative(r);
            let (g, dg) = sum.value_and_derivative(r);
            assert!((1.5 * f - g).abs() < 1e-12 && (1.5 * df - dg).abs() < 1e-12);
        }
        let other = Piecewise::new(&[1.0, 4.0], &[vec![0.0]]).unwrap();
        assert_eq!(
            Piecewise::sum(&[parts[0].clone(), (Arc::new(other), 1.0)]),
            None
        );
        assert_eq!(Piecewise::sum(&[]), None);
    }

    #[test]
    fn derivatives_of_series_are_those_of_finite_differences() {
        let coefficients: Vec<f64> = (0..40).map(|n| f64::from(n + 2).recip().powi(2)).collect();
        for x in [-0.99, -0.3, 0.0, 0.7] {
            let h = 1e-4;
            let value = |x| series(&coefficients, x).0;
            let numeric = (8.0 * (value(x + h) - value(x - h))
                - (value(x + 2.0 * h) - value(x - 2.0 * h)))
                / (12.0 * h);
            assert!((series(&coefficients, x).1 - numeric).abs() < 1e-7);
        }
        assert_eq!(series(&[3.0], 0.2), (3.0, 0.0));
    }

    #[test]
    fn functions_that_nobody_may_trust_are_refused() {
        let zero = || vec![vec![0.0]];
        let refused = |knots: &[f64], pieces: &[Vec<f64>], word: &str| {
            let message = Piecewise::new(knots, pieces).unwrap_err();
            assert!(message.contains(word), "{message}");
        };
        assert!(Piecewise::new(&[0.0, 4.0], &zero()).is_ok());
        refused(&[4.0], &[], "1 knots");
        refused(&[4.0, 1.0], &zero(), "ascend");
        refused(&[-1.0, 4.0], &zero(), "ascend");
        refused(&[1.0, f64::NAN], &zero(), "ascend");
        refused(&[1.0, f64::INFINITY], &zero(), "finite");
        refused(&[1.0, 2.0, 4.0], &zero(), "1 pieces");
        refused(&[1.0, 4.0], &[vec![]], "coefficients");
        refused(&[1.0, 4.0], &[vec![0.0; 200]], "coefficients");
        refused(&[1.0, 4.0], &[vec![f64::NAN]], "out of range");
        refused(&[1.0, 4.0], &[vec![1.0]], "jump at the knot 4");
        refused(
            &[1.0, 2.0, 4.0],
            &[vec![1.0], vec![0.0]],
            "jump at the knot 2",
        );
        // Value zero and slope 1 at the end.
        refused(&[1.0, 3.0], &[vec![-1.0, 1.0]], "jump at the knot 3");
    }
}
