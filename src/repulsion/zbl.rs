//! The universal repulsion of J. F. Ziegler, J. P. Biersack and U. Littmark, *The Stopping and Range of Ions in Solids* (1985).

/// `e² / 4πε₀`, eV Å.
const COULOMB: f64 = 14.399_645;
/// `0.8854 a₀`, Å: numerator of the screening length `a = 0.8854 a₀ / (Z₁^0.23 + Z₂^0.23)`.
const SCREENING: f64 = 0.8854 * 0.529_177_21;
/// Amplitudes and decays of the screening function.
const TERMS: [(f64, f64); 4] = [
    (0.18175, 3.1998),
    (0.50986, 0.94229),
    (0.28022, 0.4029),
    (0.02817, 0.20162),
];

/// The universal pair energy.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Zbl {
    charges: f64,
    screening_length: f64,
}

impl Zbl {
    /// For two atomic numbers.
    #[must_use]
    pub fn new(first: f64, second: f64) -> Self {
        Self {
            charges: COULOMB * first * second,
            screening_length: SCREENING / (first.powf(0.23) + second.powf(0.23)),
        }
    }

    /// `V(r)` in eV and `dV/dr` in eV/Å.
    #[must_use]
    pub fn value_and_derivative(&self, r: f64) -> (f64, f64) {
        let (mut phi, mut dphi) = (0.0, 0.0);
        for (amplitude, decay) in TERMS {
            let k = decay / self.screening_length;
            let term = amplitude * (-k * r).exp();
            phi += term;
            dphi -= k * term;
        }
        let coulomb = self.charges / r;
        (coulomb * phi, coulomb * (dphi - phi / r))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zbl_has_the_values_of_its_definition() {
        // Two silicon atoms, by hand: a = 0.46853 / (2 · 14^0.23) = 0.12767 Å.
        let (v, _) = Zbl::new(14.0, 14.0).value_and_derivative(0.12767);
        let phi: f64 = TERMS.iter().map(|(a, k)| a * (-k).exp()).sum();
        assert!((v - 14.399_645 * 196.0 / 0.12767 * phi).abs() < 1e-3 * v);
        // The amplitudes add up to one: a bare Coulomb repulsion at contact.
        assert!((TERMS.iter().map(|t| t.0).sum::<f64>() - 1.0).abs() < 1e-12);
    }
}
