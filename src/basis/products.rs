//! Invariants of order 2 and more as polynomials of the order parameters: values, slopes, and gradients as one sparse
//! matrix product `∂B/∂x = Σ_a ∂B/∂a ∂a/∂x`.

#![expect(
    clippy::inline_always,
    reason = "only what is inlined into a dispatch is compiled for its instruction set"
)]

use super::coupling::{self, MAX_ORDER};
use super::harmonics::{self, legendre_factor};
use super::invariants::{Channel, Factor, Invariant, equal_runs};
use crate::transpose::{ROWS, columns_of_rows};
use pulp::{Simd, WithSimd};
use std::sync::Arc;

/// Rows of gradients are padded to a multiple of this many numbers: the widest vector registers in use.
pub(super) const LANES: usize = 8;

/// Length of a padded row.
#[must_use]
pub fn padded(columns: usize) -> usize {
    columns.next_multiple_of(LANES)
}

/// The 2l + 1 order parameters of one factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Segment {
    /// Index of the first one among all order parameters.
    start: usize,
    len: usize,
    /// Where its slopes are.
    slopes: usize,
}

/// How the segments of an invariant are multiplied.
#[derive(Debug, Clone)]
enum Kind {
    /// `factor Σ_m a a'`; one segment if both are the same.
    Scalar { factor: f64 },
    /// A polynomial of a coupling; `places` tells the segment of each factor.
    Coupled {
        polynomials: Arc<Vec<coupling::Polynomial>>,
        component: usize,
        order: usize,
        places: [u8; MAX_ORDER],
    },
}

#[derive(Debug, Clone)]
struct Product {
    kind: Kind,
    segments: std::ops::Range<usize>,
}

/// The products of some invariants, in their order.
#[derive(Debug, Clone, Default)]
pub struct Products {
    list: Vec<Product>,
    segments: Vec<Segment>,
    n_slopes: usize,
}

impl Products {
    /// Plan the products of `invariants`; `start` gives the index of the component `l, m = −l` of a channel among the
    /// order parameters. Pairwise invariants are passed over.
    pub fn new<'a>(
        invariants: impl IntoIterator<Item = &'a Invariant>,
        mut start: impl FnMut(Channel, usize) -> usize,
    ) -> Self {
        let mut plan = Self::default();
        for invariant in invariants {
            match invariant {
                Invariant::Pair(_) => {}
                Invariant::Angular { first, second, l } => {
                    let factors = [*first, *second].map(|channel| Factor { l: *l, channel });
                    let segments = plan.segments(&factors, &mut start).0;
                    let factor = legendre_factor(*l);
                    let kind = Kind::Scalar { factor };
                    plan.list.push(Product { kind, segments });
                }
                Invariant::Coupled { factors, component } => {
                    let (segments, places) = plan.segments(factors, &mut start);
                    let degrees: Vec<usize> = factors.iter().map(|f| f.l).collect();
                    let kind = Kind::Coupled {
                        polynomials: coupling::polynomials(&degrees, &equal_runs(factors)),
                        component: *component,
                        order: factors.len(),
                        places,
                    };
                    plan.list.push(Product { kind, segments });
                }
            }
        }
        plan
    }

    /// Distinct segments of factors of which equal ones are neighbours, and the place of each factor among them.
    fn segments(
        &mut self,
        factors: &[Factor],
        start: &mut impl FnMut(Channel, usize) -> usize,
    ) -> (std::ops::Range<usize>, [u8; MAX_ORDER]) {
        let first = self.segments.len();
        let mut places = [0; MAX_ORDER];
        for (k, factor) in factors.iter().enumerate() {
            if k == 0 || factors[k - 1] != *factor {
                let len = 2 * factor.l + 1;
                self.segments.push(Segment {
                    start: start(factor.channel, factor.l),
                    len,
                    slopes: self.n_slopes,
                });
                self.n_slopes += len;
            }
            places[k] = (self.segments.len() - 1 - first) as u8;
        }
        (first..self.segments.len(), places)
    }

    /// Number of products.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Values, and `∂B/∂a` of all segments one after the other (`slopes` is resized).
    pub fn evaluate(&self, order: &[f64], values: &mut [f64], slopes: &mut Vec<f64>) {
        slopes.clear();
        slopes.resize(self.n_slopes, 0.0);
        for (product, value) in self.list.iter().zip(values) {
            let segments = &self.segments[product.segments.clone()];
            *value = match &product.kind {
                Kind::Scalar { factor } => scalar(*factor, segments, order, slopes),
                Kind::Coupled {
                    polynomials,
                    component,
                    order: n,
                    places,
                } => {
                    let polynomial = &polynomials[*component];
                    let coupled = match n {
                        3 => coupled::<3>,
                        4 => coupled::<4>,
                        5 => coupled::<5>,
                        _ => coupled::<6>,
                    };
                    coupled(polynomial, *places, segments, order, slopes)
                }
            };
        }
    }

    /// Add `Σ_B adjoint_B ∂B/∂a` to the adjoints of the order parameters.
    pub fn add_adjoints(&self, slopes: &[f64], adjoints: &[f64], order_adjoints: &mut [f64]) {
        for (product, adjoint) in self.list.iter().zip(adjoints) {
            for segment in &self.segments[product.segments.clone()] {
                let out = &mut order_adjoints[segment.start..][..segment.len];
                let own = &slopes[segment.slopes..][..segment.len];
                out.iter_mut().zip(own).for_each(|(o, s)| *o += adjoint * s);
            }
        }
    }

    /// Gradients of all products by `columns` variables from those of the order parameters (order parameters ×
    /// [`padded`] columns), transposed: column `c` begins at `out[c · out_stride]`.
    pub fn gradients(
        &self,
        slopes: &[f64],
        order: &[f64],
        columns: usize,
        out: &mut [f64],
        out_stride: usize,
    ) {
        pulp::Arch::new().dispatch(Gradients {
            plan: self,
            slopes,
            order,
            columns,
            out,
            out_stride,
        });
    }
}

fn scalar(factor: f64, segments: &[Segment], order: &[f64], slopes: &mut [f64]) -> f64 {
    let of = |s: &Segment| &order[s.start..][..s.len];
    if let [only] = segments {
        let own = &mut slopes[only.slopes..][..only.len];
        own.iter_mut()
            .zip(of(only))
            .for_each(|(s, a)| *s = 2.0 * factor * a);
        return factor * of(only).iter().map(|a| a * a).sum::<f64>();
    }
    let (a, b) = (&segments[0], &segments[1]);
    for (x, y) in [(a, b), (b, a)] {
        let own = &mut slopes[x.slopes..][..x.len];
        own.iter_mut().zip(of(y)).for_each(|(s, v)| *s = factor * v);
    }
    factor * of(a).iter().zip(of(b)).map(|(a, b)| a * b).sum::<f64>()
}

/// Value of a polynomial of N factors; its derivatives are added to the slopes.
fn coupled<const N: usize>(
    polynomial: &coupling::Polynomial,
    places: [u8; MAX_ORDER],
    segments: &[Segment],
    order: &[f64],
    slopes: &mut [f64],
) -> f64 {
    let starts: [usize; N] = std::array::from_fn(|k| segments[usize::from(places[k])].start);
    let targets: [usize; N] = std::array::from_fn(|k| segments[usize::from(places[k])].slopes);
    let (terms, _) = polynomial.components.as_chunks::<N>();
    let mut value = 0.0;
    for (c, m) in polynomial.coefficients.iter().zip(terms) {
        let x: [f64; N] = std::array::from_fn(|k| order[starts[k] + usize::from(m[k])]);
        // Products of all factors after k.
        let mut after = [1.0; N];
        for k in (0..N - 1).rev() {
            after[k] = after[k + 1] * x[k + 1];
        }
        let mut before = *c;
        for k in 0..N {
            slopes[targets[k] + usize::from(m[k])] += before * after[k];
            before *= x[k];
        }
        value += before;
    }
    value
}

/// The sparse matrix product: a few vector registers of one product are summed over all its order parameters. Those of
/// eight products are transposed while they are at hand.
struct Gradients<'a> {
    plan: &'a Products,
    slopes: &'a [f64],
    order: &'a [f64],
    columns: usize,
    out: &'a mut [f64],
    out_stride: usize,
}

impl WithSimd for Gradients<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let vectors = padded(self.columns) / S::F64_LANES;
        for first in (0..self.plan.len()).step_by(ROWS) {
            let mut at = 0;
            while vectors - at >= 8 {
                self.tile::<S, 8>(simd, first, at);
                at += 8;
            }
            if vectors - at >= 4 {
                self.tile::<S, 4>(simd, first, at);
                at += 4;
            }
            if vectors - at >= 2 {
                self.tile::<S, 2>(simd, first, at);
                at += 2;
            }
            if vectors > at {
                self.tile::<S, 1>(simd, first, at);
            }
        }
    }
}

impl Gradients<'_> {
    /// The products from `first` on, by the columns of N vectors from the vector `at` on.
    #[inline(always)]
    fn tile<S: Simd, const N: usize>(&mut self, simd: S, first: usize, at: usize) {
        let products = &self.plan.list[first..];
        let n_rows = products.len().min(ROWS);
        let mut rows = [[simd.splat_f64s(0.0); N]; ROWS];
        for (row, product) in rows.iter_mut().zip(products) {
            *row = self.row(simd, product, at);
        }
        for v in 0..N {
            let mut vectors = [simd.splat_f64s(0.0); ROWS];
            for (vector, row) in vectors.iter_mut().zip(&rows) {
                *vector = row[v];
            }
            let columns = columns_of_rows(simd, vectors);
            let columns = columns.chunks_exact(ROWS / S::F64_LANES);
            let start = (at + v) * S::F64_LANES;
            for (c, column) in (start..self.columns).zip(columns) {
                let out = &mut self.out[c * self.out_stride + first..][..n_rows];
                for (out, own) in out.chunks_mut(S::F64_LANES).zip(column) {
                    match S::as_mut_simd_f64s(out).0 {
                        [whole] => *whole = *own,
                        _ => simd.partial_store_f64s(out, *own),
                    }
                }
            }
        }
    }

    /// The gradient of one product by the columns of N vectors.
    #[inline(always)]
    fn row<S: Simd, const N: usize>(&self, simd: S, product: &Product, at: usize) -> [S::f64s; N] {
        let vectors = padded(self.columns) / S::F64_LANES;
        let (order, _) = S::as_simd_f64s(self.order);
        let mut sums = [simd.splat_f64s(0.0); N];
        for segment in &self.plan.segments[product.segments.clone()] {
            let mut from = segment.start * vectors + at;
            for slope in &self.slopes[segment.slopes..][..segment.len] {
                let slope = simd.splat_f64s(*slope);
                for (sum, x) in sums.iter_mut().zip(&order[from..from + N]) {
                    *sum = simd.mul_add_e_f64s(slope, *x, *sum);
                }
                from += vectors;
            }
        }
        sums
    }
}

/// `weight` times the 2l + 1 order parameters of a primitive, added to those of a radial function.
#[derive(Debug, Clone, Copy)]
pub struct Combination {
    /// First order parameter of the radial function.
    pub to: usize,
    /// First order parameter of the primitive.
    pub from: usize,
    /// 2l + 1.
    pub len: usize,
    /// Coefficient of the contraction.
    pub weight: f64,
}

/// Order parameters of one species, radial function after radial function.
#[derive(Debug, Clone, Default)]
pub struct Layout {
    /// First order parameter of each radial function.
    pub starts: Vec<usize>,
    /// (max_l + 1)² of each.
    pub lens: Vec<usize>,
    /// All of one species.
    pub len: usize,
}

impl Layout {
    /// Lay out radial functions with the largest l given for each; those with none have no order parameters.
    #[must_use]
    pub fn new(max_l: impl IntoIterator<Item = Option<usize>>) -> Self {
        let mut layout = Self::default();
        for max_l in max_l {
            let len = max_l.map_or(0, |l| (l + 1) * (l + 1));
            layout.starts.push(layout.len);
            layout.lens.push(len);
            layout.len += len;
        }
        layout
    }

    /// Index of `a_{s n l, m = −l}`.
    #[must_use]
    pub fn index(&self, channel: Channel, l: usize) -> usize {
        channel.species * self.len
            + self.starts[channel.radial]
            + harmonics::index(l, -(l as isize))
    }
}
