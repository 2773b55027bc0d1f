//! From the neighbourhood of one atom to features: radial functions, harmonics, invariants, monomials.

pub mod center_sums;
mod clebsch_gordan;
pub mod coupling;
pub mod cutoff;
mod enumeration;
pub mod environment_features;
pub mod harmonics;
pub mod invariants;
mod listed;
pub mod monomials;
pub mod piecewise;
pub mod products;
pub mod radial;
mod radial_grid;
mod radial_set;
mod radial_tables;
pub mod spec;
pub(crate) mod spec_v1;

use std::collections::{BTreeMap, BTreeSet};

use crate::elements;
use crate::repulsion::CenterRepulsion;
use crate::{Error, Result};
use harmonics::Harmonics;
use invariants::{Invariant, LabelIndex};
use monomials::{Block, Monomials, count_mixed};
use radial::RadialFunction;
use radial_tables::RadialTables;
use spec::{BasisSpec, RadialEntry};

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

/// Degree, order, sum of l and sum of n of a feature.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FeatureDegrees {
    /// Number of invariants that are multiplied.
    pub degree: usize,
    /// Number of order parameters that are multiplied: the body order less one.
    pub order: usize,
    /// Sum of the degrees l of all order parameters.
    pub sum_l: usize,
    /// Largest order ν of an invariant.
    pub max_order: usize,
    /// Sum of the positions n of all radial functions within their grids, which several sets with cutoffs of their own may
    /// share.
    pub sum_n: usize,
}

impl FeatureDegrees {
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
        let (list, blocks) = enumerate(&spec, &radial)?;
        check_order_parameters(&spec, &radial)?;
        let n_pair = blocks[0].end;
        let total = blocks.iter().map(Block::count).sum::<f64>() + count_mixed(&blocks);
        check_count(total, "features")?;
        let monomials = Monomials::enumerate(&blocks, spec.constant);
        let tables = RadialTables::new(spec.elements.len(), &radial, &list);
        let max_l = radial
            .iter()
            .filter_map(RadialEntry::max_l_of_order_parameters)
            .max();
        let harmonics = Harmonics::new(max_l.unwrap_or(0));
        let repulsion = spec
            .repulsion
            .as_ref()
            .map_or_else(Vec::new, |r| r.centers(&spec.elements, spec.cutoff));
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

    /// Primitives: the functions that radial functions are combinations of.
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

    /// Repulsion of a centre element; none if the basis has no repulsion.
    #[must_use]
    pub fn repulsion(&self, center: usize) -> Option<&CenterRepulsion> {
        self.repulsion.get(center)
    }

    /// Effective distance `u(r)` at which the radial functions are evaluated, and `du/dr`.
    #[must_use]
    pub fn effective_distance(&self, center: usize, species: usize, r: f64) -> (f64, f64) {
        self.repulsion(center).map_or((r, 1.0), |repulsion| {
            repulsion.effective_distance(species, r)
        })
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

    /// Degree, order, sum of l and sum of n of each feature of one centre, in order.
    #[must_use]
    pub fn feature_degrees(&self) -> Vec<FeatureDegrees> {
        let positions = |invariant: &Invariant| {
            let channels = invariant.channels();
            channels
                .iter()
                .map(|c| self.radial[c.radial].position)
                .sum()
        };
        let of_invariant = |invariant: &Invariant| FeatureDegrees {
            degree: 1,
            order: invariant.order(),
            sum_l: invariant.degrees().iter().sum(),
            max_order: invariant.order(),
            sum_n: positions(invariant),
        };
        let invariants: Vec<FeatureDegrees> = self.invariants.iter().map(of_invariant).collect();
        let of_monomial = |m: monomials::Monomial| {
            let factors = m.factors().iter().map(|f| invariants[*f as usize]);
            factors.fold(FeatureDegrees::default(), FeatureDegrees::times)
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

/// All invariants by order, and the range of each order.
fn enumerate(spec: &BasisSpec, radial: &[RadialEntry]) -> Result<(Vec<Invariant>, Vec<Block>)> {
    let (mut list, mut blocks) = (Vec::new(), Vec::new());
    for own in &spec.invariants {
        let start = list.len();
        list.extend(enumeration::invariants_of_order(own, spec, radial)?);
        if list.len() == start {
            return Err(Error::Basis(format!(
                "order {}: no invariant has these limits; raise max_l or max_total, or lower min_l",
                own.order
            )));
        }
        let multiplied = |i: &&Invariant| enumeration::is_multiplied(i, own, radial);
        blocks.push(Block {
            start,
            end: list.len(),
            product_end: start + list[start..].iter().take_while(multiplied).count(),
            degree: own.degree,
            cross_degree: own.cross_degree,
            mixed_degree: own.mixed_degree,
        });
    }
    Ok((list, blocks))
}

/// Refuse order parameters that would not fit, before their tables are made.
fn check_order_parameters(spec: &BasisSpec, radial: &[RadialEntry]) -> Result<()> {
    let n_lm = |entry: &RadialEntry| {
        let max_l = entry.max_l_of_order_parameters();
        max_l.map_or(0, |l| (l + 1) * (l + 1))
    };
    let order_parameters: usize = radial.iter().map(n_lm).sum();
    let total = spec.elements.len() as f64 * order_parameters as f64;
    check_count(total, "order parameters")
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
