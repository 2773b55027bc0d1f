//! From the forms of one centre element to their plan.

use super::{AnomalyPlan, Graph, Invariants, Product, Table, Term};
use crate::basis::monomials::Monomial;
use crate::potential::anomaly::Forms;
use crate::potential::compiled::column::Column;
use crate::potential::compiled::expand::Sums;
use crate::potential::compiled::plan::SpeciesPlan;
use crate::potential::compiled::polynomial::{NONE, Polynomial};
use crate::potential::compiled::table::WIDTH;
use crate::repulsion::CenterRepulsion;
use std::collections::BTreeMap;

/// What the plan of the energy provides.
pub(in crate::potential::compiled) struct Energy<'a> {
    pub sums: &'a Sums<'a>,
    pub graph: &'a Graph,
    /// Nodes of the invariants that are factors of products.
    pub nodes: &'a BTreeMap<u32, u32>,
    pub species: &'a [Option<SpeciesPlan>],
    pub repulsion: Option<&'a CenterRepulsion>,
    /// Tabulates columns over the neighbours of one species.
    pub table: &'a dyn Fn(usize, Vec<Column>) -> Table,
}

impl AnomalyPlan {
    pub fn new(energy: &Energy, forms: &Forms) -> Self {
        let basis = energy.sums.basis;
        let n_forms = forms.starts.len();
        let width = n_forms.next_multiple_of(WIDTH);
        let (mut nodes, mut pairs) = (Nodes::new(energy), Vec::new());
        let (mut features, mut weights) = (Vec::new(), Vec::new());
        for (monomial, own) in &forms.products {
            if let Some(channel) = Forms::pairwise(basis, monomial) {
                pairs.push((channel, own));
                continue;
            }
            features.push(nodes.feature(monomial));
            weights.extend_from_slice(own);
            weights.resize(features.len() * width, 0.0);
        }
        let table = |species: usize| {
            let own = pairs.iter().filter(|(c, _)| c.species == species);
            let mut columns = vec![BTreeMap::new(); n_forms];
            for (channel, weights) in own {
                for (p, part) in basis.radial()[channel.radial].combination(0) {
                    for (column, weight) in columns.iter_mut().zip(*weights) {
                        *column.entry(p).or_insert(0.0) += weight * part;
                    }
                }
            }
            let column = |own: BTreeMap<usize, f64>| {
                let functions = own
                    .into_iter()
                    .map(|(p, w)| (basis.primitives()[p].clone(), w));
                Column::new(functions.collect())
            };
            let is_empty = columns.iter().all(BTreeMap::is_empty);
            let columns = columns.into_iter().map(column).collect();
            (!is_empty).then(|| (energy.table)(species, columns))
        };
        let mut starts = forms.starts.clone();
        starts.resize(width, 0.0);
        Self {
            n_forms,
            starts,
            shell: forms.shell,
            repelled: { energy.repulsion.iter() }
                .flat_map(|own| (0..basis.n_species()).map(|s| own.outer(s).recip()))
                .collect(),
            ends_inside: { energy.species.iter() }
                .map(|plan| {
                    let outer = plan.as_ref().and_then(|plan| plan.outer.as_ref());
                    outer.is_some_and(|outer| forms.shell <= outer.start)
                })
                .collect(),
            tables: (0..basis.n_species()).map(table).collect(),
            n_nodes: nodes.count,
            products: nodes.products,
            angular: Invariants::new(nodes.angular),
            coupled: Invariants::new(nodes.coupled),
            powers: nodes.powers,
            features,
            weights,
        }
    }
}

/// Nodes in the making, after those of the energy.
struct Nodes<'a> {
    energy: &'a Energy<'a>,
    count: usize,
    product_of: BTreeMap<[u32; 3], u32>,
    of_invariant: BTreeMap<u32, u32>,
    products: Vec<Product>,
    angular: Vec<(u32, Vec<Term<2>>)>,
    coupled: Vec<(u32, Vec<Term<3>>)>,
    powers: Vec<Product>,
}

impl<const N: usize> Invariants<N> {
    fn new(mut invariants: Vec<(u32, Vec<Term<N>>)>) -> Self {
        invariants.sort_by_key(|(_, terms)| terms.len());
        let mut found = Self::default();
        for (node, terms) in invariants {
            found.terms.extend(terms);
            found.nodes.push((node, found.terms.len()));
        }
        found
    }
}

impl<'a> Nodes<'a> {
    fn new(energy: &'a Energy<'a>) -> Self {
        let products = energy.graph.products.iter();
        Self {
            energy,
            count: energy.graph.n_nodes(),
            product_of: products.map(|(node, key)| (*key, *node)).collect(),
            of_invariant: energy.nodes.clone(),
            products: Vec::new(),
            angular: Vec::new(),
            coupled: Vec::new(),
            powers: Vec::new(),
        }
    }

    fn next(&mut self) -> u32 {
        self.count += 1;
        (self.count - 1) as u32
    }

    /// The node of a feature that is no single pairwise invariant.
    fn feature(&mut self, monomial: &Monomial) -> u32 {
        let factors: Vec<u32> = { monomial.factors().iter() }
            .map(|k| self.invariant(*k))
            .collect();
        if let [only] = *factors {
            return only;
        }
        let mut key = [NONE; 3];
        key[..factors.len()].copy_from_slice(&factors);
        let node = self.next();
        self.powers.push((node, key));
        node
    }

    fn invariant(&mut self, k: u32) -> u32 {
        if let Some(node) = self.of_invariant.get(&k) {
            return *node;
        }
        let sums = self.energy.sums;
        let mut polynomial = Polynomial::default();
        sums.expand(&sums.basis.invariants()[k as usize], 1.0, &mut polynomial);
        let node = self.next();
        let (mut angular, mut coupled) = (Vec::new(), Vec::new());
        for (factors, weight) in polynomial.merged() {
            let degree = factors.iter().filter(|f| **f != NONE).count();
            if let [a, b] = factors[..degree] {
                let factors = [a, b];
                angular.push(Term { factors, weight });
                continue;
            }
            // As the polynomial of the energy is split, which has most of these products.
            let (prefix, rest) = factors[..degree].split_at(Polynomial::prefix(degree));
            let (first, last) = prefix.split_at(prefix.len() - 1);
            let factors = [self.product(first), last[0], self.product(rest)];
            coupled.push(Term { factors, weight });
        }
        if coupled.is_empty() {
            self.angular.push((node, angular));
        } else {
            self.coupled.push((node, coupled));
        }
        self.of_invariant.insert(k, node);
        node
    }

    /// The node of a product of one to three sums.
    fn product(&mut self, nodes: &[u32]) -> u32 {
        if let [only] = nodes {
            return *only;
        }
        let mut key = [NONE; 3];
        key[..nodes.len()].copy_from_slice(nodes);
        if let Some(node) = self.product_of.get(&key) {
            return *node;
        }
        let node = self.next();
        self.product_of.insert(key, node);
        self.products.push((node, key));
        node
    }
}
