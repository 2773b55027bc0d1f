//! From polynomials of nodes to a [`Graph`], whose rows share prefixes and products.

use super::graph::{Graph, Group, LONGEST_RUN, Rows, Run};
use super::polynomial::{NONE, Polynomial};
use std::collections::BTreeMap;
use std::ops::Range;

/// A monomial as its prefix, the node of the product of the other factors, and its weight.
type Term = ([u32; 3], u32, f64);

/// Makes a [`Graph`].
#[derive(Debug, Default)]
pub(super) struct GraphBuilder {
    graph: Graph,
    product_of: BTreeMap<[u32; 3], u32>,
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
            product_of: BTreeMap::new(),
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

    fn groups(&mut self, polynomial: Polynomial) -> Range<usize> {
        let mut split: Vec<Term> = polynomial
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
        let mut rows: Vec<&[Term]> = split.chunk_by(|a, b| a.0 == b.0).collect();
        let key = |row: &[Term]| {
            let n = len(&row[0].0);
            let common: Vec<u32> = row[0].0[..n.saturating_sub(1)].to_vec();
            (n, common, row.iter().map(|t| t.1).collect::<Vec<u32>>())
        };
        rows.sort_by_cached_key(|row| (key(row), row[0].0));
        let first = self.graph.groups.len();
        let common = |row: &[Term]| {
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

    fn push_rows(&mut self, rows: &[&[Term]], len: usize) {
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
