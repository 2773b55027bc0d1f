//! Forward mode: the invariants of one environment with all their gradients, as the design rows need them.

#![expect(
    clippy::inline_always,
    reason = "only what is inlined into a dispatch is compiled for its instruction set"
)]

use super::Basis;
use super::products::{LANES, padded};
use crate::environment::Environment;
use pulp::{Simd, WithSimd};

/// Neighbours whose gradients are made at once: few enough for their data to stay in the cache.
const BLOCK: usize = 10;

/// Invariants of one centre and their gradients, reused from atom to atom.
///
/// A gradient has three columns for each neighbour: `∂I/∂r_j` along x, y, z. The derivatives by the centre and by the strain
/// are sums over the neighbours, see [`CenterSums`](super::center_sums::CenterSums).
#[derive(Debug, Default)]
pub struct LocalInvariants {
    /// Values, one per invariant.
    pub values: Vec<f64>,
    /// Gradients of the last block, row-major (columns × invariants).
    pub gradients: Vec<f64>,
    neighbors: Vec<Neighbor>,
    /// `f_n(r)` and `f_n'(r)` of all primitives, neighbour by neighbour.
    radial: Vec<(f64, f64)>,
    /// Harmonics of each neighbour, then their derivatives by the unit vector along x, y, z, times `1 / r`.
    harmonics: Vec<f64>,
    /// Order parameters of the primitives and of the radial functions.
    primitive: Vec<f64>,
    order: Vec<f64>,
    block: Columns,
    /// Gradients of the order parameters in a block (order parameters × padded columns).
    primitive_gradients: Vec<f64>,
    order_gradients: Vec<f64>,
    slopes: Vec<f64>,
}

#[derive(Debug)]
struct Neighbor {
    species: usize,
    unit: [f64; 3],
}

/// Factors of the gradients of the primitives in a block, all with padded columns:
/// `∂(f Y)/∂r_x = (f' u_x) Y + f (∂_x Y / r)`.
#[derive(Debug, Default)]
struct Columns {
    /// `Y` and `∂_x Y / r`, by (l, m).
    harmonics: Vec<[f64; LANES]>,
    slopes: Vec<[f64; LANES]>,
    /// `f' u_x` and `f`, of one primitive, zero for other species.
    along: Vec<[f64; LANES]>,
    across: Vec<[f64; LANES]>,
}

impl LocalInvariants {
    /// Evaluate all invariants of `basis`; [`LocalInvariants::block`] then makes their gradients.
    pub fn evaluate(&mut self, basis: &Basis, environment: &Environment) {
        reset(&mut self.values, basis.invariants().len());
        pulp::Arch::new().dispatch(SumOverNeighbors {
            local: self,
            basis,
            environment,
        });
        let products = &basis.tables.products;
        if !products.is_empty() {
            self.combine_values(basis);
            let values = &mut self.values[basis.n_pair..];
            products.evaluate(&self.order, values, &mut self.slopes);
        }
    }

    /// Make the gradients for a few neighbours from `first` on; returns how many, zero after the last one.
    pub fn block(&mut self, basis: &Basis, first: usize) -> usize {
        let (n, n_pair) = (basis.invariants().len(), basis.n_pair);
        let count = BLOCK.min(self.neighbors.len() - first);
        self.gradients.resize(3 * count * n, 0.0);
        let n_radial = basis.primitives().len();
        for (j, neighbor) in self.neighbors[first..][..count].iter().enumerate() {
            for axis in 0..3 {
                self.gradients[(3 * j + axis) * n..][..n_pair].fill(0.0);
            }
            for pair in &basis.tables.pairs {
                let slope = self.radial[(first + j) * n_radial + pair.primitive].1;
                for (axis, u) in neighbor.unit.iter().enumerate() {
                    self.gradients[(3 * j + axis) * n + pair.invariants[neighbor.species]] =
                        slope * u;
                }
            }
        }
        let products = &basis.tables.products;
        if products.is_empty() || count == 0 {
            return count;
        }
        pulp::Arch::new().dispatch(DifferentiatePrimitives {
            local: self,
            basis,
            first,
            count,
        });
        self.combine_gradients(basis, padded(3 * count));
        let out = &mut self.gradients[n_pair..];
        products.gradients(&self.slopes, &self.order_gradients, 3 * count, out, n);
        count
    }

    /// Pairwise invariants and order parameters `a_{s n l m} = Σ_j f_n Y_lm` of the primitives.
    #[inline(always)]
    fn sum_over_neighbors(&mut self, basis: &Basis, environment: &Environment) {
        let tables = &basis.tables;
        let n_order = tables.primitive_layout.len;
        reset(&mut self.primitive, basis.n_species() * n_order);
        self.neighbors.clear();
        self.radial.clear();
        let n_lm = if n_order > 0 {
            basis.harmonics().len()
        } else {
            0
        };
        self.harmonics
            .resize(4 * n_lm * environment.neighbors.len(), 0.0);
        for (j, (&r, &species)) in (environment.displacements.iter())
            .zip(environment.neighbors)
            .enumerate()
        {
            let species = usize::from(species);
            let distance = (r[0] * r[0] + r[1] * r[1] + r[2] * r[2]).sqrt();
            let unit = r.map(|x| x / distance);
            self.neighbors.push(Neighbor { species, unit });
            let (effective, slope) =
                basis.effective_distance(environment.center, species, distance);
            let start = self.radial.len();
            self.radial.extend(basis.primitives().iter().map(|f| {
                let (f, df) = f.value_and_derivative(effective);
                (f, df * slope)
            }));
            let radial = &self.radial[start..];
            for pair in &tables.pairs {
                self.values[pair.invariants[species]] += radial[pair.primitive].0;
            }
            if n_order > 0 {
                let (values, slopes) =
                    self.harmonics[4 * n_lm * j..][..4 * n_lm].split_at_mut(n_lm);
                (basis.harmonics()).evaluate_with_gradient(unit, values, slopes);
                for dy in slopes.iter_mut() {
                    *dy /= distance;
                }
                let own = &mut self.primitive[species * n_order..][..n_order];
                for (primitive, start, len) in tables.segments() {
                    let f = radial[primitive].0;
                    let out = own[start..start + len].iter_mut();
                    out.zip(&*values).for_each(|(a, y)| *a += f * y);
                }
            }
        }
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

    /// Gradients of the order parameters of the primitives for a block of neighbours.
    #[inline(always)]
    fn differentiate_primitives(&mut self, basis: &Basis, first: usize, count: usize) {
        let tables = &basis.tables;
        let (n_order, n_lm) = (tables.primitive_layout.len, basis.harmonics().len());
        let vectors = padded(3 * count) / LANES;
        let neighbors = &self.neighbors[first..][..count];
        self.block
            .set_harmonics(&self.harmonics[4 * n_lm * first..], n_lm, count);
        self.primitive_gradients
            .resize(basis.n_species() * n_order * vectors * LANES, 0.0);
        let (out, _) = self.primitive_gradients.as_chunks_mut::<LANES>();
        let n_radial = basis.primitives().len();
        for species in 0..basis.n_species() {
            let out = &mut out[species * n_order * vectors..][..n_order * vectors];
            if neighbors.iter().all(|neighbor| neighbor.species != species) {
                out.fill([0.0; LANES]);
                continue;
            }
            for (primitive, start, len) in tables.segments() {
                let radial = self.radial[first * n_radial..].chunks_exact(n_radial);
                let radial = radial.map(|own| own[primitive]);
                self.block.set_radial(neighbors, radial, species);
                let out = out[start * vectors..][..len * vectors].chunks_exact_mut(vectors);
                self.block.multiply(out);
            }
        }
    }

    /// Gradients of the order parameters of the radial functions from those of the primitives.
    fn combine_gradients(&mut self, basis: &Basis, stride: usize) {
        let tables = &basis.tables;
        let Some(combinations) = &tables.combinations else {
            std::mem::swap(&mut self.order_gradients, &mut self.primitive_gradients);
            return;
        };
        let n_order = basis.n_species() * tables.layout.len;
        reset(&mut self.order_gradients, n_order * stride);
        for (c, to, from) in tables.combined(combinations, basis.n_species()) {
            let out = self.order_gradients[to * stride..][..c.len * stride].iter_mut();
            let own = &self.primitive_gradients[from * stride..][..c.len * stride];
            out.zip(own).for_each(|(o, x)| *o += c.weight * x);
        }
    }
}

// Structures, not closures: a closure that only borrows is called through a function that is not inlined into a dispatch.

struct SumOverNeighbors<'a> {
    local: &'a mut LocalInvariants,
    basis: &'a Basis,
    environment: &'a Environment<'a>,
}

impl WithSimd for SumOverNeighbors<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        self.local.sum_over_neighbors(self.basis, self.environment);
    }
}

struct DifferentiatePrimitives<'a> {
    local: &'a mut LocalInvariants,
    basis: &'a Basis,
    first: usize,
    count: usize,
}

impl WithSimd for DifferentiatePrimitives<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        (self.local).differentiate_primitives(self.basis, self.first, self.count);
    }
}

impl Columns {
    /// Lay out the harmonics of `count` neighbours, of which each has its `n_lm` values and three times as many slopes.
    #[inline(always)]
    fn set_harmonics(&mut self, harmonics: &[f64], n_lm: usize, count: usize) {
        let vectors = padded(3 * count) / LANES;
        for own in [&mut self.harmonics, &mut self.slopes] {
            own.clear();
            own.resize(n_lm * vectors, [0.0; LANES]);
        }
        let (values, slopes) = (
            self.harmonics.as_flattened_mut(),
            self.slopes.as_flattened_mut(),
        );
        for (j, own) in harmonics.chunks_exact(4 * n_lm).take(count).enumerate() {
            for axis in 0..3 {
                let column = 3 * j + axis;
                let dy = &own[(1 + axis) * n_lm..][..n_lm];
                for (k, (y, dy)) in own[..n_lm].iter().zip(dy).enumerate() {
                    values[k * vectors * LANES + column] = *y;
                    slopes[k * vectors * LANES + column] = *dy;
                }
            }
        }
        for own in [&mut self.along, &mut self.across] {
            own.clear();
            own.resize(vectors, [0.0; LANES]);
        }
    }

    /// Lay out `f` and `f'` of one primitive for the neighbours of one species.
    #[inline(always)]
    fn set_radial(
        &mut self,
        neighbors: &[Neighbor],
        radial: impl Iterator<Item = (f64, f64)>,
        species: usize,
    ) {
        let (along, across) = (
            self.along.as_flattened_mut(),
            self.across.as_flattened_mut(),
        );
        for (j, (neighbor, (f, df))) in neighbors.iter().zip(radial).enumerate() {
            let own = if neighbor.species == species {
                1.0
            } else {
                0.0
            };
            for axis in 0..3 {
                along[3 * j + axis] = own * df * neighbor.unit[axis];
                across[3 * j + axis] = own * f;
            }
        }
    }

    /// The gradients of one primitive times all harmonics, row by row.
    #[inline(always)]
    fn multiply<'a>(&self, out: impl Iterator<Item = &'a mut [[f64; LANES]]>) {
        let vectors = self.along.len();
        let harmonics = self
            .harmonics
            .chunks_exact(vectors)
            .zip(self.slopes.chunks_exact(vectors));
        for (row, (y, dy)) in out.zip(harmonics) {
            let factors = self.along.iter().zip(&self.across);
            for (((o, y), dy), (along, across)) in row.iter_mut().zip(y).zip(dy).zip(factors) {
                for k in 0..LANES {
                    o[k] = along[k] * y[k] + across[k] * dy[k];
                }
            }
        }
    }
}

pub(super) fn reset(buffer: &mut Vec<f64>, len: usize) {
    buffer.clear();
    buffer.resize(len, 0.0);
}
