//! The basis specification: the serde document that crosses every boundary and is validated once, here.

use super::coupling::MAX_ORDER;
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
    /// Invariants of orders 3 to 6, each order at most once, ascending.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub higher: Vec<HigherOrder>,
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
    /// Largest degree l of the angular invariants that use this set; that of their order if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_l: Option<usize>,
    /// Contraction: `[l][k][n]` coefficients that combine the functions n of the grid to the radial functions k of the
    /// set, which then depend on l. A contracted set enters no pairwise invariants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contraction: Option<Vec<Vec<Vec<f64>>>>,
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

/// The invariants of one order ν ≥ 3: ν order parameters coupled to a scalar of even parity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HigherOrder {
    /// Order ν, 3 to 6.
    pub order: usize,
    /// Largest degree l of a factor.
    pub max_l: usize,
    /// Smallest degree l of a factor: 1 leaves out what products with pairwise invariants contain.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub min_l: usize,
    /// Whether all factors share one radial function.
    pub radial: RadialCoupling,
    /// Number of radial functions in use: the first ones that reach this order; all if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_n: Option<usize>,
    /// Largest Σ (n + l) over the factors, n counted from 0; no limit if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_total: Option<usize>,
    /// Largest power of one invariant, 1 to 3.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub degree: usize,
    /// Largest degree of products of different invariants of this order (1: none).
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub cross_degree: usize,
    /// Largest degree of products with invariants of lower orders (0: none).
    #[serde(default, skip_serializing_if = "is_zero")]
    pub mixed_degree: usize,
}

impl HigherOrder {
    pub(super) fn polynomial(&self) -> Polynomial {
        Polynomial {
            degree: self.degree,
            cross_degree: self.cross_degree,
        }
    }
}

fn one() -> usize {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_one(n: &usize) -> bool {
    *n == 1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(n: &usize) -> bool {
    *n == 0
}

/// One radial function with the invariants it may enter.
#[derive(Debug, Clone, PartialEq)]
pub struct RadialEntry {
    /// `f_n(r)`.
    pub function: EntryFunction,
    /// Position n within its set.
    pub position: usize,
    /// Whether it enters the pairwise invariants.
    pub pair: bool,
    /// Largest l of the invariants it enters, by order from 2; none if it enters no invariant of that order.
    pub reach: [Option<usize>; MAX_ORDER - 1],
    /// Whether its invariants enter products.
    pub product: bool,
}

/// What a radial function is made of.
#[derive(Debug, Clone, PartialEq)]
pub enum EntryFunction {
    /// One primitive.
    Primitive(usize),
    /// For each l, combinations of consecutive primitives from `first`.
    Contracted {
        /// First primitive.
        first: usize,
        /// Coefficients by l.
        coefficients: Vec<Vec<f64>>,
    },
}

impl RadialEntry {
    /// Largest l of the invariants of this order, from 2, that it enters.
    #[must_use]
    pub fn reach(&self, order: usize) -> Option<usize> {
        self.reach[order - 2]
    }

    /// Largest l of all invariants that it enters.
    #[must_use]
    pub fn max_l(&self) -> Option<usize> {
        self.reach.iter().flatten().copied().max()
    }

    /// Whether it is another combination of primitives for each l.
    #[must_use]
    pub fn is_contracted(&self) -> bool {
        matches!(self.function, EntryFunction::Contracted { .. })
    }

    /// The primitives behind degree l with their coefficients; none beyond the contraction.
    #[must_use]
    pub fn combination(&self, l: usize) -> Vec<(usize, f64)> {
        match &self.function {
            EntryFunction::Primitive(p) => vec![(*p, 1.0)],
            EntryFunction::Contracted {
                first,
                coefficients,
            } => coefficients.get(l).map_or_else(Vec::new, |row| {
                (*first..).zip(row.iter().copied()).collect()
            }),
        }
    }
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
        .chain(self.higher.iter().map(|h| ("higher", h.polynomial())))
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
        self.validate_higher()?;
        let (_, entries) = self.radial_entries()?;
        if !entries.iter().any(|e| e.pair) {
            return fail("no radial function has order 1; at least one set must enter the pairwise invariants".into());
        }
        let asked = self.angular.iter().map(|_| 2);
        for order in asked.chain(self.higher.iter().map(|h| h.order)) {
            if !entries.iter().any(|e| e.reach(order).is_some()) {
                return fail(format!(
                    "invariants of order {order} are asked for but no radial set has that order"
                ));
            }
        }
        Ok(())
    }

    fn validate_higher(&self) -> Result<()> {
        let fail = |message: String| Err(Error::Basis(message));
        for (k, higher) in self.higher.iter().enumerate() {
            let order = higher.order;
            if !(3..=MAX_ORDER).contains(&order) {
                return fail(format!(
                    "order {order} does not exist; higher orders go from 3 to {MAX_ORDER}"
                ));
            }
            if k > 0 && self.higher[k - 1].order >= order {
                return fail("higher orders must be ascending, each given once".into());
            }
            if higher.max_l > MAX_L {
                return fail(format!(
                    "order {order}: max_l is {}; at most {MAX_L}",
                    higher.max_l
                ));
            }
            if !super::coupling::is_feasible(&vec![higher.max_l; order]) {
                return fail(format!(
                    "order {order}: max_l = {} gives couplings of too many components; lower it",
                    higher.max_l
                ));
            }
            if higher.min_l > higher.max_l {
                return fail(format!("order {order}: min_l exceeds max_l"));
            }
            if higher.max_n == Some(0) {
                return fail(format!(
                    "order {order}: max_n is 0; leave the order out instead"
                ));
            }
            if higher.mixed_degree == 1 || higher.mixed_degree > 3 {
                return fail(format!(
                    "order {order}: mixed_degree is {}; it must be 0, 2 or 3",
                    higher.mixed_degree
                ));
            }
        }
        Ok(())
    }

    /// Largest l asked for at an order from 2; none if the basis has no such invariants.
    fn max_l(&self, order: usize) -> Option<usize> {
        if order == 2 {
            return self.angular.map(|a| a.max_l);
        }
        let own = self.higher.iter().find(|h| h.order == order);
        own.map(|h| h.max_l)
    }

    /// The primitives of all sets, and the radial functions made of them, in order.
    ///
    /// # Errors
    /// [`Error::Basis`] or [`Error::Cutoff`] naming the set.
    pub fn radial_entries(&self) -> Result<(Vec<RadialFunction>, Vec<RadialEntry>)> {
        let (mut primitives, mut entries) = (Vec::new(), Vec::new());
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
            set.validate().map_err(named)?;
            let n = set.function.len();
            // Counted first: the grid of two long lists would not fit into memory.
            if n > MAX_RADIAL - primitives.len() {
                return Err(named(format!("more than {MAX_RADIAL} radial functions")));
            }
            let first = primitives.len();
            let own = set.function.primitives(cutoff).map_err(named)?;
            primitives.extend(own.into_iter().map(|primitive| RadialFunction {
                primitive,
                cutoff,
                cutoff_function: self.cutoff_function,
            }));
            let reach = std::array::from_fn(|at| {
                let limit = self.max_l(at + 2).filter(|_| set.has_order(at + 2))?;
                let own = set.contraction.as_ref().map(|c| c.len() - 1);
                Some(
                    [set.max_l, own]
                        .into_iter()
                        .flatten()
                        .fold(limit, usize::min),
                )
            });
            let pair = set.has_order(1) && set.contraction.is_none();
            let functions = set.functions(first, n).enumerate();
            entries.extend(functions.map(|(position, function)| RadialEntry {
                function,
                position,
                pair,
                reach,
                product: set.products.unwrap_or(true),
            }));
        }
        Ok((primitives, entries))
    }

    /// Name of the hierarchy this specification amounts to (DESIGN section 3).
    #[must_use]
    pub fn hierarchy(&self) -> &'static str {
        match self.angular {
            _ if !self.higher.is_empty() => "invariants",
            None if self.pair.degree == 1 => "pair",
            None => "pair-poly",
            Some(a) if self.pair.degree == 1 && a.degree == 1 && self.mixed_degree == 0 => {
                "angular"
            }
            Some(_) => "angular-poly",
        }
    }
}

impl RadialSet {
    fn has_order(&self, order: usize) -> bool {
        let orders = self.orders.as_ref();
        orders.is_none_or(|orders| orders.contains(&order))
    }

    fn validate(&self) -> std::result::Result<(), String> {
        if let Some(order) = self
            .orders
            .iter()
            .flatten()
            .find(|order| !(1..=MAX_ORDER).contains(*order))
        {
            return Err(format!(
                "order {order} does not exist; orders are 1 to {MAX_ORDER}"
            ));
        }
        if self.max_l.is_some_and(|l| l > MAX_L) {
            return Err(format!("max_l exceeds {MAX_L}"));
        }
        if self.function.len() == 0 {
            return Err("the parameter grid is empty".into());
        }
        let Some(contraction) = &self.contraction else {
            return Ok(());
        };
        let (n, size) = (self.function.len(), contraction.first().map_or(0, Vec::len));
        if size == 0 || size > n || contraction.len() > MAX_L + 1 {
            return Err(format!(
                "the contraction must give between 1 and {n} functions for each l from 0 to at most {MAX_L}"
            ));
        }
        for (l, rows) in contraction.iter().enumerate() {
            if rows.len() != size || rows.iter().any(|row| row.len() != n) {
                return Err(format!(
                    "the contraction of l = {l} is not a {size} by {n} matrix"
                ));
            }
            if rows
                .iter()
                .flatten()
                .any(|c| !c.is_finite() || c.abs() > 1e6)
            {
                return Err(format!(
                    "the contraction of l = {l} holds a number that is not sensible"
                ));
            }
        }
        Ok(())
    }

    /// The radial functions of the set: its primitives from `first`, or their combinations.
    fn functions(&self, first: usize, n: usize) -> impl Iterator<Item = EntryFunction> + '_ {
        let count = self.contraction.as_ref().map_or(n, |c| c[0].len());
        (0..count).map(move |k| match &self.contraction {
            None => EntryFunction::Primitive(first + k),
            Some(contraction) => EntryFunction::Contracted {
                first,
                coefficients: contraction.iter().map(|rows| rows[k].clone()).collect(),
            },
        })
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
