//! Polynomials of nodes, with equal monomials merged.

/// A monomial of nodes, ascending, unused places `NONE`.
pub(super) type Factors = [u32; 6];
/// No node.
pub(super) const NONE: u32 = u32::MAX;

/// A polynomial of nodes.
#[derive(Debug, Clone, Default)]
pub(super) struct Polynomial(Vec<(Factors, f64)>);

impl Polynomial {
    /// Add `coefficient` times a product of at most six nodes.
    pub fn push(&mut self, nodes: &[u32], coefficient: f64) {
        let mut factors = [NONE; 6];
        factors[..nodes.len()].copy_from_slice(nodes);
        factors.sort_unstable();
        self.0.push((factors, coefficient));
    }

    /// Number of factors that make the prefix of a monomial.
    pub fn prefix(degree: usize) -> usize {
        match degree {
            0 | 1 => 0,
            2 => 1,
            3 | 4 => 2,
            _ => 3,
        }
    }

    /// Merge equal monomials; those that cancel disappear.
    pub fn merged(mut self) -> Vec<(Factors, f64)> {
        self.0.sort_by_key(|term| term.0);
        let mut list: Vec<(Factors, f64)> = Vec::with_capacity(self.0.len());
        for (factors, coefficient) in self.0 {
            match list.last_mut() {
                Some(last) if last.0 == factors => last.1 += coefficient,
                _ => list.push((factors, coefficient)),
            }
        }
        list.retain(|(_, coefficient)| *coefficient != 0.0);
        list
    }
}
