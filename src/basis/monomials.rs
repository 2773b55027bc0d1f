//! Monomials in the invariants of one centre: their enumeration and the order of the features.
//!
//! Monomials of one prefix are contiguous (`prefix × range of invariants`), so that values and gradients of a whole
//! run cost two multiply-adds per entry and share the factors of the prefix.

use super::spec::Polynomial;

/// Largest degree of a monomial.
pub const MAX_DEGREE: usize = 3;

/// A product of up to three invariants, as ascending indices into the list of invariants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Monomial {
    degree: u8,
    factors: [u32; MAX_DEGREE],
}

impl Monomial {
    /// The empty product, 1.
    pub const ONE: Self = Self {
        degree: 0,
        factors: [0; MAX_DEGREE],
    };

    /// Product of the given invariants; none if there are more than [`MAX_DEGREE`].
    #[must_use]
    pub fn new(factors: &[u32]) -> Option<Self> {
        if factors.len() > MAX_DEGREE {
            return None;
        }
        let mut sorted = [0; MAX_DEGREE];
        sorted[..factors.len()].copy_from_slice(factors);
        sorted[..factors.len()].sort_unstable();
        Some(Self {
            degree: factors.len() as u8,
            factors: sorted,
        })
    }

    /// This monomial, of at most two factors, times one more invariant.
    fn times(mut self, factor: u32) -> Self {
        let degree = usize::from(self.degree);
        self.factors[degree] = factor;
        self.factors[..=degree].sort_unstable();
        self.degree += 1;
        self
    }

    /// Indices of the factors, ascending.
    #[must_use]
    pub fn factors(&self) -> &[u32] {
        &self.factors[..usize::from(self.degree)]
    }
}

/// Consecutive features `prefix × invariant k` for k in `first..first + len`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// The common factors (degree 0, 1 or 2).
    pub prefix: Monomial,
    /// First invariant of the range.
    pub first: usize,
    /// Length of the range.
    pub len: usize,
    /// Index of the first feature.
    pub offset: usize,
}

/// A kind of invariants that occupies a range of the list: `[start, end)`, of which `[start, product_end)` enter products.
#[derive(Debug, Clone, Copy)]
pub struct Block {
    /// First invariant.
    pub start: usize,
    /// One past the last invariant.
    pub end: usize,
    /// One past the last invariant that may be multiplied.
    pub product_end: usize,
    /// Degrees.
    pub polynomial: Polynomial,
}

/// The features of one centre.
#[derive(Debug, Clone)]
pub struct Monomials {
    /// Whether feature 0 is the constant.
    pub constant: bool,
    /// All other features, in order.
    pub runs: Vec<Run>,
    /// Number of features, the constant included.
    pub len: usize,
}

impl Monomials {
    /// Enumerate: constant; invariants; products of degree 2; products of degree 3.
    #[must_use]
    pub fn enumerate(
        pair: Block,
        angular: Option<Block>,
        mixed_degree: usize,
        constant: bool,
    ) -> Self {
        let mut list = Self {
            constant,
            runs: Vec::new(),
            len: usize::from(constant),
        };
        let blocks: Vec<Block> = std::iter::once(pair).chain(angular).collect();
        for block in &blocks {
            list.push(&[], block.start..block.end);
        }
        for degree in 2..=MAX_DEGREE {
            for block in &blocks {
                list.push_pure(degree, *block);
            }
            if let (Some(angular), true) = (angular, degree <= mixed_degree) {
                list.push_mixed(degree, pair, angular);
            }
        }
        list
    }

    fn push(&mut self, prefix: &[u32], range: std::ops::Range<usize>) {
        if range.is_empty() {
            return;
        }
        let prefix = Monomial::new(prefix).expect("prefixes have at most two factors");
        self.runs.push(Run {
            prefix,
            first: range.start,
            len: range.len(),
            offset: self.len,
        });
        self.len += range.len();
    }

    /// Products within one kind: powers up to `degree`, cross terms up to `cross_degree`.
    fn push_pure(&mut self, degree: usize, block: Block) {
        if degree > block.polynomial.degree {
            return;
        }
        let cross = degree <= block.polynomial.cross_degree;
        for a in block.start..block.product_end {
            let end = |from: usize| if cross { block.product_end } else { from + 1 };
            if degree == 2 {
                self.push(&[a as u32], a..end(a));
            } else {
                for b in a..end(a) {
                    self.push(&[a as u32, b as u32], b..end(b));
                }
            }
        }
    }

    /// d·p, and d·d·p with d·p·p.
    fn push_mixed(&mut self, degree: usize, pair: Block, angular: Block) {
        for a in pair.start..pair.product_end {
            if degree == 2 {
                self.push(&[a as u32], angular.start..angular.product_end);
                continue;
            }
            for b in a..pair.product_end {
                self.push(&[a as u32, b as u32], angular.start..angular.product_end);
            }
            for b in angular.start..angular.product_end {
                self.push(&[a as u32, b as u32], b..angular.product_end);
            }
        }
    }

    /// The features as products, in order.
    pub fn iter(&self) -> impl Iterator<Item = Monomial> + '_ {
        let constant = self.constant.then_some(Monomial::ONE);
        constant.into_iter().chain(
            self.runs.iter().flat_map(|run| {
                (run.first..run.first + run.len).map(|k| run.prefix.times(k as u32))
            }),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn block(start: usize, end: usize, degree: usize, cross_degree: usize) -> Block {
        Block {
            start,
            end,
            product_end: end,
            polynomial: Polynomial {
                degree,
                cross_degree,
            },
        }
    }

    #[test]
    fn full_cubic_polynomials_have_the_binomial_number_of_features() {
        let list = Monomials::enumerate(block(0, 4, 3, 3), None, 0, true);
        assert_eq!(list.len, 35); // C(4 + 3, 3)
        let distinct: BTreeSet<Monomial> = list.iter().collect();
        assert_eq!(distinct.len(), 35);
    }

    #[test]
    fn mixed_cubic_polynomials_complete_the_two_kinds() {
        let list = Monomials::enumerate(block(0, 2, 3, 3), Some(block(2, 5, 3, 3)), 3, true);
        let distinct: BTreeSet<Monomial> = list.iter().collect();
        assert_eq!((list.len, distinct.len()), (56, 56)); // C(5 + 3, 3)
    }

    #[test]
    fn powers_without_cross_terms_are_powers() {
        let list = Monomials::enumerate(block(0, 3, 3, 1), None, 0, false);
        assert!(
            list.iter()
                .all(|m| m.factors().windows(2).all(|w| w[0] == w[1]))
        );
        assert_eq!(list.len, 9);
    }
}
