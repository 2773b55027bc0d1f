//! The basis specification: the serde document that crosses every boundary and is validated once, here.

use super::cutoff::CutoffFunction;
use super::harmonics::MAX_L;
use super::radial::RadialFunction;
pub use super::radial_grid::RadialGrid;
use super::repulsion::Repulsion;
use crate::elements;
use crate::{Error, Result};
use serde::{Deserialize, Serialize};

/// Largest cutoff radius accepted, Å.
pub const MAX_CUTOFF: f64 = 30.0;
const MAX_RADIAL: usize = 1000;

/// Everything that defines the candidate features of a potential.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BasisSpec {
    /// Chemical symbols; their order fixes the order of the features.
    pub elements: Vec<String>,
    /// Cutoff radius, Å.
    pub cutoff: f64,
    /// Cutoff function shared by all radial functions.
    pub cutoff_function: CutoffFunction,
    /// Radial functions, numbered in this order.
    pub radial: Vec<RadialSet>,
    /// Polynomials of the pairwise invariants d.
    pub pair: Polynomial,
    /// Angular invariants p and their polynomials; none in `pair` and `pair-poly`.
    #[serde(default)]
    pub angular: Option<Angular>,
    /// Largest total degree of the products that mix d and p (0: none, 2: d·p, 3: d·d·p and d·p·p).
    #[serde(default)]
    pub mixed_degree: usize,
    /// Whether every centre carries a constant feature (a fitted shift of the reference energy).
    #[serde(default)]
    pub constant: bool,
    /// What takes over where no data are; nothing if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repulsion: Option<Repulsion>,
}

/// A grid of radial functions of one family.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RadialSet {
    /// Family and parameter grid.
    pub function: RadialGrid,
    /// Cutoff of this set, Å; the basis' cutoff if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cutoff: Option<f64>,
    /// Orders ν of the invariants that use this set; all if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub orders: Option<Vec<usize>>,
    /// Largest degree l of the angular invariants that use this set; the basis' `max_l` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_l: Option<usize>,
    /// Whether invariants of this set alone enter products of degree 2 and 3; yes if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub products: Option<bool>,
}

/// Degrees of the monomials in one kind of invariant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Polynomial {
    /// Largest power of a single invariant, 1 to 3.
    pub degree: usize,
    /// Largest degree at which products of different invariants are taken (1: none).
    pub cross_degree: usize,
}

impl Polynomial {
    /// The invariants themselves, no powers.
    pub const LINEAR: Self = Self {
        degree: 1,
        cross_degree: 1,
    };
}

/// Which pairs of radial functions an angular invariant couples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RadialCoupling {
    /// One shared radial index, as in the polynomial potentials of A. Seko, PRB 99, 214108 (2019).
    Diagonal,
    /// All pairs of radial indices.
    Free,
}

/// The angular invariants `p = Σ_jk f_n f_n' P_l(cos θ)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Angular {
    /// Largest degree l.
    pub max_l: usize,
    /// Radial pairs.
    pub radial: RadialCoupling,
    /// Largest power of one p, 1 to 3.
    pub degree: usize,
    /// Largest degree of products of different p (1: none).
    pub cross_degree: usize,
    /// Largest l of the p that enter products; `max_l` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product_max_l: Option<usize>,
    /// Radial pairs of the p that enter products; as `radial` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product_radial: Option<RadialCoupling>,
}

impl Angular {
    pub(super) fn polynomial(&self) -> Polynomial {
        Polynomial {
            degree: self.degree,
            cross_degree: self.cross_degree,
        }
    }
}

/// One radial function with the invariants it may enter.
#[derive(Debug, Clone, PartialEq)]
pub struct RadialEntry {
    /// `f_n(r)`.
    pub function: RadialFunction,
    /// Whether it enters the pairwise invariants.
    pub pair: bool,
    /// Largest l of the angular invariants it enters; none if it enters no angular invariant.
    pub angular: Option<usize>,
    /// Whether its invariants enter products.
    pub product: bool,
}

impl BasisSpec {
    /// Read and validate a JSON document.
    ///
    /// # Errors
    /// [`Error::Basis`] or [`Error::Cutoff`], saying which entry is wrong.
    pub fn from_json(text: &str) -> Result<Self> {
        let spec: Self = serde_json::from_str(text).map_err(|e| Error::Basis(e.to_string()))?;
        spec.validate()?;
        Ok(spec)
    }

    /// Check every entry.
    ///
    /// # Errors
    /// [`Error::Basis`] or [`Error::Cutoff`], saying which entry is wrong.
    pub fn validate(&self) -> Result<()> {
        let fail = |message: String| Err(Error::Basis(message));
        if self.elements.is_empty() {
            return fail("no elements; give at least one chemical symbol".into());
        }
        for (k, symbol) in self.elements.iter().enumerate() {
            if elements::atomic_number(symbol).is_none() {
                return fail(format!("{symbol:?} is not a chemical symbol"));
            }
            if self.elements[..k].contains(symbol) {
                return fail(format!("element {symbol} is listed twice"));
            }
        }
        check_cutoff(self.cutoff)?;
        if let Some(repulsion) = &self.repulsion {
            repulsion.validate(&self.elements, self.cutoff)?;
        }
        if self.radial.is_empty() {
            return fail("no radial functions".into());
        }
        for (name, polynomial) in [
            ("pair", Some(self.pair)),
            ("angular", self.angular.map(|a| a.polynomial())),
        ]
        .into_iter()
        .filter_map(|(n, p)| Some((n, p?)))
        {
            if !(1..=3).contains(&polynomial.degree) {
                return fail(format!(
                    "{name}.degree is {}; it must be 1, 2 or 3",
                    polynomial.degree
                ));
            }
            if !(1..=polynomial.degree).contains(&polynomial.cross_degree) {
                return fail(format!(
                    "{name}.cross_degree is {}; it must lie between 1 and {name}.degree = {}",
                    polynomial.cross_degree, polynomial.degree
                ));
            }
        }
        if self.mixed_degree == 1 || self.mixed_degree > 3 {
            return fail(format!(
                "mixed_degree is {}; it must be 0, 2 or 3",
                self.mixed_degree
            ));
        }
        match self.angular {
            None if self.mixed_degree > 0 => {
                return fail("mixed_degree needs angular invariants".into());
            }
            Some(a) if a.max_l > MAX_L => {
                return fail(format!("angular.max_l is {}; at most {MAX_L}", a.max_l));
            }
            Some(a) if a.product_max_l.is_some_and(|l| l > a.max_l) => {
                return fail("angular.product_max_l exceeds angular.max_l".into());
            }
            _ => {}
        }
        let entries = self.radial_entries()?;
        if !entries.iter().any(|e| e.pair) {
            return fail("no radial function has order 1; at least one set must enter the pairwise invariants".into());
        }
        if self.angular.is_some() && !entries.iter().any(|e| e.angular.is_some()) {
            return fail("angular invariants are asked for but no radial set has order 2".into());
        }
        Ok(())
    }

    /// The radial functions of all sets, in order.
    ///
    /// # Errors
    /// [`Error::Basis`] or [`Error::Cutoff`] naming the set.
    pub fn radial_entries(&self) -> Result<Vec<RadialEntry>> {
        let mut entries = Vec::new();
        for (k, set) in self.radial.iter().enumerate() {
            let named = |message: String| Error::Basis(format!("radial set {k}: {message}"));
            let cutoff = set.cutoff.unwrap_or(self.cutoff);
            check_cutoff(cutoff)?;
            if cutoff > self.cutoff {
                return Err(named(format!(
                    "cutoff {cutoff} exceeds the cutoff {} of the basis",
                    self.cutoff
                )));
            }
            if let Some(order) = set
                .orders
                .iter()
                .flatten()
                .find(|order| !(1..=2).contains(*order))
            {
                return Err(named(format!(
                    "order {order} does not exist; orders are 1 and 2"
                )));
            }
            if set.max_l.is_some_and(|l| l > MAX_L) {
                return Err(named(format!("max_l exceeds {MAX_L}")));
            }
            let has = |order: usize| {
                set.orders
                    .as_ref()
                    .is_none_or(|orders| orders.contains(&order))
            };
            let max_l = self
                .angular
                .map(|a| set.max_l.map_or(a.max_l, |l| l.min(a.max_l)));
            let n = set.function.len();
            if n == 0 {
                return Err(named("the parameter grid is empty".into()));
            }
            // Counted first: the grid of two long lists would not fit into memory.
            if n > MAX_RADIAL - entries.len() {
                return Err(named(format!("more than {MAX_RADIAL} radial functions")));
            }
            let primitives = set.function.primitives(cutoff).map_err(named)?;
            entries.extend(primitives.into_iter().map(|primitive| RadialEntry {
                function: RadialFunction {
                    primitive,
                    cutoff,
                    cutoff_function: self.cutoff_function,
                },
                pair: has(1),
                angular: max_l.filter(|_| has(2)),
                product: set.products.unwrap_or(true),
            }));
        }
        Ok(entries)
    }

    /// Name of the hierarchy this specification amounts to (DESIGN section 3).
    #[must_use]
    pub fn hierarchy(&self) -> &'static str {
        match self.angular {
            None if self.pair.degree == 1 => "pair",
            None => "pair-poly",
            Some(a) if self.pair.degree == 1 && a.degree == 1 && self.mixed_degree == 0 => {
                "angular"
            }
            Some(_) => "angular-poly",
        }
    }
}

fn check_cutoff(cutoff: f64) -> Result<()> {
    if cutoff > 0.0 && cutoff <= MAX_CUTOFF {
        Ok(())
    } else {
        Err(Error::Cutoff {
            cutoff,
            limit: MAX_CUTOFF,
        })
    }
}
