//! Radial sets of a basis specification, and the radial functions made of them.

use super::coupling::MAX_ORDER;
use super::harmonics::MAX_L;
use super::radial_grid::RadialGrid;
use serde::{Deserialize, Serialize};

/// Largest number of functions of a contraction.
const MAX_CONTRACTED: usize = 1000;

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

impl RadialSet {
    fn has_order(&self, order: usize) -> bool {
        let orders = self.orders.as_ref();
        orders.is_none_or(|orders| orders.contains(&order))
    }

    /// Whether the functions of this set continue the grid of another one, up to another cutoff: Gaussians of the same
    /// widths beyond its centres, for the same invariants.
    pub(super) fn continues(&self, before: &Self) -> bool {
        let (RadialGrid::Gaussian { beta, mu }, RadialGrid::Gaussian { beta: b, mu: m }) =
            (&self.function, &before.function)
        else {
            return false;
        };
        let uses = |set: &Self| (set.orders.clone(), set.max_l, set.products);
        let contracted = self.contraction.is_some() || before.contraction.is_some();
        !contracted && beta == b && uses(self) == uses(before) && m.last() < mu.first()
    }

    pub(super) fn validate(&self) -> std::result::Result<(), String> {
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
        self.contraction.as_ref().map_or(Ok(()), |contraction| {
            validate_contraction(contraction, self.function.len())
        })
    }

    /// Largest l that has a contraction; none if the set is not contracted.
    fn contracted_max_l(&self) -> Option<usize> {
        self.contraction.as_ref().map(|c| c.len() - 1)
    }

    /// Largest l of the invariants of one order that use this set, where those of the order go to `limit`.
    fn max_l_of_order(&self, order: usize, limit: Option<usize>) -> Option<usize> {
        let limit = limit.filter(|_| self.has_order(order))?;
        if order == 1 {
            // Pairwise invariants are sums of primitives.
            return self.contraction.is_none().then_some(limit);
        }
        let own = [self.max_l, self.contracted_max_l()];
        Some(own.into_iter().flatten().fold(limit, usize::min))
    }

    /// One entry for each radial function of the set: its primitives from `first`, or their combinations.
    ///
    /// `start` is the position of the first one in its grid, and `limits` holds the largest l of the invariants of each
    /// order from 1.
    pub(super) fn entries(
        &self,
        first: usize,
        start: usize,
        limits: [Option<usize>; MAX_ORDER],
    ) -> impl Iterator<Item = RadialEntry> + '_ {
        let max_l_by_order = std::array::from_fn(|at| self.max_l_of_order(at + 1, limits[at]));
        let functions = self.functions(first, self.function.len()).enumerate();
        functions.map(move |(position, function)| RadialEntry {
            function,
            position: start + position,
            max_l_by_order,
            product: self.products.unwrap_or(true),
        })
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

/// Check the shape of a contraction of `n` functions and its numbers.
fn validate_contraction(
    contraction: &[Vec<Vec<f64>>],
    n: usize,
) -> std::result::Result<(), String> {
    let size = contraction.first().map_or(0, Vec::len);
    if size == 0 || size > MAX_CONTRACTED || contraction.len() > MAX_L + 1 {
        return Err(format!(
            "the contraction must give between 1 and {MAX_CONTRACTED} functions for each l from 0 to at most {MAX_L}"
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

/// One radial function with the invariants it may enter.
#[derive(Debug, Clone, PartialEq)]
pub struct RadialEntry {
    /// `f_n(r)`.
    pub function: EntryFunction,
    /// Position n within its grid.
    pub position: usize,
    /// Largest l of the invariants it enters, by order from 1; none if it enters no invariant of that order.
    pub max_l_by_order: [Option<usize>; MAX_ORDER],
    /// Whether its invariants enter products.
    pub product: bool,
}

/// Primitives that a radial function is made of.
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
    /// Largest l of the invariants of this order, from 1, that it enters.
    #[must_use]
    pub fn max_l(&self, order: usize) -> Option<usize> {
        self.max_l_by_order[order - 1]
    }

    /// Largest l of its order parameters: of the invariants of order 2 and higher that it enters.
    #[must_use]
    pub fn max_l_of_order_parameters(&self) -> Option<usize> {
        self.max_l_by_order[1..].iter().flatten().copied().max()
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
