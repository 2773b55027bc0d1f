//! Clebsch–Gordan coefficients of real spherical harmonics.

/// Coupling of two real degrees to a third, [l1 + m1][l2 + m2][l3 + m3], in the harmonics of [`super::harmonics`].
///
/// The transformed complex coefficients are real if l1 + l2 + l3 is even and imaginary otherwise; the factor i is
/// dropped, which no rotation notices.
pub(super) fn real_clebsch_gordan(l1: usize, l2: usize, l3: usize) -> Vec<f64> {
    let (n1, n2, n3) = (2 * l1 + 1, 2 * l2 + 1, 2 * l3 + 1);
    let even = (l1 + l2 + l3).is_multiple_of(2);
    let mut table = vec![0.0; n1 * n2 * n3];
    let range = |l: usize| -(l as isize)..=l as isize;
    for (a, m1) in range(l1).enumerate() {
        for (b, m2) in range(l2).enumerate() {
            for (c, m3) in range(l3).enumerate() {
                let mut sum = Complex(0.0, 0.0);
                for (k1, u1) in complex_components(m1) {
                    for (k2, u2) in complex_components(m2) {
                        for (k3, u3) in complex_components(m3) {
                            if k1 + k2 == k3 {
                                let c = clebsch_gordan(l1, k1, l2, k2, l3, k3);
                                let phase = u1.conjugate().times(u2.conjugate()).times(u3);
                                sum = Complex(sum.0 + c * phase.0, sum.1 + c * phase.1);
                            }
                        }
                    }
                }
                table[(a * n2 + b) * n3 + c] = if even { sum.0 } else { sum.1 };
            }
        }
    }
    table
}

#[derive(Debug, Clone, Copy)]
struct Complex(f64, f64);

impl Complex {
    fn conjugate(self) -> Self {
        Self(self.0, -self.1)
    }

    fn times(self, other: Self) -> Self {
        Self(
            self.0 * other.0 - self.1 * other.1,
            self.0 * other.1 + self.1 * other.0,
        )
    }
}

/// A real harmonic as a combination of complex ones (with the Condon–Shortley phase).
fn complex_components(m: isize) -> Vec<(isize, Complex)> {
    let half = 0.5_f64.sqrt();
    let sign = if m % 2 == 0 { half } else { -half };
    match m {
        0 => vec![(0, Complex(1.0, 0.0))],
        1.. => vec![(m, Complex(sign, 0.0)), (-m, Complex(half, 0.0))],
        _ => vec![(-m, Complex(0.0, -sign)), (m, Complex(0.0, half))],
    }
}

/// `⟨l1 m1 l2 m2 | l3 m3⟩` by Racah's formula.
fn clebsch_gordan(l1: usize, m1: isize, l2: usize, m2: isize, l3: usize, m3: isize) -> f64 {
    if m1 + m2 != m3 || l3 > l1 + l2 || l3 < l1.abs_diff(l2) {
        return 0.0;
    }
    let [a, b, c] = [l1, l2, l3].map(|l| l as isize);
    if m1.abs() > a || m2.abs() > b || m3.abs() > c {
        return 0.0;
    }
    let f = |n: isize| factorial(n as usize);
    let triangle = f(a + b - c) * f(a - b + c) * f(-a + b + c) / f(a + b + c + 1);
    let projections =
        f(a + m1) * f(a - m1) * f(b + m2) * f(b - m2) * f(c + m3) * f(c - m3) * (2 * c + 1) as f64;
    let first = 0.max(b - c - m1).max(a - c + m2);
    let last = (a + b - c).min(a - m1).min(b + m2);
    let sum: f64 = (first..=last)
        .map(|k| {
            let sign = if k % 2 == 0 { 1.0 } else { -1.0 };
            let denominator = f(k)
                * f(a + b - c - k)
                * f(a - m1 - k)
                * f(b + m2 - k)
                * f(c - b + m1 + k)
                * f(c - a - m2 + k);
            sign / denominator
        })
        .sum();
    (triangle * projections).sqrt() * sum
}

fn factorial(n: usize) -> f64 {
    (1..=n).map(|k| k as f64).product()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clebsch_gordan_coefficients_are_orthonormal() {
        for (l1, l2) in [(1_usize, 1_usize), (2, 3), (6, 4), (12, 12)] {
            for l3 in l1.abs_diff(l2)..=l1 + l2 {
                let table = real_clebsch_gordan(l1, l2, l3);
                let n3 = 2 * l3 + 1;
                for m in 0..n3 {
                    for n in 0..n3 {
                        let dot: f64 = table.chunks(n3).map(|row| row[m] * row[n]).sum();
                        let expected = f64::from(u8::from(m == n));
                        assert!((dot - expected).abs() < 1e-9, "{l1} {l2} {l3}");
                    }
                }
            }
        }
    }
}
