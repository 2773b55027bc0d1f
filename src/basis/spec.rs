//! The basis specification: the serde document that crosses every boundary and is validated once, here.

use super::coupling::{MAX_ORDER, is_feasible};
use super::cutoff::CutoffFunction;
use super::harmonics::MAX_L;
use super::radial::RadialFunction;
pub use super::radial_grid::RadialGrid;
pub use super::radial_set::{EntryFunction, RadialEntry, RadialSet};
use super::spec_v1;
use crate::elements;
use crate::repulsion::Repulsion;
use crate::{Error, Result};
use serde::{Deserialize, Serialize};

/// Largest cutoff radius accepted, Å.
pub const MAX_CUTOFF: f64 = 30.0;
const MAX_RADIAL: usize = 1000;

/// Complete definition of the candidate features of a potential.
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
    /// Invariants by ascending order from 1, each order at most once.
    pub invariants: Vec<Invariants>,
    /// Whether every centre carries a constant feature (a fitted shift of the reference energy).
    #[serde(default, skip_serializing_if = "is_false")]
    pub constant: bool,
    /// Short-range repulsion outside the data; none if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repulsion: Option<Repulsion>,
}

/// Radial functions that the factors of an invariant may have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RadialCoupling {
    /// All combinations of radial functions.
    #[default]
    Free,
    /// One radial function shared by all factors, as in the polynomial potentials of A. Seko, PRB 99, 214108 (2019).
    Diagonal,
}

/// The invariants of one order ν, which couple ν order parameters `a_nlm = Σ_j f_n(r_ij) Y_lm` to a scalar of even parity,
/// and the polynomials of them that are features.
///
/// Order 1 are the pairwise invariants d (l = 0), order 2 the angular invariants p.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Invariants {
    /// Order ν, 1 to 6; the body order is ν + 1.
    pub order: usize,
    /// Largest degree l of a factor; 0 for order 1.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub max_l: usize,
    /// Smallest degree l of a factor: 1 leaves out the invariants that products with pairwise invariants contain.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub min_l: usize,
    /// Combinations of radial functions.
    #[serde(default, skip_serializing_if = "is_free")]
    pub radial: RadialCoupling,
    /// Number of radial functions in use, the first ones that have this order; all if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_n: Option<usize>,
    /// Largest Σ (n + l) over the factors, n counted from 0; no limit if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_total: Option<usize>,
    /// The factors of each invariant, as its label has them between the brackets; all that exist if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub factors: Option<Vec<String>>,
    /// Largest power of one invariant, 1 to 3.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub degree: usize,
    /// Largest degree of products of different invariants of this order (1: none).
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub cross_degree: usize,
    /// Largest degree of products with invariants of other orders (0: none); of two orders the smaller one counts.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub mixed_degree: usize,
    /// Largest l of the invariants that enter products; `max_l` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product_max_l: Option<usize>,
    /// Radial coupling of the invariants that enter products; as `radial` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product_radial: Option<RadialCoupling>,
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

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_false(value: &bool) -> bool {
    !value
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_free(coupling: &RadialCoupling) -> bool {
    *coupling == RadialCoupling::Free
}

impl BasisSpec {
    /// Read and validate a JSON document, of version 2 or of version 1.
    ///
    /// # Errors
    /// [`Error::Basis`] or [`Error::Cutoff`], naming the entry that is wrong.
    pub fn from_json(text: &str) -> Result<Self> {
        let malformed = |e: serde_json::Error| Error::Basis(e.to_string());
        let spec: Self = if spec_v1::is_version_1(text) {
            serde_json::from_str::<spec_v1::BasisSpec>(text)
                .map_err(malformed)?
                .into()
        } else {
            serde_json::from_str(text).map_err(malformed)?
        };
        spec.validate()?;
        Ok(spec)
    }

    /// Check every entry.
    ///
    /// # Errors
    /// [`Error::Basis`] or [`Error::Cutoff`], naming the entry that is wrong.
    pub fn validate(&self) -> Result<()> {
        self.validate_elements()?;
        check_cutoff(self.cutoff)?;
        if let Some(repulsion) = &self.repulsion {
            repulsion.validate(&self.elements, self.cutoff)?;
        }
        if self.radial.is_empty() {
            return fail("no radial functions");
        }
        self.validate_invariants()?;
        let (_, entries) = self.radial_entries()?;
        for own in &self.invariants {
            if !entries.iter().any(|e| e.max_l(own.order).is_some()) {
                return fail(&format!(
                    "invariants of order {} are asked for but no radial set has that order{}",
                    own.order,
                    if own.order == 1 {
                        "; at least one set, not contracted, must enter the pairwise invariants"
                    } else {
                        ""
                    }
                ));
            }
        }
        Ok(())
    }

    fn validate_elements(&self) -> Result<()> {
        if self.elements.is_empty() {
            return fail("no elements; give at least one chemical symbol");
        }
        for (k, symbol) in self.elements.iter().enumerate() {
            if elements::atomic_number(symbol).is_none() {
                return fail(&format!("{symbol:?} is not a chemical symbol"));
            }
            if self.elements[..k].contains(symbol) {
                return fail(&format!("element {symbol} is listed twice"));
            }
        }
        Ok(())
    }

    fn validate_invariants(&self) -> Result<()> {
        if self.invariants.first().is_none_or(|own| own.order != 1) {
            return fail("invariants must begin with order 1, the pairwise ones");
        }
        for own in &self.invariants {
            own.validate()?;
        }
        if !self.invariants.is_sorted_by(|a, b| a.order < b.order) {
            return fail("invariants must have ascending orders, each given once");
        }
        if let [only] = &self.invariants[..]
            && only.mixed_degree > 0
        {
            return fail("order 1: mixed_degree needs invariants of another order");
        }
        Ok(())
    }

    /// The invariants of one order; none if the basis does not have them.
    #[must_use]
    pub fn of_order(&self, order: usize) -> Option<&Invariants> {
        self.invariants.iter().find(|own| own.order == order)
    }

    /// The primitives of all sets, and the radial functions made of them, in order.
    ///
    /// # Errors
    /// [`Error::Basis`] or [`Error::Cutoff`] for parameters or cutoffs out of range.
    pub fn radial_entries(&self) -> Result<(Vec<RadialFunction>, Vec<RadialEntry>)> {
        let limits: [Option<usize>; MAX_ORDER] =
            std::array::from_fn(|at| self.of_order(at + 1).map(|own| own.max_l));
        let (mut primitives, mut entries) = (Vec::new(), Vec::new());
        let mut start = 0;
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
            // Counted first: the grid of two long lists would not fit into memory.
            if set.function.len() > MAX_RADIAL - primitives.len() {
                return Err(named(format!("more than {MAX_RADIAL} radial functions")));
            }
            start = match k.checked_sub(1).map(|before| &self.radial[before]) {
                Some(before) if set.continues(before) => start + before.function.len(),
                _ => 0,
            };
            entries.extend(set.entries(primitives.len(), start, limits));
            let own = set.function.primitives(cutoff).map_err(named)?;
            let function = |g| RadialFunction::new(g, cutoff, self.cutoff_function);
            primitives.extend(own.into_iter().map(function));
        }
        Ok((primitives, entries))
    }

    /// Name of the hierarchy: the largest order of an invariant, and whether features are products.
    #[must_use]
    pub fn hierarchy(&self) -> &'static str {
        let linear = |own: &Invariants| own.degree == 1 && own.mixed_degree == 0;
        let largest = self.invariants.iter().map(|own| own.order).max();
        match (largest, self.invariants.iter().all(linear)) {
            (Some(3..), _) => "invariants",
            (Some(2), true) => "angular",
            (Some(2), false) => "angular-poly",
            (_, true) => "pair",
            (_, false) => "pair-poly",
        }
    }
}

impl Invariants {
    /// The invariants of one order, l from 0 to `max_l`, with free radial functions, entering linearly.
    #[must_use]
    pub fn linear(order: usize, max_l: usize) -> Self {
        Self {
            order,
            max_l,
            min_l: 0,
            radial: RadialCoupling::Free,
            max_n: None,
            max_total: None,
            factors: None,
            degree: 1,
            cross_degree: 1,
            mixed_degree: 0,
            product_max_l: None,
            product_radial: None,
        }
    }

    fn validate(&self) -> Result<()> {
        let order = self.order;
        if !(1..=MAX_ORDER).contains(&order) {
            return fail(&format!(
                "invariants: order {order} does not exist; orders go from 1 to {MAX_ORDER}"
            ));
        }
        let fail = |message: String| fail(&format!("order {order}: {message}"));
        if order == 1 && self.max_l > 0 {
            return fail(format!(
                "max_l is {}; the pairwise invariants have l = 0 only",
                self.max_l
            ));
        }
        if order == 1 && (self.max_n.is_some() || self.max_total.is_some()) {
            return fail("max_n and max_total belong to order 2 and higher; leave them out".into());
        }
        if self.max_l > MAX_L {
            return fail(format!("max_l is {}; at most {MAX_L}", self.max_l));
        }
        if self.factors.is_some() {
            self.validate_listed()?;
        } else if order > 2 && !is_feasible(&vec![self.max_l; order]) {
            return fail(format!(
                "max_l = {} gives couplings of too many components; lower it",
                self.max_l
            ));
        }
        if self.min_l > self.max_l {
            return fail("min_l exceeds max_l".into());
        }
        if self.product_max_l.is_some_and(|l| l > self.max_l) {
            return fail("product_max_l exceeds max_l".into());
        }
        if self.max_n == Some(0) {
            return fail("max_n is 0; leave the order out instead".into());
        }
        self.validate_degrees()
    }

    /// The factors themselves are checked where they are read.
    fn validate_listed(&self) -> Result<()> {
        if self.order == 1 {
            return fail("order 1: factors belong to order 2 and higher; leave them out");
        }
        let chosen = self.max_n.is_some() || self.max_total.is_some() || self.min_l > 0;
        if chosen || self.radial != RadialCoupling::Free {
            return fail(&format!(
                "order {}: factors list the invariants; leave out min_l, max_n, max_total and radial",
                self.order
            ));
        }
        Ok(())
    }

    fn validate_degrees(&self) -> Result<()> {
        let fail = |message: String| fail(&format!("order {}: {message}", self.order));
        if !(1..=3).contains(&self.degree) {
            return fail(format!("degree is {}; it must be 1, 2 or 3", self.degree));
        }
        if !(1..=self.degree).contains(&self.cross_degree) {
            return fail(format!(
                "cross_degree is {}; it must lie between 1 and degree = {}",
                self.cross_degree, self.degree
            ));
        }
        if self.mixed_degree == 1 || self.mixed_degree > 3 {
            return fail(format!(
                "mixed_degree is {}; it must be 0, 2 or 3",
                self.mixed_degree
            ));
        }
        Ok(())
    }
}

fn fail<T>(message: &str) -> Result<T> {
    Err(Error::Basis(message.to_owned()))
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
