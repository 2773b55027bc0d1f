//! Couplings of ν order parameters to a rotation- and inversion-invariant scalar.
//!
//! `B = Σ_{m_1…m_ν} C_{m_1…m_ν} a_{l_1 m_1} … a_{l_ν m_ν}`: the tensors C are chains of real Clebsch–Gordan couplings
//! `((l_1 l_2) L_2, l_3) L_3 … l_ν`, one per choice of the intermediate L. Where factors are equal (same l, same
//! channel) their components commute, chains become dependent, and only a linearly independent subset is kept
//! (R. Drautz, PRB 99, 014104 (2019); A. Seko, A. Togo and I. Tanaka, PRB 99, 214108 (2019)).

use super::clebsch_gordan::real_clebsch_gordan;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Largest order ν of an invariant.
pub const MAX_ORDER: usize = 6;
/// Largest number of entries Π(2l + 1) of a coupling tensor: order 4 up to l = 7, order 5 up to 4, order 6 up to 2; their
/// tables take seconds.
const MAX_ENTRIES: usize = 60_000;
/// Chains whose part outside the span of the earlier ones is below this fraction of their norm are dependent.
const DEPENDENT: f64 = 1e-6;
/// Tensor entries below this are rounding errors.
const NEGLIGIBLE: f64 = 1e-12;
/// Bits of one component in a packed monomial; 2l + 1 ≤ 25 fits.
const BITS: usize = 5;

/// One independent invariant polynomial of ν order-parameter components.
#[derive(Debug, Clone, PartialEq)]
pub struct Polynomial {
    /// Coefficient of each term.
    pub coefficients: Vec<f64>,
    /// ν components `l + m` per term, in the order of the factors.
    pub components: Vec<u8>,
}

/// Degrees of the factors, ascending, and lengths of the runs of equal factors.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    degrees: Vec<usize>,
    groups: Vec<usize>,
}

/// Whether the tensors of these degrees are small enough to be handled.
#[must_use]
pub fn is_feasible(degrees: &[usize]) -> bool {
    degrees.iter().map(|l| 2 * l + 1).product::<usize>() <= MAX_ENTRIES
}

/// Number of independent invariants, from characters: the multiplicity of weight 0 less that of weight 1 in the product
/// of the symmetric powers; zero for odd parity.
///
/// `groups` holds the lengths of runs of equal factors, in order; their sum is the number of degrees.
#[must_use]
pub fn count(degrees: &[usize], groups: &[usize]) -> usize {
    if degrees.iter().sum::<usize>() % 2 == 1 {
        return 0;
    }
    let mut weights: BTreeMap<isize, usize> = BTreeMap::from([(0, 1)]);
    let mut first = 0;
    for &length in groups {
        let l = degrees[first] as isize;
        let mut product = BTreeMap::new();
        for (w, n) in &weights {
            for (v, m) in symmetric_power(l, length) {
                *product.entry(w + v).or_insert(0) += n * m;
            }
        }
        weights = product;
        first += length;
    }
    let of_weight = |w: isize| weights.get(&w).copied().unwrap_or(0);
    of_weight(0) - of_weight(1)
}

/// Multiplicity of each weight in the symmetric power of a representation of degree l.
fn symmetric_power(l: isize, power: usize) -> BTreeMap<isize, usize> {
    // Multisets by (number of elements, weight), adding one component m after the other.
    let mut table: Vec<BTreeMap<isize, usize>> = vec![BTreeMap::new(); power + 1];
    table[0].insert(0, 1);
    for m in -l..=l {
        for k in 1..=power {
            let fewer: Vec<(isize, usize)> = table[k - 1].iter().map(|(w, n)| (*w, *n)).collect();
            for (w, n) in fewer {
                *table[k].entry(w + m).or_insert(0) += n;
            }
        }
    }
    table.swap_remove(power)
}

/// The independent invariants of factors with these degrees; see [`count`] for `groups`. Tables are made once.
#[must_use]
pub fn polynomials(degrees: &[usize], groups: &[usize]) -> Arc<Vec<Polynomial>> {
    static TABLES: OnceLock<Mutex<HashMap<Key, Arc<Vec<Polynomial>>>>> = OnceLock::new();
    let tables = TABLES.get_or_init(Mutex::default);
    let key = Key {
        degrees: degrees.to_vec(),
        groups: groups.to_vec(),
    };
    let mut tables = tables.lock().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(
        tables
            .entry(key)
            .or_insert_with_key(|key| Arc::new(key.polynomials())),
    )
}

impl Key {
    fn polynomials(&self) -> Vec<Polynomial> {
        let expected = count(&self.degrees, &self.groups);
        let mut independent = Independent::default();
        if expected == 0 {
            return Vec::new();
        }
        for chain in chains(&self.degrees) {
            let tensor = chain_tensor(&self.degrees, &chain);
            independent.offer(self.collapse(&tensor));
            if independent.kept.len() == expected {
                break;
            }
        }
        independent
            .kept
            .iter()
            .map(|terms| self.unpack(terms))
            .collect()
    }

    /// Merge the entries of a tensor that multiply the same monomial.
    fn collapse(&self, tensor: &[f64]) -> Terms {
        let mut terms = Terms::new();
        let mut components = vec![0_usize; self.degrees.len()];
        for &entry in tensor {
            if entry.abs() > NEGLIGIBLE {
                let mut sorted = components.clone();
                let mut first = 0;
                for &length in &self.groups {
                    sorted[first..first + length].sort_unstable();
                    first += length;
                }
                let packed = sorted.iter().fold(0_u32, |key, c| key << BITS | *c as u32);
                *terms.entry(packed).or_insert(0.0) += entry;
            }
            for (component, l) in components.iter_mut().zip(&self.degrees).rev() {
                *component += 1;
                if *component <= 2 * l {
                    break;
                }
                *component = 0;
            }
        }
        terms.retain(|_, c| c.abs() > NEGLIGIBLE);
        terms
    }

    fn unpack(&self, terms: &Terms) -> Polynomial {
        let order = self.degrees.len();
        let components = terms.keys().flat_map(|packed| {
            (0..order)
                .rev()
                .map(move |k| (packed >> (BITS * k)) as u8 & ((1 << BITS) - 1))
        });
        Polynomial {
            coefficients: terms.values().copied().collect(),
            components: components.collect(),
        }
    }
}

/// Coefficients by packed components.
type Terms = BTreeMap<u32, f64>;

/// A growing set of linearly independent polynomials, by modified Gram–Schmidt in the order they are offered.
#[derive(Debug, Default)]
struct Independent {
    kept: Vec<Terms>,
    orthonormal: Vec<Terms>,
}

impl Independent {
    fn offer(&mut self, terms: Terms) {
        let norm = squared(&terms).sqrt();
        let mut rest = terms.clone();
        for basis in &self.orthonormal {
            let overlap: f64 = basis
                .iter()
                .filter_map(|(k, v)| rest.get(k).map(|x| x * v))
                .sum();
            for (k, v) in basis {
                *rest.entry(*k).or_insert(0.0) -= overlap * v;
            }
        }
        let left = squared(&rest).sqrt();
        if left > DEPENDENT * norm {
            for v in rest.values_mut() {
                *v /= left;
            }
            self.orthonormal.push(rest);
            self.kept.push(terms);
        }
    }
}

fn squared(terms: &Terms) -> f64 {
    terms.values().map(|c| c * c).sum()
}

/// All choices of the intermediate degrees `L_2 … L_{ν−2}`, ascending; the last intermediate equals the last degree.
fn chains(degrees: &[usize]) -> Vec<Vec<usize>> {
    let order = degrees.len();
    let last = degrees[order - 1];
    let mut partial = vec![vec![degrees[0]]];
    for &l in &degrees[1..order - 1] {
        partial = partial
            .into_iter()
            .flat_map(|chain| {
                let before = chain[chain.len() - 1];
                (before.abs_diff(l)..=before + l).map(move |next| {
                    let mut longer = chain.clone();
                    longer.push(next);
                    longer
                })
            })
            .collect();
    }
    partial.retain(|chain| chain[chain.len() - 1] == last);
    partial
}

/// Dense tensor over the components of all factors, last factor fastest.
fn chain_tensor(degrees: &[usize], chain: &[usize]) -> Vec<f64> {
    let order = degrees.len();
    // Components of the factors so far × components of the intermediate.
    let mut tensor = identity(2 * degrees[0] + 1);
    for k in 1..order - 1 {
        let (before, l, after) = (chain[k - 1], degrees[k], chain[k]);
        let (nb, nl, na) = (2 * before + 1, 2 * l + 1, 2 * after + 1);
        let coupling = real_clebsch_gordan(before, l, after);
        let mut next = vec![0.0; tensor.len() / nb * nl * na];
        for (row, out) in tensor.chunks(nb).zip(next.chunks_mut(nl * na)) {
            for (x, block) in row.iter().zip(coupling.chunks(nl * na)) {
                if *x != 0.0 {
                    out.iter_mut().zip(block).for_each(|(o, c)| *o += x * c);
                }
            }
        }
        tensor = next;
    }
    // Two equal degrees couple to a scalar by Σ_m, so the intermediate is the last factor.
    tensor
}

fn identity(n: usize) -> Vec<f64> {
    let mut matrix = vec![0.0; n * n];
    matrix.iter_mut().step_by(n + 1).for_each(|x| *x = 1.0);
    matrix
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::basis::harmonics::Harmonics;

    #[test]
    fn counts_follow_the_known_invariants_of_symmetric_powers() {
        // Invariants of binary forms (Cayley and Sylvester): degrees 2, 3 and 4 of the form of order 2l.
        for (l, power, expected) in [
            (1, 2, 1),
            (1, 4, 1),
            (2, 3, 1),
            (2, 4, 1),
            (2, 6, 2),
            (3, 4, 2),
            (4, 3, 1),
            (4, 4, 2),
            (1, 3, 0),
            (3, 2, 1),
            (6, 3, 1),
            (6, 4, 3),
        ] {
            assert_eq!(
                count(&vec![l; power], &[power]),
                expected,
                "l = {l}, ν = {power}"
            );
        }
        // Without repeated channels: the number of chains.
        assert_eq!(count(&[1, 1, 1, 1], &[1; 4]), 3);
        assert_eq!(count(&[2, 2, 2, 2], &[1; 4]), 5);
        assert_eq!(count(&[1, 1, 2], &[1; 3]), 1);
        assert_eq!(count(&[1, 2, 2], &[1; 3]), 0); // odd parity
    }

    fn patterns(order: usize) -> Vec<Vec<usize>> {
        if order == 0 {
            return vec![vec![]];
        }
        (1..=order)
            .flat_map(|first| {
                patterns(order - first).into_iter().map(move |rest| {
                    let mut all = vec![first];
                    all.extend(rest);
                    all
                })
            })
            .collect()
    }

    #[test]
    fn independent_polynomials_are_as_many_as_characters_say() {
        for (order, max_l) in [(3, 5), (4, 3), (5, 2), (6, 1)] {
            for degrees in ascending(order, max_l) {
                for groups in patterns(order).into_iter().filter(|g| fits(&degrees, g)) {
                    let found = polynomials(&degrees, &groups).len();
                    assert_eq!(found, count(&degrees, &groups), "{degrees:?} {groups:?}");
                }
            }
        }
    }

    /// Equal factors have equal degrees.
    fn fits(degrees: &[usize], groups: &[usize]) -> bool {
        let mut first = 0;
        groups.iter().all(|&length| {
            let run = &degrees[first..first + length];
            first += length;
            run.iter().all(|l| *l == run[0])
        })
    }

    fn ascending(order: usize, max_l: usize) -> Vec<Vec<usize>> {
        if order == 0 {
            return vec![vec![]];
        }
        ascending(order - 1, max_l)
            .into_iter()
            .flat_map(|head| {
                let from = head.last().copied().unwrap_or(0);
                (from..=max_l).map(move |l| {
                    let mut all = head.clone();
                    all.push(l);
                    all
                })
            })
            .collect()
    }

    #[test]
    fn polynomials_of_harmonics_do_not_change_under_rotation_and_inversion() {
        let harmonics = Harmonics::new(6);
        let vectors: [[f64; 3]; 5] = [
            [0.6, 0.0, 0.8],
            [0.28, -0.96, 0.0],
            [-2.0 / 3.0, 2.0 / 3.0, 1.0 / 3.0],
            [0.0, 0.6, -0.8],
            [0.48, 0.6, 0.64],
        ];
        let (sin, cos) = 0.7_f64.sin_cos();
        // About z, then about x, then an inversion.
        let rotate = |[x, y, z]: [f64; 3]| {
            let (x, y) = (cos * x - sin * y, sin * x + cos * y);
            let (y, z) = (cos * y - sin * z, sin * y + cos * z);
            [-x, -y, -z]
        };
        let order_parameters = |turn: bool| {
            let mut a = vec![0.0; harmonics.len()];
            let mut y = vec![0.0; harmonics.len()];
            for (k, v) in vectors.into_iter().enumerate() {
                harmonics.evaluate(if turn { rotate(v) } else { v }, &mut y);
                let f = 1.0 / (k + 1) as f64;
                a.iter_mut().zip(&y).for_each(|(a, y)| *a += f * y);
            }
            a
        };
        let (before, after) = (order_parameters(false), order_parameters(true));
        for degrees in [
            vec![1, 1, 2],
            vec![2, 2, 2],
            vec![2, 4, 6],
            vec![1, 2, 2, 3],
            vec![2, 2, 3, 3],
            vec![1, 1, 1, 2, 3],
            vec![1, 1, 1, 1, 2, 2],
        ] {
            let groups = runs(&degrees);
            for polynomial in polynomials(&degrees, &groups).iter() {
                let value = |a: &[f64]| -> f64 {
                    polynomial
                        .coefficients
                        .iter()
                        .zip(polynomial.components.chunks(degrees.len()))
                        .map(|(c, m)| {
                            let factors = degrees.iter().zip(m);
                            c * factors
                                .map(|(l, m)| a[l * l + *m as usize])
                                .product::<f64>()
                        })
                        .sum()
                };
                let (x, y) = (value(&before), value(&after));
                assert!((x - y).abs() < 1e-12 * x.abs().max(1.0), "{degrees:?}");
                assert!(x != 0.0, "{degrees:?} vanishes");
            }
        }
    }

    fn runs(degrees: &[usize]) -> Vec<usize> {
        degrees
            .chunk_by(|a, b| a == b)
            .map(<[usize]>::len)
            .collect()
    }
}
