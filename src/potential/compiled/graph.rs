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

    /// Number of factors that make the prefix of a monomial.
    pub fn prefix(degree: usize) -> usize {
        match degree {
            0 | 1 => 0,
            2 => 1,
            3 | 4 => 2,
            _ => 3,
        }
    }

    /// Merge equal monomials; those that cancel disappear.
    pub fn merged(mut self) -> Vec<(Factors, f64)> {
        self.0.sort_by_key(|term| term.0);
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

/// Rows `prefix · Σ w v` whose prefixes differ in their last node only.
#[derive(Debug, Clone, Copy)]
struct Group {
    /// What the prefixes have in common.
    common: [u32; 2],
    n_common: u32,
    first_rows: u32,
    end_rows: u32,
}

/// One or two rows of a group whose terms are the same nodes.
#[derive(Debug, Clone, Copy)]
struct Rows {
    /// The last node of each prefix; `NONE` if it is empty.
    last: [u32; 2],
    count: u32,
    /// Runs of terms, and their weights.
    first_run: u32,
    end_run: u32,
    first_weight: u32,
}

/// Consecutive nodes: 1, 2 or 4.
#[derive(Debug, Clone, Copy)]
struct Run {
    first: u32,
    len: u32,
}

/// Most nodes of a run.
const LONGEST_RUN: usize = 4;

/// The plan of one centre element.
///
/// Nodes are: sums over neighbours (those of the kernel, padded as it likes), intermediate polynomials, products.
#[derive(Debug, Clone, Default)]
pub(super) struct Graph {
    n_nodes: usize,
    n_terms: usize,
    groups: Vec<Group>,
    rows: Vec<Rows>,
    runs: Vec<Run>,
    /// Of each run and row, `[run][row][node]`.
    weights: Vec<f64>,
    /// Groups of rows of the energy.
    energy: std::ops::Range<usize>,
    /// Intermediate nodes with their groups of rows.
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
        let groups = self.groups(polynomial);
        let node = self.node();
        self.graph.forms.push((node, groups));
        node
    }

    /// The graph, with the energy as a polynomial of all nodes.
    pub fn finish(mut self, energy: Polynomial) -> Graph {
        self.graph.energy = self.groups(energy);
        self.graph
    }

    fn node(&mut self) -> u32 {
        self.graph.n_nodes += 1;
        (self.graph.n_nodes - 1) as u32
    }

    fn groups(&mut self, polynomial: Polynomial) -> std::ops::Range<usize> {
        let mut split: Vec<([u32; 3], u32, f64)> = polynomial
            .merged()
            .into_iter()
            .map(|(factors, weight)| {
                let degree = factors.iter().filter(|f| **f != NONE).count();
                let n_prefix = Polynomial::prefix(degree);
                let mut prefix = [NONE; 3];
                prefix[..n_prefix].copy_from_slice(&factors[..n_prefix]);
                let rest = &factors[n_prefix..degree];
                (prefix, self.product(rest), weight)
            })
            .collect();
        let len = |prefix: &[u32; 3]| prefix.iter().filter(|f| **f != NONE).count();
        split.sort_by_key(|term| (len(&term.0), term.0, term.1));
        self.graph.n_terms += split.len();
        // Rows with the same terms, and prefixes that differ in the last node only, are neighbours after sorting.
        let mut rows: Vec<&[([u32; 3], u32, f64)]> = split.chunk_by(|a, b| a.0 == b.0).collect();
        let key = |row: &[([u32; 3], u32, f64)]| {
            let n = len(&row[0].0);
            let common: Vec<u32> = row[0].0[..n.saturating_sub(1)].to_vec();
            (n, common, row.iter().map(|t| t.1).collect::<Vec<u32>>())
        };
        rows.sort_by_cached_key(|row| (key(row), row[0].0));
        let first = self.graph.groups.len();
        let common = |row: &[([u32; 3], u32, f64)]| {
            let n = len(&row[0].0);
            (n, row[0].0[..n.saturating_sub(1)].to_vec())
        };
        for group in rows.chunk_by(|a, b| common(a) == common(b)) {
            let (n, common) = common(group[0]);
            let mut entry = Group {
                common: [NONE; 2],
                n_common: common.len() as u32,
                first_rows: self.graph.rows.len() as u32,
                end_rows: 0,
            };
            entry.common[..common.len()].copy_from_slice(&common);
            for same in group.chunk_by(|a, b| key(a) == key(b)) {
                for rows in same.chunks(2) {
                    self.push_rows(rows, n);
                }
            }
            entry.end_rows = self.graph.rows.len() as u32;
            self.graph.groups.push(entry);
        }
        first..self.graph.groups.len()
    }

    fn push_rows(&mut self, rows: &[&[([u32; 3], u32, f64)]], len: usize) {
        let graph = &mut self.graph;
        let mut entry = Rows {
            last: [NONE; 2],
            count: rows.len() as u32,
            first_run: graph.runs.len() as u32,
            end_run: 0,
            first_weight: graph.weights.len() as u32,
        };
        for (k, row) in rows.iter().enumerate() {
            if let Some(last) = row[0].0[..len].last() {
                entry.last[k] = *last;
            }
        }
        let mut at = 0;
        for run in rows[0].chunk_by(|a, b| a.1 + 1 == b.1) {
            let mut left = run.len();
            while left > 0 {
                let n = [LONGEST_RUN, 2, 1]
                    .into_iter()
                    .find(|n| *n <= left)
                    .unwrap_or(1);
                graph.runs.push(Run {
                    first: rows[0][at].1,
                    len: n as u32,
                });
                for row in rows {
                    graph.weights.extend(row[at..at + n].iter().map(|t| t.2));
                }
                (at, left) = (at + n, left - n);
            }
        }
        entry.end_run = graph.runs.len() as u32;
        graph.rows.push(entry);
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
