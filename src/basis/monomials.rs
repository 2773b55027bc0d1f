//! Monomials in the invariants of one centre: their enumeration and the order of the features.
//!
//! Monomials of one prefix are contiguous (`prefix × range of invariants`), so that values and gradients of a whole
//! run cost two multiply-adds per entry and share the factors of the prefix.

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
    /// Largest power of a single invariant, 1 to 3.
    pub degree: usize,
    /// Largest degree of products of different invariants of this kind (1: none).
    pub cross_degree: usize,
    /// Largest degree of products with other kinds; of two kinds the smaller one counts.
    pub mixed_degree: usize,
}

impl Block {
    fn multiplied(&self) -> std::ops::Range<usize> {
        self.start..self.product_end
    }

    /// Number of monomials of this kind alone.
    pub(super) fn count(&self) -> f64 {
        let n = self.multiplied().len() as f64;
        let of_degree = |degree: usize| match (degree <= self.degree, degree <= self.cross_degree) {
            (false, _) => 0.0,
            (true, false) => n,
            (true, true) if degree == 2 => n * (n + 1.0) / 2.0,
            (true, true) => n * (n + 1.0) * (n + 2.0) / 6.0,
        };
        (self.end - self.start) as f64 + of_degree(2) + of_degree(3)
    }
}

/// Number of products of different kinds.
pub(super) fn count_mixed(blocks: &[Block]) -> f64 {
    let size = |b: &Block| b.multiplied().len() as f64;
    let mut total = 0.0;
    for (k, a) in blocks.iter().enumerate() {
        for (m, b) in blocks.iter().enumerate().skip(k + 1) {
            let degree = a.mixed_degree.min(b.mixed_degree);
            let (x, y) = (size(a), size(b));
            if degree >= 2 {
                total += x * y;
            }
            if degree >= 3 {
                total += x * (x + 1.0) / 2.0 * y + x * y * (y + 1.0) / 2.0;
                let third = blocks[m + 1..].iter().filter(|c| c.mixed_degree >= 3);
                total += x * y * third.map(size).sum::<f64>();
            }
        }
    }
    total
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
    pub fn enumerate(blocks: &[Block], constant: bool) -> Self {
        let mut list = Self {
            constant,
            runs: Vec::new(),
            len: usize::from(constant),
        };
        for block in blocks {
            list.push(&[], block.start..block.end);
        }
        for degree in 2..=MAX_DEGREE {
            for block in blocks {
                list.push_pure(degree, *block);
            }
            for (k, a) in blocks.iter().enumerate() {
                for (m, b) in blocks.iter().enumerate().skip(k + 1) {
                    if degree <= a.mixed_degree.min(b.mixed_degree) {
                        list.push_mixed(degree, *a, *b, &blocks[m + 1..]);
                    }
                }
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
        if degree > block.degree {
            return;
        }
        let cross = degree <= block.cross_degree;
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

    /// a·b, and a·a·b, a·b·b with the a·b·c of all later kinds c.
    fn push_mixed(&mut self, degree: usize, first: Block, second: Block, later: &[Block]) {
        for a in first.multiplied() {
            if degree == 2 {
                self.push(&[a as u32], second.multiplied());
                continue;
            }
            for b in a..first.product_end {
                self.push(&[a as u32, b as u32], second.multiplied());
            }
            for b in second.multiplied() {
                self.push(&[a as u32, b as u32], b..second.product_end);
                for third in later.iter().filter(|c| c.mixed_degree >= 3) {
                    self.push(&[a as u32, b as u32], third.multiplied());
                }
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

    fn block(start: usize, end: usize, degree: usize, mixed_degree: usize) -> Block {
        let cross_degree = degree;
        Block {
            mixed_degree,
            start,
            end,
            product_end: end,
            degree,
            cross_degree,
        }
    }

    #[test]
    fn full_cubic_polynomials_have_the_binomial_number_of_features() {
        let list = Monomials::enumerate(&[block(0, 4, 3, 0)], true);
        assert_eq!(list.len, 35); // C(4 + 3, 3)
        let distinct: BTreeSet<Monomial> = list.iter().collect();
        assert_eq!(distinct.len(), 35);
    }

    #[test]
    fn mixed_cubic_polynomials_complete_all_kinds_and_are_counted_beforehand() {
        let blocks = [block(0, 2, 3, 3), block(2, 5, 3, 3), block(5, 6, 3, 3)];
        let list = Monomials::enumerate(&blocks, true);
        let distinct: BTreeSet<Monomial> = list.iter().collect();
        assert_eq!((list.len, distinct.len()), (84, 84)); // C(6 + 3, 3)
        let counted = blocks.iter().map(Block::count).sum::<f64>() + count_mixed(&blocks) + 1.0;
        assert!((counted - 84.0).abs() < 0.5);
    }

    #[test]
    fn of_two_kinds_the_smaller_mixed_degree_counts() {
        let blocks = [block(0, 2, 1, 3), block(2, 4, 1, 2)];
        assert_eq!(Monomials::enumerate(&blocks, false).len, 4 + 4);
    }

    #[test]
    fn powers_without_cross_terms_are_powers() {
        let mut powers = block(0, 3, 3, 0);
        powers.cross_degree = 1;
        let list = Monomials::enumerate(&[powers], false);
        assert!(
            list.iter()
                .all(|m| m.factors().windows(2).all(|w| w[0] == w[1]))
        );
        assert_eq!(list.len, 9);
    }
}
