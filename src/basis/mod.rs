//! From the neighbourhood of one atom to features: radial functions, harmonics, invariants, monomials.

pub mod center_sums;
mod clebsch_gordan;
pub mod coupling;
pub mod cutoff;
pub mod environment_features;
pub mod harmonics;
pub mod invariants;
pub mod monomials;
pub mod products;
pub mod radial;
mod radial_grid;
mod radial_tables;
pub mod repulsion;
pub mod spec;

use std::collections::{BTreeMap, BTreeSet};

use crate::elements;
use crate::{Error, Result};
use harmonics::Harmonics;
use invariants::{Invariant, LabelIndex};
use monomials::{Block, Monomials, count_mixed};
use radial::RadialFunction;
use radial_tables::RadialTables;
use repulsion::CenterRepulsion;
use spec::{BasisSpec, RadialCoupling, RadialEntry};

/// Largest number of features, and of order parameters, per centre.
pub const MAX_FEATURES: usize = 200_000;

/// A validated specification with its enumerated invariants and features.
///
/// Every centre element has the same list of features; the columns of a design matrix are the features of the first
/// element, then those of the second, and so on.
#[derive(Debug, Clone)]
pub struct Basis {
    spec: BasisSpec,
    numbers: Vec<u8>,
    primitives: Vec<RadialFunction>,
    radial: Vec<RadialEntry>,
    harmonics: Harmonics,
    invariants: Vec<Invariant>,
    n_pair: usize,
    monomials: Monomials,
    tables: RadialTables,
    repulsion: Vec<CenterRepulsion>,
}

/// What a feature is made of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MakeUp {
    /// Number of invariants that are multiplied.
    pub degree: usize,
    /// Number of order parameters that are multiplied: the body order less one.
    pub order: usize,
    /// Sum of the degrees l of all order parameters.
    pub sum_l: usize,
    /// Largest order ν of an invariant.
    pub max_order: usize,
    /// Sum of the positions n of all radial functions within their sets.
    pub sum_n: usize,
}

impl MakeUp {
    fn times(self, other: Self) -> Self {
        Self {
            degree: self.degree + other.degree,
            order: self.order + other.order,
            sum_l: self.sum_l + other.sum_l,
            max_order: self.max_order.max(other.max_order),
            sum_n: self.sum_n + other.sum_n,
        }
    }
}

impl Basis {
    /// Enumerate the features of a specification.
    ///
    /// # Errors
    /// [`Error::Basis`] or [`Error::Cutoff`] for a specification that is inconsistent or has too many features.
    pub fn new(spec: BasisSpec) -> Result<Self> {
        spec.validate()?;
        let (primitives, radial) = spec.radial_entries()?;
        let numbers = spec
            .elements
            .iter()
            .filter_map(|symbol| elements::atomic_number(symbol))
            .collect();
        check_angular(&spec, &radial)?;
        let mut list = invariants::pair_invariants(spec.elements.len(), &radial);
        let n_pair = list.len();
        let block = |list: &[Invariant], start: usize, polynomial, mixed_degree| {
            let own = list[start..].iter();
            let multiplied = own.take_while(|i| invariants::is_multiplied(i, &spec, &radial));
            Block {
                start,
                end: list.len(),
                product_end: start + multiplied.count(),
                polynomial,
                mixed_degree,
            }
        };
        let mut blocks = Vec::new();
        blocks.push(block(&list, 0, spec.pair, spec.mixed_degree));
        if let Some(angular) = spec.angular {
            list.extend(invariants::angular_invariants(&spec, &radial));
            blocks.push(block(
                &list,
                n_pair,
                angular.polynomial(),
                spec.mixed_degree,
            ));
        }
        for higher in &spec.higher {
            let start = list.len();
            list.extend(invariants::higher_invariants(
                higher,
                spec.elements.len(),
                &radial,
            )?);
            if list.len() == start {
                return Err(Error::Basis(format!(
                    "order {}: no invariant has these limits; raise max_l or max_total, or lower min_l",
                    higher.order
                )));
            }
            blocks.push(block(
                &list,
                start,
                higher.polynomial(),
                higher.mixed_degree,
            ));
        }
        let total = blocks.iter().map(Block::count).sum::<f64>() + count_mixed(&blocks);
        check_count(total, "features")?;
        let monomials = Monomials::enumerate(&blocks, spec.constant);
        let tables = RadialTables::new(spec.elements.len(), &radial, &list);
        let max_l = radial.iter().filter_map(RadialEntry::max_l).max();
        let harmonics = Harmonics::new(max_l.unwrap_or(0));
        let repulsion = spec
            .repulsion
            .as_ref()
            .map_or_else(Vec::new, |r| r.centers(&spec));
        Ok(Self {
            spec,
            numbers,
            primitives,
            radial,
            harmonics,
            invariants: list,
            n_pair,
            monomials,
            tables,
            repulsion,
        })
    }

    /// The specification.
    #[must_use]
    pub fn spec(&self) -> &BasisSpec {
        &self.spec
    }

    /// Cutoff radius of the neighbour list, Å.
    #[must_use]
    pub fn cutoff(&self) -> f64 {
        self.spec.cutoff
    }

    /// Number of elements.
    #[must_use]
    pub fn n_species(&self) -> usize {
        self.spec.elements.len()
    }

    /// Features of one centre element.
    #[must_use]
    pub fn features_per_center(&self) -> usize {
        self.monomials.len
    }

    /// Columns of a design matrix: features per centre × elements.
    #[must_use]
    pub fn n_features(&self) -> usize {
        self.monomials.len * self.n_species()
    }

    /// The functions that radial functions are made of.
    #[must_use]
    pub fn primitives(&self) -> &[RadialFunction] {
        &self.primitives
    }

    /// Radial functions, in the order of the specification.
    #[must_use]
    pub fn radial(&self) -> &[RadialEntry] {
        &self.radial
    }

    /// Invariants of one centre, by order.
    #[must_use]
    pub fn invariants(&self) -> &[Invariant] {
        &self.invariants
    }

    /// Features of one centre as products of invariants.
    #[must_use]
    pub fn monomials(&self) -> &Monomials {
        &self.monomials
    }

    /// Harmonics up to the largest l in use.
    #[must_use]
    pub fn harmonics(&self) -> &Harmonics {
        &self.harmonics
    }

    /// The repulsion as a centre element has it.
    #[must_use]
    pub fn repulsion(&self, center: usize) -> Option<&CenterRepulsion> {
        self.repulsion.get(center)
    }

    /// The distance that the radial functions see of a neighbour, and its derivative.
    #[must_use]
    pub fn seen_distance(&self, center: usize, species: usize, r: f64) -> (f64, f64) {
        self.repulsion(center)
            .map_or((r, 1.0), |repulsion| repulsion.seen_distance(species, r))
    }

    /// Labels of the features of one centre, in order.
    #[must_use]
    pub fn labels(&self) -> Vec<String> {
        let label = |m| invariants::feature_label(m, &self.invariants, &self.spec.elements);
        self.monomials.iter().map(label).collect()
    }

    /// Total degree of each feature of one centre, in order.
    #[must_use]
    pub fn degrees(&self) -> Vec<usize> {
        self.monomials.iter().map(|m| m.factors().len()).collect()
    }

    /// What each feature of one centre is made of, in order.
    #[must_use]
    pub fn make_up(&self) -> Vec<MakeUp> {
        let positions = |invariant: &Invariant| {
            let channels = invariant.channels();
            channels
                .iter()
                .map(|c| self.radial[c.radial].position)
                .sum()
        };
        let of_invariant = |invariant: &Invariant| MakeUp {
            degree: 1,
            order: invariant.order(),
            sum_l: invariant.degrees().iter().sum(),
            max_order: invariant.order(),
            sum_n: positions(invariant),
        };
        let invariants: Vec<MakeUp> = self.invariants.iter().map(of_invariant).collect();
        let of_monomial = |m: monomials::Monomial| {
            let factors = m.factors().iter().map(|f| invariants[*f as usize]);
            factors.fold(MakeUp::default(), MakeUp::times)
        };
        self.monomials.iter().map(of_monomial).collect()
    }

    /// Group of each feature of one centre, numbered from 0 in order of appearance.
    ///
    /// Features of a group have the same largest order of an invariant and multiply order parameters of the same set of
    /// radial functions and degrees (n, l), in whatever powers and couplings and of whatever neighbours: the evaluator
    /// pays for these order parameters once.
    #[must_use]
    pub fn groups(&self) -> Vec<usize> {
        let mut numbers: BTreeMap<(usize, BTreeSet<(usize, usize)>), usize> = BTreeMap::new();
        let group_of = |m: monomials::Monomial| {
            let (mut order, mut channels) = (0, BTreeSet::new());
            for invariant in m.factors().iter().map(|f| &self.invariants[*f as usize]) {
                order = order.max(invariant.order());
                let radial = invariant.channels().into_iter().map(|c| c.radial);
                channels.extend(radial.zip(invariant.degrees()));
            }
            let next = numbers.len();
            *numbers.entry((order, channels)).or_insert(next)
        };
        self.monomials.iter().map(group_of).collect()
    }

    /// Index that finds features by label.
    #[must_use]
    pub fn label_index(&self) -> LabelIndex {
        LabelIndex::new(&self.invariants, &self.monomials, &self.spec.elements)
    }

    /// Element indices of atoms given by atomic number.
    ///
    /// # Errors
    /// [`Error::UnknownElement`] naming the first atom whose element is not in the basis.
    pub fn species(&self, numbers: &[u8]) -> Result<Vec<u16>> {
        let find = |(atom, number): (usize, &u8)| {
            let position = self.numbers.iter().position(|n| n == number);
            position
                .map(|k| k as u16)
                .ok_or_else(|| Error::UnknownElement {
                    atom,
                    symbol: elements::symbol(*number).unwrap_or("?").to_string(),
                    known: self.spec.elements.join(", "),
                })
        };
        numbers.iter().enumerate().map(find).collect()
    }
}

/// Refuse angular invariants and order parameters that would not fit, before they are enumerated.
///
/// The count includes every p with l = 0 that is left out for a product d·d', which is a feature, too: no basis
/// within the limit is refused.
fn check_angular(spec: &BasisSpec, radial: &[RadialEntry]) -> Result<()> {
    let n_species = spec.elements.len() as f64;
    let pairs = |n: f64| n * (n + 1.0) / 2.0;
    if let Some(angular) = spec.angular {
        let of_degree = |l: usize| {
            let reaches = |entry: &&RadialEntry| entry.reach(2).is_some_and(|max_l| l <= max_l);
            let n_radial = radial.iter().filter(reaches).count() as f64;
            match angular.radial {
                RadialCoupling::Diagonal => n_radial * pairs(n_species),
                RadialCoupling::Free => pairs(n_radial * n_species),
            }
        };
        check_count((0..=angular.max_l).map(of_degree).sum(), "features")?;
    }
    let n_lm = |entry: &RadialEntry| entry.max_l().map_or(0, |l| (l + 1) * (l + 1));
    let order_parameters: usize = radial.iter().map(n_lm).sum();
    check_count(n_species * order_parameters as f64, "order parameters")
}

fn check_count(total: f64, what: &str) -> Result<()> {
    if total > MAX_FEATURES as f64 {
        return Err(Error::Basis(format!(
            "{total:.0} {what} per centre element exceed the limit of {MAX_FEATURES}; lower the degrees, max_l or \
             the number of radial functions"
        )));
    }
    Ok(())
}
