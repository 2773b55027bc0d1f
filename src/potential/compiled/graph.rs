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

use pulp::Simd;

/// Atoms that are evaluated together: lanes of the widest vector registers in use.
pub(super) const ATOMS: usize = 8;

/// A monomial of nodes, ascending, unused places `NONE`.
pub(super) type Factors = [u32; 6];
/// No node.
pub(super) const NONE: u32 = u32::MAX;

/// A polynomial of nodes.
#[derive(Debug, Clone, Default)]
pub(super) struct Polynomial(Vec<(Factors, f64)>);

impl Polynomial {
    /// Add `coefficient` times a product of at most six nodes.
    pub fn push(&mut self, nodes: &[u32], coefficient: f64) {
        let mut factors = [NONE; 6];
        factors[..nodes.len()].copy_from_slice(nodes);
        factors.sort_unstable();
        self.0.push((factors, coefficient));
    }

    /// Merge equal monomials; those that cancel disappear.
    fn merged(mut self) -> Vec<(Factors, f64)> {
        self.0.sort_by(|a, b| a.0.cmp(&b.0));
        let mut list: Vec<(Factors, f64)> = Vec::with_capacity(self.0.len());
        for (factors, coefficient) in self.0 {
            match list.last_mut() {
                Some(last) if last.0 == factors => last.1 += coefficient,
                _ => list.push((factors, coefficient)),
            }
        }
        list.retain(|(_, coefficient)| *coefficient != 0.0);
        list
    }
}

/// `prefix · Σ w v`, terms `start..end`.
#[derive(Debug, Clone, Copy)]
struct Row {
    prefix: [u32; 3],
    /// Number of nodes in the prefix.
    len: u32,
    start: u32,
    end: u32,
}

/// The plan of one centre element.
///
/// Nodes are: sums over neighbours (those of the kernel, padded as it likes), intermediate polynomials, products.
#[derive(Debug, Clone, Default)]
pub(super) struct Graph {
    n_nodes: usize,
    rows: Vec<Row>,
    /// Nodes and weights of the terms.
    columns: Vec<u32>,
    weights: Vec<f64>,
    /// Rows of the energy.
    energy: std::ops::Range<usize>,
    /// Intermediate nodes with their rows, in order of their evaluation.
    forms: Vec<(u32, std::ops::Range<usize>)>,
    /// Nodes that are products of two or three sums.
    products: Vec<(u32, [u32; 3])>,
}

/// Makes a [`Graph`].
#[derive(Debug, Default)]
pub(super) struct GraphBuilder {
    graph: Graph,
    product_of: std::collections::BTreeMap<[u32; 3], u32>,
}

impl GraphBuilder {
    /// A graph over `n_sums` sums over neighbours.
    pub fn new(n_sums: usize) -> Self {
        let graph = Graph {
            n_nodes: n_sums,
            ..Graph::default()
        };
        Self {
            graph,
            product_of: std::collections::BTreeMap::new(),
        }
    }

    /// A node that is a polynomial of sums.
    pub fn form(&mut self, polynomial: Polynomial) -> u32 {
        let rows = self.rows(polynomial);
        let node = self.node();
        self.graph.forms.push((node, rows));
        node
    }

    /// The graph, with the energy as a polynomial of all nodes.
    pub fn finish(mut self, energy: Polynomial) -> Graph {
        self.graph.energy = self.rows(energy);
        self.graph
    }

    fn node(&mut self) -> u32 {
        self.graph.n_nodes += 1;
        (self.graph.n_nodes - 1) as u32
    }

    fn rows(&mut self, polynomial: Polynomial) -> std::ops::Range<usize> {
        let mut split: Vec<([u32; 3], u32, f64)> = polynomial
            .merged()
            .into_iter()
            .map(|(factors, weight)| {
                let degree = factors.iter().filter(|f| **f != NONE).count();
                let n_prefix = match degree {
                    0 | 1 => 0,
                    2 => 1,
                    3 | 4 => 2,
                    _ => 3,
                };
                let mut prefix = [NONE; 3];
                prefix[..n_prefix].copy_from_slice(&factors[..n_prefix]);
                let rest = &factors[n_prefix..degree];
                (prefix, self.product(rest), weight)
            })
            .collect();
        // Prefixes of the same length follow each other, columns ascend.
        let len = |prefix: &[u32; 3]| prefix.iter().filter(|f| **f != NONE).count();
        split.sort_by(|a, b| (len(&a.0), a.0, a.1).cmp(&(len(&b.0), b.0, b.1)));
        let first = self.graph.rows.len();
        for group in split.chunk_by(|a, b| a.0 == b.0) {
            let start = self.graph.columns.len() as u32;
            self.graph.columns.extend(group.iter().map(|t| t.1));
            self.graph.weights.extend(group.iter().map(|t| t.2));
            let prefix = group[0].0;
            self.graph.rows.push(Row {
                prefix,
                len: len(&prefix) as u32,
                start,
                end: self.graph.columns.len() as u32,
            });
        }
        first..self.graph.rows.len()
    }

    /// The node of a product of one to three nodes.
    fn product(&mut self, nodes: &[u32]) -> u32 {
        if let [only] = nodes {
            return *only;
        }
        let mut key = [NONE; 3];
        key[..nodes.len()].copy_from_slice(nodes);
        if let Some(node) = self.product_of.get(&key) {
            return *node;
        }
        let node = self.node();
        self.product_of.insert(key, node);
        self.graph.products.push((node, key));
        node
    }
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
            rows: self.rows.len(),
            terms: self.columns.len(),
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
        assert!(values.len() >= self.n_nodes * per_node && adjoints.len() >= self.n_nodes * per_node);
        for (sub, energy) in energies.iter_mut().enumerate() {
            let mut lanes = Lanes {
                simd,
                values,
                adjoints,
                per_node,
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
    per_node: usize,
    sub: usize,
}

impl<S: Simd> Lanes<'_, S> {
    #[inline(always)]
    fn at(&self, node: u32) -> usize {
        node as usize * self.per_node + self.sub
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
        for (node, rows) in &graph.forms {
            let mut sum = simd.splat_f64s(0.0);
            for row in &graph.rows[rows.clone()] {
                let inner = self.inner(graph, row);
                sum = simd.add_f64s(sum, self.prefixed(row, inner));
            }
            let node = self.at(*node);
            self.values[node] = sum;
        }
        let one = simd.splat_f64s(1.0);
        let mut energy = simd.splat_f64s(0.0);
        for row in &graph.rows[graph.energy.clone()] {
            energy = simd.add_f64s(energy, self.row(graph, row, one));
        }
        for (node, rows) in graph.forms.iter().rev() {
            let seed = self.adjoints[self.at(*node)];
            for row in &graph.rows[rows.clone()] {
                self.row(graph, row, seed);
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

    /// `Σ w v` of a row.
    #[inline(always)]
    fn inner(&self, graph: &Graph, row: &Row) -> S::f64s {
        let simd = self.simd;
        let range = row.start as usize..row.end as usize;
        let mut sum = simd.splat_f64s(0.0);
        for (column, weight) in graph.columns[range.clone()].iter().zip(&graph.weights[range]) {
            let weight = simd.splat_f64s(*weight);
            sum = simd.mul_add_e_f64s(weight, self.values[self.at(*column)], sum);
        }
        sum
    }

    /// A value times the prefix of a row.
    #[inline(always)]
    fn prefixed(&self, row: &Row, mut value: S::f64s) -> S::f64s {
        for node in &row.prefix[..row.len as usize] {
            value = self.simd.mul_f64s(value, self.values[self.at(*node)]);
        }
        value
    }

    /// Value of a row; `seed` times its derivatives are added to the adjoints.
    #[inline(always)]
    fn row(&mut self, graph: &Graph, row: &Row, seed: S::f64s) -> S::f64s {
        let simd = self.simd;
        let factor = self.prefixed(row, seed);
        let range = row.start as usize..row.end as usize;
        let mut inner = simd.splat_f64s(0.0);
        for (column, weight) in graph.columns[range.clone()].iter().zip(&graph.weights[range]) {
            let at = self.at(*column);
            let weight = simd.splat_f64s(*weight);
            inner = simd.mul_add_e_f64s(weight, self.values[at], inner);
            self.adjoints[at] = simd.mul_add_e_f64s(weight, factor, self.adjoints[at]);
        }
        let seeded = simd.mul_f64s(inner, seed);
        match row.len {
            0 => {}
            1 => self.add(row.prefix[0], seeded),
            2 => self.backward(&[row.prefix[0], row.prefix[1]], seeded),
            _ => self.backward(&row.prefix, seeded),
        }
        simd.mul_f64s(inner, factor)
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
