//! From the neighbourhood of one atom to features: radial functions, harmonics, invariants, monomials.

pub mod cutoff;
pub mod harmonics;
pub mod invariants;
pub mod local;
pub mod monomials;
pub mod radial;
mod radial_grid;
pub mod repulsion;
pub mod spec;

use crate::elements;
use crate::{Error, Result};
use harmonics::Harmonics;
use invariants::{Invariant, LabelIndex};
use monomials::{Block, Monomials};
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
    radial: Vec<RadialEntry>,
    harmonics: Harmonics,
    invariants: Vec<Invariant>,
    n_pair: usize,
    monomials: Monomials,
    tables: local::RadialTables,
    repulsion: Vec<CenterRepulsion>,
}

impl Basis {
    /// Enumerate the features of a specification.
    ///
    /// # Errors
    /// [`Error::Basis`] or [`Error::Cutoff`] for a specification that is inconsistent or has too many features.
    pub fn new(spec: BasisSpec) -> Result<Self> {
        spec.validate()?;
        let radial = spec.radial_entries()?;
        let numbers = spec
            .elements
            .iter()
            .filter_map(|symbol| elements::atomic_number(symbol))
            .collect();
        check_angular(&spec, &radial)?;
        let mut list = invariants::pair_invariants(spec.elements.len(), &radial);
        let n_pair = list.len();
        list.extend(invariants::angular_invariants(&spec, &radial));
        let multiplied = |from: usize| {
            let kept = list[from..]
                .iter()
                .take_while(|i| invariants::is_multiplied(i, &spec, &radial));
            from + kept.count()
        };
        let pair = Block {
            start: 0,
            end: n_pair,
            product_end: multiplied(0).min(n_pair),
            polynomial: spec.pair,
        };
        let angular = spec.angular.map(|angular| Block {
            start: n_pair,
            end: list.len(),
            product_end: multiplied(n_pair),
            polynomial: angular.polynomial(),
        });
        check_size(&spec, pair, angular)?;
        let monomials = Monomials::enumerate(pair, angular, spec.mixed_degree, spec.constant);
        let tables = local::RadialTables::new(spec.elements.len(), &radial, &list);
        let harmonics = Harmonics::new(spec.angular.map_or(0, |a| a.max_l));
        let repulsion = spec
            .repulsion
            .as_ref()
            .map_or_else(Vec::new, |r| r.centers(&spec));
        Ok(Self {
            spec,
            numbers,
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

    /// Radial functions, in the order of the specification.
    #[must_use]
    pub fn radial(&self) -> &[RadialEntry] {
        &self.radial
    }

    /// Invariants of one centre: all pairwise ones, then all angular ones.
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
    let Some(angular) = spec.angular else {
        return Ok(());
    };
    let n_species = spec.elements.len() as f64;
    let pairs = |n: f64| n * (n + 1.0) / 2.0;
    let of_degree = |l: usize| {
        let reaches = |entry: &&RadialEntry| entry.angular.is_some_and(|max_l| l <= max_l);
        let n_radial = radial.iter().filter(reaches).count() as f64;
        match angular.radial {
            RadialCoupling::Diagonal => n_radial * pairs(n_species),
            RadialCoupling::Free => pairs(n_radial * n_species),
        }
    };
    check_count((0..=angular.max_l).map(of_degree).sum(), "features")?;
    let n_angular = radial.iter().filter(|e| e.angular.is_some()).count();
    let n_lm = (angular.max_l + 1) * (angular.max_l + 1);
    check_count(n_species * (n_angular * n_lm) as f64, "order parameters")
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

/// Refuse a basis whose monomials would not fit, before they are enumerated.
fn check_size(spec: &BasisSpec, pair: Block, angular: Option<Block>) -> Result<()> {
    let pure = |block: &Block| {
        let n = (block.product_end - block.start) as f64;
        let p = block.polynomial;
        let of_degree = |degree: usize| match (degree <= p.degree, degree <= p.cross_degree) {
            (false, _) => 0.0,
            (true, false) => n,
            (true, true) if degree == 2 => n * (n + 1.0) / 2.0,
            (true, true) => n * (n + 1.0) * (n + 2.0) / 6.0,
        };
        (block.end - block.start) as f64 + of_degree(2) + of_degree(3)
    };
    let mut total = pure(&pair);
    if let Some(angular) = &angular {
        total += pure(angular);
        let d = (pair.product_end - pair.start) as f64;
        let p = (angular.product_end - angular.start) as f64;
        if spec.mixed_degree >= 2 {
            total += d * p;
        }
        if spec.mixed_degree >= 3 {
            total += d * (d + 1.0) / 2.0 * p + d * p * (p + 1.0) / 2.0;
        }
    }
    check_count(total, "features")
}
