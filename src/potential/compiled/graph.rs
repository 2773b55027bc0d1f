//! From sums over neighbours to the energy: one polynomial, merged, for eight atoms at a time.
//!
//! All invariants that enter linearly are expanded into monomials of the sums, and equal monomials are merged. What
//! enters products is an intermediate node. Monomials are rows: a prefix of up to three nodes times a weighted sum of
//! further nodes, `u (Σ_k w_k v_k)`, so that one pass gives the energy and its derivatives by two multiply-adds per term.
//! The lanes of a vector are atoms: nothing has to be dense or of the same shape to be fast.

#![expect(
    clippy::inline_always,
    reason = "only what is inlined into a dispatch is compiled for its instruction set"
)]

use super::polynomial::NONE;
use pulp::Simd;

/// Atoms that are evaluated together.
pub(super) const ATOMS: usize = super::LANES;

/// Rows `prefix · Σ w v` whose prefixes differ in their last node only.
#[derive(Debug, Clone, Copy)]
pub(super) struct Group {
    /// What the prefixes have in common.
    pub common: [u32; 2],
    pub n_common: u32,
    pub first_rows: u32,
    pub end_rows: u32,
}

/// One or two rows of a group whose terms are the same nodes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rows {
    /// The last node of each prefix; `NONE` if it is empty.
    pub last: [u32; 2],
    pub count: u32,
    /// Runs of terms, and their weights.
    pub first_run: u32,
    pub end_run: u32,
    pub first_weight: u32,
}

/// Consecutive nodes: 1, 2 or 4.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    pub first: u32,
    pub len: u32,
}

/// Most nodes of a run.
pub(super) const LONGEST_RUN: usize = 4;

/// The plan of one centre element.
///
/// Nodes are: sums over neighbours (those of the kernel, padded as it likes), intermediate polynomials, products.
#[derive(Debug, Clone, Default)]
pub(super) struct Graph {
    pub n_nodes: usize,
    pub n_terms: usize,
    pub groups: Vec<Group>,
    pub rows: Vec<Rows>,
    pub runs: Vec<Run>,
    /// Of each run and row, `[run][row][node]`.
    pub weights: Vec<f64>,
    /// Groups of rows of the energy.
    pub energy: std::ops::Range<usize>,
    /// Intermediate nodes with their groups of rows.
    pub forms: Vec<(u32, std::ops::Range<usize>)>,
    /// Nodes that are products of two or three sums.
    pub products: Vec<(u32, [u32; 3])>,
}

/// What a graph costs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GraphSize {
    /// Nodes, the padded sums included.
    pub nodes: usize,
    /// Prefixes.
    pub rows: usize,
    /// Merged monomials.
    pub terms: usize,
}

impl Graph {
    /// Number of nodes.
    pub fn n_nodes(&self) -> usize {
        self.n_nodes
    }

    /// What it costs.
    pub fn size(&self) -> GraphSize {
        GraphSize {
            nodes: self.n_nodes,
            rows: self.rows.iter().map(|r| r.count as usize).sum(),
            terms: self.n_terms,
        }
    }

    /// Energies of [`ATOMS`] atoms from the values of the sums, `[n_nodes][ATOMS]`; `adjoints` of the same shape receive
    /// the derivatives.
    #[inline(always)]
    pub fn evaluate<S: Simd>(
        &self,
        simd: S,
        values: &mut [f64],
        adjoints: &mut [f64],
        energies: &mut [f64; ATOMS],
    ) {
        let per_node = ATOMS / S::F64_LANES;
        adjoints[..self.n_nodes * ATOMS].fill(0.0);
        let (values, _) = S::as_mut_simd_f64s(values);
        let (adjoints, _) = S::as_mut_simd_f64s(adjoints);
        let (energies, _) = S::as_mut_simd_f64s(energies);
        assert!(
            values.len() >= self.n_nodes * per_node && adjoints.len() >= self.n_nodes * per_node
        );
        for (sub, energy) in energies.iter_mut().enumerate() {
            let mut lanes = Lanes {
                simd,
                values,
                adjoints,
                sub,
            };
            *energy = lanes.run(self);
        }
    }
}

/// The graph at work on as many atoms as a vector has lanes.
struct Lanes<'a, S: Simd> {
    simd: S,
    values: &'a mut [S::f64s],
    adjoints: &'a mut [S::f64s],
    sub: usize,
}

impl<S: Simd> Lanes<'_, S> {
    /// Vectors of a node.
    const PER_NODE: usize = ATOMS / S::F64_LANES;

    #[inline(always)]
    fn at(&self, node: u32) -> usize {
        node as usize * Self::PER_NODE + self.sub
    }

    #[inline(always)]
    fn run(&mut self, graph: &Graph) -> S::f64s {
        let simd = self.simd;
        for (node, [a, b, c]) in &graph.products {
            let (node, mut value) = (
                self.at(*node),
                simd.mul_f64s(self.values[self.at(*a)], self.values[self.at(*b)]),
            );
            if *c != NONE {
                value = simd.mul_f64s(value, self.values[self.at(*c)]);
            }
            self.values[node] = value;
        }
        for (node, groups) in &graph.forms {
            let mut sum = simd.splat_f64s(0.0);
            for group in &graph.groups[groups.clone()] {
                sum = self.value(graph, group, sum);
            }
            let node = self.at(*node);
            self.values[node] = sum;
        }
        let one = simd.splat_f64s(1.0);
        let mut energy = simd.splat_f64s(0.0);
        for group in &graph.groups[graph.energy.clone()] {
            energy = self.value_and_adjoints(graph, group, one, energy);
        }
        for (node, groups) in graph.forms.iter().rev() {
            let seed = self.adjoints[self.at(*node)];
            for group in &graph.groups[groups.clone()] {
                self.value_and_adjoints(graph, group, seed, one);
            }
        }
        for (node, [a, b, c]) in graph.products.iter().rev() {
            let seed = self.adjoints[self.at(*node)];
            if *c == NONE {
                self.backward(&[*a, *b], seed);
            } else {
                self.backward(&[*a, *b, *c], seed);
            }
        }
        energy
    }

    /// What the prefixes of a group have in common, times `seed`.
    #[inline(always)]
    fn common(&self, group: &Group, mut seed: S::f64s) -> S::f64s {
        for node in &group.common[..group.n_common as usize] {
            seed = self.simd.mul_f64s(seed, self.values[self.at(*node)]);
        }
        seed
    }

    /// The value of a group added to `sum`.
    #[inline(always)]
    fn value(&self, graph: &Graph, group: &Group, sum: S::f64s) -> S::f64s {
        let simd = self.simd;
        let mut total = simd.splat_f64s(0.0);
        for rows in &graph.rows[group.first_rows as usize..group.end_rows as usize] {
            let mut weights = graph.weights[rows.first_weight as usize..].iter();
            let mut inner = [simd.splat_f64s(0.0); 2];
            for run in &graph.runs[rows.first_run as usize..rows.end_run as usize] {
                for inner in &mut inner[..rows.count as usize] {
                    for k in 0..run.len {
                        let value = self.values[self.at(run.first + k)];
                        if let Some(weight) = weights.next() {
                            *inner = simd.mul_add_e_f64s(simd.splat_f64s(*weight), value, *inner);
                        }
                    }
                }
            }
            for (inner, last) in inner.iter().zip(&rows.last).take(rows.count as usize) {
                total = if *last == NONE {
                    simd.add_f64s(total, *inner)
                } else {
                    simd.mul_add_e_f64s(*inner, self.values[self.at(*last)], total)
                };
            }
        }
        simd.mul_add_e_f64s(total, self.common(group, simd.splat_f64s(1.0)), sum)
    }

    /// The value of a group times `seed` added to `sum`; its derivatives are added to the adjoints.
    #[inline(always)]
    fn value_and_adjoints(
        &mut self,
        graph: &Graph,
        group: &Group,
        seed: S::f64s,
        sum: S::f64s,
    ) -> S::f64s {
        let simd = self.simd;
        let common = self.common(group, seed);
        let mut total = simd.splat_f64s(0.0);
        for rows in &graph.rows[group.first_rows as usize..group.end_rows as usize] {
            total = match rows.count {
                1 => self.rows::<1>(graph, rows, common, total),
                _ => self.rows::<2>(graph, rows, common, total),
            };
        }
        let [a, b] = group.common;
        match group.n_common {
            0 => {}
            1 => self.add(a, simd.mul_f64s(total, seed)),
            _ => self.backward(&[a, b], simd.mul_f64s(total, seed)),
        }
        simd.mul_add_e_f64s(total, common, sum)
    }

    /// Some rows without what is common, added to `total`; derivatives times `common` are added to the adjoints.
    #[inline(always)]
    fn rows<const R: usize>(
        &mut self,
        graph: &Graph,
        rows: &Rows,
        common: S::f64s,
        mut total: S::f64s,
    ) -> S::f64s {
        let simd = self.simd;
        let mut last = [simd.splat_f64s(1.0); R];
        let mut prefixes = [common; R];
        for k in 0..R {
            if rows.last[k] != NONE {
                last[k] = self.values[self.at(rows.last[k])];
                prefixes[k] = simd.mul_f64s(common, last[k]);
            }
        }
        let mut inner = [[simd.splat_f64s(0.0); 2]; R];
        let mut weights = &graph.weights[rows.first_weight as usize..];
        for run in &graph.runs[rows.first_run as usize..rows.end_run as usize] {
            let len = run.len as usize;
            let own = &weights[..len * R];
            weights = &weights[len * R..];
            match len {
                1 => self.block::<R, 1>(run.first, own, &prefixes, &mut inner),
                2 => self.block::<R, 2>(run.first, own, &prefixes, &mut inner),
                _ => self.block::<R, LONGEST_RUN>(run.first, own, &prefixes, &mut inner),
            }
        }
        for k in 0..R {
            let inner = simd.add_f64s(inner[k][0], inner[k][1]);
            total = simd.mul_add_e_f64s(inner, last[k], total);
            if rows.last[k] != NONE {
                let at = self.at(rows.last[k]);
                self.adjoints[at] = simd.mul_add_e_f64s(inner, common, self.adjoints[at]);
            }
        }
        total
    }

    /// A block of weights, both ways.
    #[inline(always)]
    fn block<const R: usize, const K: usize>(
        &mut self,
        first: u32,
        weights: &[f64],
        prefixes: &[S::f64s; R],
        inner: &mut [[S::f64s; 2]; R],
    ) {
        let simd = self.simd;
        let (at, step) = (self.at(first), Self::PER_NODE);
        // Half-open: the bounds check of an inclusive range is not inlined.
        let end = at + (K - 1) * step + 1;
        let values = &self.values[at..end];
        let adjoints = &mut self.adjoints[at..end];
        let mut sums = [simd.splat_f64s(0.0); K];
        for k in 0..K {
            sums[k] = adjoints[k * step];
        }
        for (r, weights) in weights.chunks_exact(K).take(R).enumerate() {
            for k in 0..K {
                let weight = simd.splat_f64s(weights[k]);
                inner[r][k % 2] = simd.mul_add_e_f64s(weight, values[k * step], inner[r][k % 2]);
                sums[k] = simd.mul_add_e_f64s(weight, prefixes[r], sums[k]);
            }
        }
        for k in 0..K {
            adjoints[k * step] = sums[k];
        }
    }

    /// Add to the adjoints of the factors of a product what its own adjoint gives.
    #[inline(always)]
    fn backward<const N: usize>(&mut self, nodes: &[u32; N], seed: S::f64s) {
        for k in 0..N {
            let mut others = seed;
            for (m, node) in nodes.iter().enumerate() {
                if m != k {
                    others = self.simd.mul_f64s(others, self.values[self.at(*node)]);
                }
            }
            self.add(nodes[k], others);
        }
    }

    #[inline(always)]
    fn add(&mut self, node: u32, value: S::f64s) {
        let at = self.at(node);
        self.adjoints[at] = self.simd.add_f64s(self.adjoints[at], value);
    }
}
