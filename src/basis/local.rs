//! Forward mode: the invariants of one environment with all their gradients, as the design rows need them.

#![expect(
    clippy::inline_always,
    reason = "only what is inlined into a dispatch is compiled for its instruction set"
)]

use super::Basis;
use super::invariants::Invariant;
use super::products::{Combination, Layout, Products, padded};
use super::spec::{EntryFunction, RadialEntry};
use crate::environment::Environment;
use std::f64::consts::PI;

/// Components of the strain derivative, xx yy zz yz xz xy.
pub const STRAIN: [(usize, usize); 6] = [(0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1)];

/// `4π / (2l + 1)`: turns `Σ_m a a'` of orthonormal harmonics into `Σ_jk f f' P_l(cos θ)`.
#[must_use]
pub fn legendre_factor(l: usize) -> f64 {
    4.0 * PI / (2 * l + 1) as f64
}

/// Columns of the gradients that are made at once: what they need then stays in the cache.
pub const BLOCK: usize = 32;

/// Invariants of one centre and their gradients, reused from atom to atom.
///
/// A gradient has `3 T + 6` columns: x, y, z of each of the T atoms touched (slot 0 is the centre itself), then
/// the strain derivative `∂I/∂ε_ab = Σ_j r_a ∂I/∂r_b` in the order of [`STRAIN`].
#[derive(Debug, Default)]
pub struct LocalInvariants {
    /// Values, one per invariant.
    pub values: Vec<f64>,
    /// Gradients of the last block, row-major (columns × invariants).
    pub gradients: Vec<f64>,
    columns: usize,
    /// Gradients of the pairwise invariants (columns × pairwise invariants).
    pair_gradients: Vec<f64>,
    /// Order parameters of the primitives, and their gradients (columns × order parameters).
    primitive: Vec<f64>,
    primitive_gradients: Vec<f64>,
    /// Order parameters of the radial functions; their gradients in a block are (order parameters × padded columns).
    order: Vec<f64>,
    order_gradients: Vec<f64>,
    transposed: Vec<f64>,
    slopes: Vec<f64>,
    product_gradients: Vec<f64>,
    neighbor: Neighbor,
}

/// What one neighbour contributes.
#[derive(Debug, Default)]
struct Neighbor {
    /// `f_n(r)` and `f_n'(r)` of all primitives.
    radial: Vec<(f64, f64)>,
    harmonics: Vec<f64>,
    harmonic_gradients: Vec<f64>,
    /// `∂a/∂r_j` of the order parameters of its species, x, y, z.
    gradients: [Vec<f64>; 3],
}

impl LocalInvariants {
    /// Number of gradient columns of the last environment.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Evaluate all invariants of `basis`; `slots[j]` tells which of the `n_slots` touched atoms neighbour j is
    /// (0 if it is an image of the centre). The gradients follow block by block, see [`LocalInvariants::block`].
    pub fn evaluate(
        &mut self,
        basis: &Basis,
        environment: &Environment,
        slots: &[u32],
        n_slots: usize,
    ) {
        self.columns = 3 * n_slots + 6;
        reset(&mut self.values, basis.invariants().len());
        reset(&mut self.pair_gradients, basis.n_pair * self.columns);
        pulp::Arch::new().dispatch(
            #[inline(always)]
            || self.sum_over_neighbors(basis, environment, slots, n_slots),
        );
        let products = &basis.tables.products;
        if !products.is_empty() {
            self.combine_values(basis);
            let values = &mut self.values[basis.n_pair..];
            products.evaluate(&self.order, values, &mut self.slopes);
        }
    }

    /// Make the gradients of at most [`BLOCK`] columns from `first` on.
    pub fn block(&mut self, basis: &Basis, first: usize) {
        let (n, n_pair) = (basis.invariants().len(), basis.n_pair);
        let count = BLOCK.min(self.columns - first);
        self.gradients.resize(n * count, 0.0);
        if n_pair > 0 {
            let own = self.pair_gradients[first * n_pair..].chunks_exact(n_pair);
            for (row, own) in self.gradients.chunks_exact_mut(n).zip(own) {
                row[..n_pair].copy_from_slice(own);
            }
        }
        let products = &basis.tables.products;
        if products.is_empty() {
            return;
        }
        let stride = padded(count);
        self.combine_gradients(basis, first, count);
        self.product_gradients.resize(products.len() * stride, 0.0);
        let out = &mut self.product_gradients;
        products.gradients(&self.slopes, &self.order_gradients, stride, out);
        let to = &mut self.gradients[n_pair..];
        transpose(out, stride, (products.len(), count), to, n);
    }

    /// Pairwise invariants and order parameters `a_{s n l m} = Σ_j f_n Y_lm` of the primitives, with their gradients.
    #[inline(always)]
    fn sum_over_neighbors(
        &mut self,
        basis: &Basis,
        environment: &Environment,
        slots: &[u32],
        n_slots: usize,
    ) {
        let tables = &basis.tables;
        let n_order = tables.primitive_layout.len;
        reset(&mut self.primitive, basis.n_species() * n_order);
        reset(
            &mut self.primitive_gradients,
            basis.n_species() * n_order * self.columns,
        );
        for ((&r, &species), &slot) in environment
            .displacements
            .iter()
            .zip(environment.neighbors)
            .zip(slots)
        {
            let species = usize::from(species);
            let distance = (r[0] * r[0] + r[1] * r[1] + r[2] * r[2]).sqrt();
            let unit = r.map(|x| x / distance);
            let (seen, dseen) = basis.seen_distance(environment.center, species, distance);
            let place = Placement {
                displacement: r,
                slot: slot as usize,
                strain: 3 * n_slots,
            };
            self.neighbor.radial.clear();
            let radial = basis.primitives().iter();
            let radial = radial.map(|f| {
                let (f, df) = f.value_and_derivative(seen);
                (f, df * dseen)
            });
            self.neighbor.radial.extend(radial);
            for pair in &tables.pairs {
                let (f, df) = self.neighbor.radial[pair.primitive];
                let invariant = pair.invariants[species];
                self.values[invariant] += f;
                let gradient = unit.map(|u| [df * u]);
                place.add(&mut self.pair_gradients, basis.n_pair, invariant, &gradient);
            }
            if n_order > 0 {
                self.neighbor.evaluate(basis, distance, unit);
                let first = species * n_order;
                let own = &mut self.primitive[first..first + n_order];
                self.neighbor.add_order_parameters(tables, own);
                place.add(
                    &mut self.primitive_gradients,
                    basis.n_species() * n_order,
                    first,
                    &self.neighbor.gradients,
                );
            }
        }
        let width = basis.n_species() * n_order;
        complete_center(&mut self.pair_gradients, basis.n_pair, n_slots);
        complete_center(&mut self.primitive_gradients, width, n_slots);
    }

    /// Order parameters of the radial functions from those of the primitives.
    fn combine_values(&mut self, basis: &Basis) {
        let tables = &basis.tables;
        let Some(combinations) = &tables.combinations else {
            std::mem::swap(&mut self.order, &mut self.primitive);
            return;
        };
        reset(&mut self.order, basis.n_species() * tables.layout.len);
        for (c, to, from) in tables.combined(combinations, basis.n_species()) {
            let out = self.order[to..to + c.len].iter_mut();
            let own = &self.primitive[from..from + c.len];
            out.zip(own).for_each(|(o, x)| *o += c.weight * x);
        }
    }

    /// The same for a block of gradients, order parameter by order parameter.
    fn combine_gradients(&mut self, basis: &Basis, first: usize, count: usize) {
        let tables = &basis.tables;
        let n = basis.n_species() * tables.primitive_layout.len;
        let stride = padded(count);
        let from = &self.primitive_gradients[first * n..];
        let Some(combinations) = &tables.combinations else {
            self.order_gradients.resize(n * stride, 0.0);
            transpose(from, n, (count, n), &mut self.order_gradients, stride);
            return;
        };
        self.transposed.resize(n * stride, 0.0);
        transpose(from, n, (count, n), &mut self.transposed, stride);
        let n_order = basis.n_species() * tables.layout.len;
        reset(&mut self.order_gradients, n_order * stride);
        for (c, to, from) in tables.combined(combinations, basis.n_species()) {
            let out = self.order_gradients[to * stride..][..c.len * stride].iter_mut();
            let own = &self.transposed[from * stride..][..c.len * stride];
            out.zip(own).for_each(|(o, x)| *o += c.weight * x);
        }
    }
}

impl Neighbor {
    /// `∂(f_n Y_lm)/∂r = f_n' r̂ Y_lm + (f_n / r) r ∇Y_lm`.
    #[inline(always)]
    fn evaluate(&mut self, basis: &Basis, distance: f64, unit: [f64; 3]) {
        let n_lm = basis.harmonics().len();
        self.harmonics.resize(n_lm, 0.0);
        self.harmonic_gradients.resize(3 * n_lm, 0.0);
        basis.harmonics().evaluate_with_gradient(
            unit,
            &mut self.harmonics,
            &mut self.harmonic_gradients,
        );
        let tables = &basis.tables;
        for (axis, out) in self.gradients.iter_mut().enumerate() {
            out.resize(tables.primitive_layout.len, 0.0);
            let slopes = &self.harmonic_gradients[axis * n_lm..][..n_lm];
            for (primitive, start, len) in tables.segments() {
                let (f, df) = self.radial[primitive];
                let (along, across) = (df * unit[axis], f / distance);
                let own = self.harmonics.iter().zip(slopes);
                for (o, (y, dy)) in out[start..start + len].iter_mut().zip(own) {
                    *o = along * y + across * dy;
                }
            }
        }
    }

    #[inline(always)]
    fn add_order_parameters(&self, tables: &RadialTables, order: &mut [f64]) {
        for (primitive, start, len) in tables.segments() {
            let f = self.radial[primitive].0;
            let out = order[start..start + len].iter_mut();
            out.zip(&self.harmonics).for_each(|(a, y)| *a += f * y);
        }
    }
}

/// A primitive with the pairwise invariants it makes.
#[derive(Debug, Clone)]
struct PairFunction {
    primitive: usize,
    /// By species of the neighbour.
    invariants: Vec<usize>,
}

/// Which radial functions enter which invariants, and where.
#[derive(Debug, Clone)]
pub(super) struct RadialTables {
    pairs: Vec<PairFunction>,
    /// Primitives of the order parameters.
    angular: Vec<usize>,
    primitive_layout: Layout,
    layout: Layout,
    /// How the order parameters are made from those of the primitives, indices within one species; none if they are the
    /// same.
    combinations: Option<Vec<Combination>>,
    products: Products,
}

impl RadialTables {
    pub(super) fn new(n_species: usize, radial: &[RadialEntry], invariants: &[Invariant]) -> Self {
        let pair_index = |species: usize, n: usize| {
            let same = |i: &Invariant| matches!(i, Invariant::Pair(c) if c.species == species && c.radial == n);
            invariants
                .iter()
                .position(same)
                .expect("every pair function has its invariants")
        };
        let mut pairs = Vec::new();
        let mut max_l: Vec<(usize, usize)> = Vec::new();
        let mut contracted = false;
        for (n, entry) in radial.iter().enumerate() {
            if let (EntryFunction::Primitive(primitive), true) = (&entry.function, entry.pair) {
                pairs.push(PairFunction {
                    primitive: *primitive,
                    invariants: (0..n_species).map(|s| pair_index(s, n)).collect(),
                });
            }
            let Some(l) = entry.max_l() else { continue };
            contracted |= matches!(entry.function, EntryFunction::Contracted { .. });
            for (p, _) in entry.combination(0) {
                match max_l.iter_mut().find(|(q, _)| *q == p) {
                    Some((_, largest)) => *largest = l.max(*largest),
                    None => max_l.push((p, l)),
                }
            }
        }
        let primitive_layout = Layout::new(max_l.iter().map(|(_, l)| Some(*l)));
        let angular: Vec<usize> = max_l.iter().map(|(p, _)| *p).collect();
        let layout = Layout::new(radial.iter().map(RadialEntry::max_l));
        let combinations = contracted.then(|| {
            let place = |p: usize| angular.iter().position(|q| *q == p).expect("listed above");
            let of_entry = |(n, entry): (usize, &RadialEntry)| -> Vec<Combination> {
                let degrees = entry.max_l().map_or(0..0, |l| 0..l + 1);
                let of_degree = |l: usize| {
                    let (to, start) = (layout.starts[n] + l * l, l * l);
                    let combination = entry.combination(l).into_iter();
                    combination.map(move |(p, weight)| (to, start, p, weight, 2 * l + 1))
                };
                let all = degrees.flat_map(of_degree);
                all.map(|(to, start, p, weight, len)| Combination {
                    to,
                    from: primitive_layout.starts[place(p)] + start,
                    len,
                    weight,
                })
                .collect()
            };
            radial.iter().enumerate().flat_map(of_entry).collect()
        });
        let products = Products::new(invariants, |channel, l| layout.index(channel, l));
        Self {
            pairs,
            angular,
            primitive_layout,
            layout,
            combinations,
            products,
        }
    }

    /// Every combination for every species, with its first order parameter and that of the primitive.
    fn combined<'a>(
        &self,
        combinations: &'a [Combination],
        n_species: usize,
    ) -> impl Iterator<Item = (&'a Combination, usize, usize)> + use<'a> {
        let (to, from) = (self.layout.len, self.primitive_layout.len);
        let of_species = move |s: usize| {
            let all = combinations.iter();
            all.map(move |c| (c, s * to + c.to, s * from + c.from))
        };
        (0..n_species).flat_map(of_species)
    }

    /// Primitive, first order parameter and number of order parameters of each angular primitive.
    fn segments(&self) -> impl Iterator<Item = (usize, usize, usize)> + '_ {
        let layout = &self.primitive_layout;
        let places = layout.starts.iter().zip(&layout.lens);
        self.angular
            .iter()
            .zip(places)
            .map(|(p, (start, len))| (*p, *start, *len))
    }
}

/// Where the gradient with respect to one displacement goes.
pub(crate) struct Placement {
    pub(crate) displacement: [f64; 3],
    pub(crate) slot: usize,
    pub(crate) strain: usize,
}

impl Placement {
    /// Add the gradient along x, y, z of consecutive quantities from `first` to a matrix (columns × `width`); the columns
    /// of the centre are left out.
    #[inline(always)]
    pub(crate) fn add(
        &self,
        matrix: &mut [f64],
        width: usize,
        first: usize,
        g: &[impl AsRef<[f64]>; 3],
    ) {
        let mut add = |column: usize, weight: f64, own: &[f64]| {
            let row = &mut matrix[column * width + first..][..own.len()];
            row.iter_mut().zip(own).for_each(|(o, x)| *o += weight * x);
        };
        // An image of the centre moves with it: only a strain changes r_ij = S·H.
        if self.slot != 0 {
            for axis in 0..3 {
                add(3 * self.slot + axis, 1.0, g[axis].as_ref());
            }
        }
        for (k, (a, b)) in STRAIN.into_iter().enumerate() {
            add(self.strain + k, self.displacement[a], g[b].as_ref());
        }
    }
}

/// Fill the columns of the centre of a matrix (columns × `width`): nothing changes when all atoms move together.
pub(crate) fn complete_center(matrix: &mut [f64], width: usize, n_slots: usize) {
    if width == 0 {
        return;
    }
    let (center, others) = matrix[..3 * n_slots * width].split_at_mut(3 * width);
    for other in others.chunks_exact(3 * width) {
        center.iter_mut().zip(other).for_each(|(c, o)| *c -= o);
    }
}

fn reset(buffer: &mut Vec<f64>, len: usize) {
    buffer.clear();
    buffer.resize(len, 0.0);
}

/// Transpose a (rows × columns) matrix whose rows lie `from_stride` apart, to rows `to_stride` apart.
fn transpose(
    from: &[f64],
    from_stride: usize,
    (rows, columns): (usize, usize),
    to: &mut [f64],
    to_stride: usize,
) {
    const TILE: usize = 8;
    let (whole_rows, whole_columns) = (rows / TILE * TILE, columns / TILE * TILE);
    for r0 in (0..whole_rows).step_by(TILE) {
        for c0 in (0..whole_columns).step_by(TILE) {
            let tile: [[f64; TILE]; TILE] = std::array::from_fn(|r| {
                let row = &from[(r0 + r) * from_stride + c0..][..TILE];
                std::array::from_fn(|c| row[c])
            });
            for c in 0..TILE {
                let row = &mut to[(c0 + c) * to_stride + r0..][..TILE];
                row.copy_from_slice(&std::array::from_fn::<f64, TILE, _>(|r| tile[r][c]));
            }
        }
    }
    for r in 0..rows {
        let done = if r < whole_rows { whole_columns } else { 0 };
        for c in done..columns {
            to[c * to_stride + r] = from[r * from_stride + c];
        }
    }
}
