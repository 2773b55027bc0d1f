//! Elements whose sums over neighbours are in the energy as their total only.
//!
//! Programs that sum over all neighbours have, in this basis, one product for each choice of their elements, with the
//! coefficients of `Π_t Σ_s r_s a_st`. The total `Σ_s r_s a_st` is then all that has to be kept: neighbours of all these
//! elements are added to the sums of the first one, and the products of the first one alone are the energy.

use super::expand::expand;
use super::layout::Parts;
use super::polynomial::{Factors, NONE, Polynomial};
use crate::basis::Basis;
use crate::basis::invariants::{Channel, Factor, Invariant};
use crate::potential::Terms;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Largest deviation of a coefficient, in units of the largest one of the same channels.
const TOLERANCE: f64 = 1e-10;
/// The same for the coefficients of one element beside those of another, which are compared first.
const COARSE: f64 = 1e-7;

/// Radial functions of one element by rank, and all channels (rank, l).
type Shape = (Vec<usize>, BTreeSet<(usize, usize)>);

/// A column of the first element (of one l, if its radial function is contracted) and that of another one.
pub(super) type Twin = (Option<usize>, Parts, Parts);

/// The elements whose total is kept.
pub(super) struct Total {
    /// At least two, ascending.
    pub species: Vec<usize>,
    /// For each of them but the first, its columns.
    pub twins: Vec<Vec<Twin>>,
}

impl Total {
    /// The elements whose sums are in the energy as their total only; `folded` are the columns of linear pair terms.
    pub fn find(basis: &Basis, terms: &Terms, folded: &[Parts]) -> Option<Self> {
        let linear = linear(basis, terms)?;
        let shapes = shapes(basis.n_species(), &linear);
        let first = shapes
            .iter()
            .position(|(_, channels)| !channels.is_empty())?;
        let is_like_first = |s: &usize| {
            shapes[*s].1 == shapes[first].1 && folded[*s].is_empty() == folded[first].is_empty()
        };
        let species: Vec<usize> = (first..shapes.len()).filter(is_like_first).collect();
        let others = &species[1..];
        if others.is_empty()
            || !others
                .iter()
                .all(|s| are_proportional(&linear, &shapes, first, *s))
        {
            return None;
        }
        let ratios = Expanded::new(&linear, &shapes, &species).ratios()?;
        let twins = { others.iter().zip(&ratios[1..]) }
            .map(|(s, ratio)| twins(basis, &shapes, folded, [first, *s], *ratio))
            .collect::<Option<Vec<_>>>()?;
        Some(Self { species, twins })
    }

    /// The element to whose sums the neighbours of another one are added, and the columns of this other.
    pub fn twins_of(&self, species: usize) -> Option<(usize, &[Twin])> {
        let member = self.species.binary_search(&species).ok()?;
        Some((self.species[0], self.twins.get(member.checked_sub(1)?)?))
    }
}

/// All invariants that are no pair terms with their coefficients; none if some are multiplied.
fn linear<'a>(basis: &'a Basis, terms: &Terms) -> Option<Vec<(&'a Invariant, f64)>> {
    let mut found = Vec::new();
    for (monomial, weight) in &terms.products {
        let [k] = *monomial.factors() else {
            return None;
        };
        let invariant = &basis.invariants()[k as usize];
        if !matches!(invariant, Invariant::Pair(_)) {
            found.push((invariant, *weight));
        }
    }
    Some(found)
}

fn shapes(n_species: usize, linear: &[(&Invariant, f64)]) -> Vec<Shape> {
    let mut used = vec![BTreeSet::new(); n_species];
    for (invariant, _) in linear {
        for (channel, l) in invariant.channels().into_iter().zip(invariant.degrees()) {
            used[channel.species].insert((channel.radial, l));
        }
    }
    let shape = |used: BTreeSet<(usize, usize)>| {
        let mut radials: Vec<usize> = used.iter().map(|(radial, _)| *radial).collect();
        radials.dedup();
        let rank = |radial| radials.partition_point(|own| *own < radial);
        let channels = used.iter().map(|(radial, l)| (rank(*radial), *l)).collect();
        (radials, channels)
    };
    used.into_iter().map(shape).collect()
}

/// Whether the invariants of `other` alone have the coefficients of those of `first` alone, but for a factor for each order:
/// a necessary condition that needs no expansion.
fn are_proportional(
    linear: &[(&Invariant, f64)],
    shapes: &[Shape],
    first: usize,
    other: usize,
) -> bool {
    let is_of = |invariant: &Invariant, s| invariant.channels().iter().all(|c| c.species == s);
    let own: Vec<_> = linear.iter().filter(|(i, _)| is_of(i, first)).collect();
    let of_other: HashMap<&Invariant, f64> = { linear.iter() }
        .filter(|(i, _)| is_of(i, other))
        .map(|(i, w)| (*i, *w))
        .collect();
    let mut by_order: BTreeMap<usize, Vec<[f64; 2]>> = BTreeMap::new();
    for (invariant, weight) in &own {
        let twin = with_channels(invariant, |channel| {
            let rank = shapes[first].0.partition_point(|own| *own < channel.radial);
            Channel {
                species: other,
                radial: shapes[other].0[rank],
            }
        });
        let theirs = of_other.get(&twin).copied().unwrap_or(0.0);
        by_order
            .entry(invariant.order())
            .or_default()
            .push([*weight, theirs]);
    }
    own.len() == of_other.len()
        && by_order.values().all(|pairs| {
            let largest = { pairs.iter() }.max_by(|a, b| a[0].abs().total_cmp(&b[0].abs()));
            largest.is_some_and(|[a, b]| {
                let limit = COARSE * a.abs().max(b.abs());
                pairs
                    .iter()
                    .all(|[x, y]| (y * a - x * b).abs() <= limit * a.abs())
            })
        })
}

fn with_channels(invariant: &Invariant, twin: impl Fn(Channel) -> Channel) -> Invariant {
    match invariant {
        Invariant::Pair(channel) => Invariant::Pair(twin(*channel)),
        Invariant::Angular { first, second, l } => Invariant::Angular {
            first: twin(*first),
            second: twin(*second),
            l: *l,
        },
        Invariant::Coupled { factors, component } => {
            let turned = factors.iter().map(|f| Factor {
                l: f.l,
                channel: twin(f.channel),
            });
            Invariant::Coupled {
                factors: turned.collect(),
                component: *component,
            }
        }
    }
}

/// A monomial of the sums of several elements.
struct Term {
    /// The sums of the first element in the place of those of all.
    total: Factors,
    /// Which of the elements each of the sums `total` is of.
    members: [u8; 6],
    coefficient: f64,
}

/// The energy as a polynomial of the sums of several elements.
struct Expanded {
    n_members: usize,
    /// Sums of one element; those with larger numbers are of elements that are no members.
    n_sums: u32,
    /// Channel of each of them.
    channels: Vec<u32>,
    /// Ascending by `total`.
    terms: Vec<Term>,
}

impl Expanded {
    fn new(linear: &[(&Invariant, f64)], shapes: &[Shape], species: &[usize]) -> Self {
        let (mut starts, mut channels) = (BTreeMap::new(), Vec::new());
        for (k, (rank, l)) in shapes[species[0]].1.iter().enumerate() {
            starts.insert((*rank, *l), channels.len());
            channels.resize(channels.len() + 2 * l + 1, k as u32);
        }
        let n_sums = channels.len();
        let mut strangers = BTreeMap::new();
        let mut next = n_sums * species.len();
        for (s, (radials, own)) in shapes.iter().enumerate() {
            if species.contains(&s) {
                continue;
            }
            for (rank, l) in own {
                strangers.insert((s, radials[*rank], *l), next);
                next += 2 * l + 1;
            }
        }
        let find = |channel: Channel, l: usize| match species.binary_search(&channel.species) {
            Ok(member) => {
                let radials = &shapes[channel.species].0;
                let rank = radials.partition_point(|own| *own < channel.radial);
                (member * n_sums + starts[&(rank, l)], 1)
            }
            Err(_) => (strangers[&(channel.species, channel.radial, l)], 1),
        };
        let mut polynomial = Polynomial::default();
        for (invariant, weight) in linear {
            expand(invariant, *weight, find, &mut polynomial);
        }
        let (n_sums, n_members) = (n_sums as u32, species.len());
        let merged = polynomial.merged().into_iter();
        let mut terms: Vec<Term> = merged
            .map(|(factors, coefficient)| Term::new(factors, coefficient, n_sums, n_members))
            .collect();
        terms.sort_by_key(|term| term.total);
        Self {
            n_members,
            n_sums,
            channels,
            terms,
        }
    }

    /// `r_s` of the members, if the energy depends on totals only.
    fn ratios(&self) -> Option<Vec<f64>> {
        let ratios = self.presumed_ratios()?;
        let absolute: f64 = ratios.iter().map(|ratio| ratio.abs()).sum();
        let mut largest: BTreeMap<Factors, f64> = BTreeMap::new();
        for term in &self.terms {
            let scale = largest.entry(self.channels_of(&term.total)).or_insert(0.0);
            *scale = term.coefficient.abs().max(*scale);
        }
        let are_totals = self.terms.chunk_by(|a, b| a.total == b.total).all(|group| {
            let total = &group[0].total;
            let limit = TOLERANCE * largest[&self.channels_of(total)];
            let own = { group.iter() }.find(|term| term.is_of_first());
            let own = own.map_or(0.0, |term| term.coefficient);
            let deviates = |term: &Term| {
                let expected = own * self.multiplicity(term) * self.product(term, &ratios);
                (term.coefficient - expected).abs() > limit
            };
            // Each term is what it should be, and none of them is missing.
            let found: f64 = group.iter().map(|term| term.coefficient.abs()).sum();
            let all = absolute.powi(self.members(total) as i32);
            !group.iter().any(deviates) && (found - own.abs() * all).abs() <= limit * all.max(1.0)
        });
        are_totals.then_some(ratios)
    }

    /// `r_s` from the terms with one sum of each member beside the largest term of the first element alone.
    fn presumed_ratios(&self) -> Option<Vec<f64>> {
        let candidates = { self.terms.iter() }
            .filter(|term| term.is_of_first() && self.members(&term.total) > 0);
        let largest =
            candidates.max_by(|a, b| a.coefficient.abs().total_cmp(&b.coefficient.abs()))?;
        let start = self
            .terms
            .partition_point(|term| term.total < largest.total);
        let group = self.terms[start..].iter();
        let group: Vec<&Term> = group
            .take_while(|term| term.total == largest.total)
            .collect();
        let mut ratios = vec![1.0];
        for member in 1..self.n_members {
            let single = group.iter().find(|term| {
                let others = term.members.iter().filter(|own| **own != 0);
                others.eq([&(member as u8)])
            })?;
            let ratio = single.coefficient / (largest.coefficient * self.multiplicity(single));
            // What differs from 1 by rounding is 1.
            ratios.push(if (ratio - 1.0).abs() < TOLERANCE {
                1.0
            } else {
                ratio
            });
        }
        Some(ratios)
    }

    /// How many factors are sums of members.
    fn members(&self, total: &Factors) -> usize {
        total.iter().filter(|sum| **sum < self.n_sums).count()
    }

    fn channels_of(&self, total: &Factors) -> Factors {
        total.map(|sum| self.channels.get(sum as usize).copied().unwrap_or(sum))
    }

    /// In how many ways the factors can be given to these members.
    fn multiplicity(&self, term: &Term) -> f64 {
        let mut found = 1.0;
        let (mut same, mut of_member) = (0.0, 0.0);
        for k in 0..self.members(&term.total) {
            let is_same = k > 0 && term.total[k] == term.total[k - 1];
            same = if is_same { same + 1.0 } else { 1.0 };
            let is_of_member = is_same && term.members[k] == term.members[k - 1];
            of_member = if is_of_member { of_member + 1.0 } else { 1.0 };
            found *= same / of_member;
        }
        found
    }

    fn product(&self, term: &Term, ratios: &[f64]) -> f64 {
        let members = &term.members[..self.members(&term.total)];
        members
            .iter()
            .map(|member| ratios[usize::from(*member)])
            .product()
    }
}

impl Term {
    fn new(factors: Factors, coefficient: f64, n_sums: u32, n_members: usize) -> Self {
        let mut pairs = factors.map(|sum| {
            let member = sum / n_sums;
            if sum == NONE || member as usize >= n_members {
                return (sum, 0);
            }
            (sum % n_sums, member as u8)
        });
        pairs.sort_unstable();
        Self {
            total: pairs.map(|(sum, _)| sum),
            members: pairs.map(|(_, member)| member),
            coefficient,
        }
    }

    fn is_of_first(&self) -> bool {
        self.members == [0; 6]
    }
}

/// The columns of an element beside those of the first one; none if one of these would be two of the other.
fn twins(
    basis: &Basis,
    shapes: &[Shape],
    folded: &[Parts],
    [first, other]: [usize; 2],
    ratio: f64,
) -> Option<Vec<Twin>> {
    let mut found: Vec<Twin> = Vec::new();
    if !folded[first].is_empty() {
        found.push((None, folded[first].clone(), folded[other].clone()));
    }
    for (rank, l) in &shapes[first].1 {
        let [own, theirs] = [first, other].map(|s| &basis.radial()[shapes[s].0[*rank]]);
        if own.is_contracted() != theirs.is_contracted() {
            return None;
        }
        let key = own.is_contracted().then_some(*l);
        let (parts, mut twin) = (own.combination(*l), theirs.combination(*l));
        for (_, weight) in &mut twin {
            *weight *= ratio;
        }
        match { found.iter() }.find(|(of_l, own, _)| *of_l == key && *own == parts) {
            Some((_, _, known)) if *known != twin => return None,
            Some(_) => {}
            None => found.push((key, parts, twin)),
        }
    }
    let mut names: Vec<(Option<usize>, &Parts)> = Vec::new();
    for (key, _, twin) in &found {
        // Two columns of the first may not be one of the other: they would be laid out differently.
        if names.contains(&(*key, twin)) {
            return None;
        }
        names.push((*key, twin));
    }
    Some(found)
}
