//! From the coefficients of one centre element to its plan.

use super::anomaly::{AnomalyPlan, Energy};
use super::column::Column;
use super::expand::Sums;
use super::graph::Graph;
use super::graph_builder::GraphBuilder;
use super::harmonics::Recursion;
use super::layout::{Needs, Parts, Places, needs};
use super::plan::{CompiledCenter, OuterPlan, SpeciesPlan};
use super::polynomial::Polynomial;
use super::table::{Resolution, Table};
use super::total::Total;
use crate::basis::Basis;
use crate::basis::invariants::Invariant;
use crate::basis::radial::RadialFunction;
use crate::potential::Terms;
use crate::potential::anomaly::Forms;
use crate::repulsion::CenterRepulsion;
use std::collections::BTreeMap;

/// The angular cutoff is worth a distinction if its sphere has less than this part of the volume of the whole.
const MOST_OF_ALL: f64 = 0.9;

impl CompiledCenter {
    /// The plan of element number `own`, with an index of anomaly if there are forms.
    pub(in crate::potential) fn new(
        basis: &Basis,
        own: usize,
        terms: &Terms,
        forms: Option<&Forms>,
    ) -> Self {
        let in_products = in_products(basis, terms);
        let (needs, folded) = needs(basis, terms, &in_products);
        // The index of anomaly has forms of the sums of each element.
        let total = match forms {
            None => Total::find(basis, terms, &folded),
            Some(_) => None,
        };
        let (places, n_sums) = lay_out(&needs, total.as_ref());
        let sums = Sums {
            basis,
            places: &places,
        };
        let repulsion = basis.repulsion(own).cloned();
        let species: Vec<Option<SpeciesPlan>> = places
            .iter()
            .enumerate()
            .map(|(s, places)| {
                let places = places.as_ref()?;
                Some(species_plan(basis, places, repulsion.as_ref(), s))
            })
            .collect();
        let range = repulsion.as_ref().map_or(0.0, CenterRepulsion::cutoff);
        let range = forms.map_or(range, |forms| range.max(forms.cutoff(basis)));
        let used = { places.iter().flatten() }.flat_map(|p| p.columns.iter().flatten());
        let cutoff = used.fold(range, |c, (p, _)| c.max(basis.primitives()[*p].cutoff));
        let summed = Summed {
            terms,
            in_products: &in_products,
            folded: &folded,
            total: total.as_ref(),
        };
        let (graph, nodes) = graph(&sums, n_sums, &summed);
        let energy = Energy {
            sums: &sums,
            graph: &graph,
            nodes: &nodes,
            species: &species,
            repulsion: repulsion.as_ref(),
            table: &|s, columns| table(columns, repulsion.as_ref(), s, true, Resolution::COARSE),
        };
        let anomaly = forms.map(|forms| AnomalyPlan::new(&energy, forms));
        Self {
            offset: terms.reference_energy + terms.constant,
            graph,
            anomaly,
            repulsion,
            species,
            n_sums,
            cutoff,
        }
    }
}

/// Which invariants are factors of products.
fn in_products(basis: &Basis, terms: &Terms) -> Vec<bool> {
    let mut found = vec![false; basis.invariants().len()];
    for (monomial, _) in terms.products.iter().filter(|(m, _)| m.factors().len() > 1) {
        for factor in monomial.factors() {
            found[*factor as usize] = true;
        }
    }
    found
}

/// Where the sums over the neighbours of each element are, and how many there are.
fn lay_out(needs: &[Needs], total: Option<&Total>) -> (Vec<Option<Places>>, usize) {
    let (mut places, mut n_sums, mut start) = (Vec::with_capacity(needs.len()), 0, 0);
    for (s, own) in needs.iter().enumerate() {
        if let Some((first, twins)) = total.and_then(|total| total.twins_of(s)) {
            let own = needs[first].of_twins(twins);
            places.push(Some(Places::new(own, &mut { start })));
            continue;
        }
        if total.is_some_and(|total| total.species[0] == s) {
            start = n_sums;
        }
        places.push((!own.is_empty()).then(|| Places::new(own.clone(), &mut n_sums)));
    }
    (places, n_sums)
}

/// What the energy is a polynomial of.
struct Summed<'a> {
    terms: &'a Terms,
    in_products: &'a [bool],
    folded: &'a [Parts],
    total: Option<&'a Total>,
}

impl Summed<'_> {
    /// Whether the sums over the neighbours of an element are in those of another one.
    fn is_added(&self, species: usize) -> bool {
        self.total
            .and_then(|total| total.twins_of(species))
            .is_some()
    }
}

/// The energy as a polynomial of the sums, by way of a node for each factor of a product; gives these nodes as well.
fn graph(sums: &Sums, n_sums: usize, summed: &Summed) -> (Graph, BTreeMap<u32, u32>) {
    let Summed {
        terms,
        in_products,
        folded,
        ..
    } = *summed;
    let invariants = sums.basis.invariants();
    let mut builder = GraphBuilder::new(n_sums);
    let mut nodes: BTreeMap<u32, u32> = BTreeMap::new();
    for (k, invariant) in { invariants.iter().enumerate() }.filter(|(k, _)| in_products[*k]) {
        let node = if let Invariant::Pair(channel) = invariant {
            sums.find(*channel, 0).0 as u32
        } else {
            let mut polynomial = Polynomial::default();
            sums.expand(invariant, 1.0, &mut polynomial);
            builder.form(polynomial)
        };
        nodes.insert(k as u32, node);
    }
    let mut energy = Polynomial::default();
    let is_own = |(s, parts): &(usize, &Parts)| !parts.is_empty() && !summed.is_added(*s);
    for (species, parts) in { folded.iter().enumerate() }.filter(is_own) {
        let place = sums.places[species].as_ref();
        let place = place.expect("the column was asked for");
        energy.push(&[place.find(parts, 0).0 as u32], 1.0);
    }
    for (monomial, weight) in &terms.products {
        match *monomial.factors() {
            [k] if !in_products[k as usize] => {
                let invariant = &invariants[k as usize];
                let channels = invariant.channels();
                let is_added = channels.iter().any(|c| summed.is_added(c.species));
                // Linear pair terms are in the folded column.
                if !matches!(invariant, Invariant::Pair(_)) && !is_added {
                    sums.expand(invariant, *weight, &mut energy);
                }
            }
            ref factors => {
                let nodes: Vec<u32> = factors.iter().map(|f| nodes[f]).collect();
                energy.push(&nodes, *weight);
            }
        }
    }
    (builder.finish(energy), nodes)
}

/// Columns over the neighbours of one species, tabulated.
fn table(
    columns: Vec<Column>,
    repulsion: Option<&CenterRepulsion>,
    species: usize,
    padded: bool,
    resolution: Resolution,
) -> Table {
    let seen = |r: f64| repulsion.map_or((r, 1.0), |own| own.effective_distance(species, r));
    let changed = repulsion.map(|own| (own.inner(species), own.outer(species)));
    Table::new(columns, &seen, changed, padded, resolution)
}

/// The sums over the neighbours of one species.
fn species_plan(
    basis: &Basis,
    places: &Places,
    repulsion: Option<&CenterRepulsion>,
    species: usize,
) -> SpeciesPlan {
    let function = |p: usize| -> RadialFunction { basis.primitives()[p].clone() };
    let column =
        |parts: &Parts| Column::new(parts.iter().map(|(p, w)| (function(*p), *w)).collect());
    let columns: Vec<Column> = places.columns.iter().map(column).collect();
    let table = |columns, padded| table(columns, repulsion, species, padded, Resolution::FINE);
    let end_row = places.segments.iter().map(|s| s.end_row).max();
    let transposed = places.segments.iter().map(|s| s.column + s.n_columns);
    let n_transposed = transposed.max().unwrap_or(0);
    let segments = places.segments.iter();
    let inner = segments.fold(0.0, |inner: f64, s| {
        inner.max(largest_cutoff(&columns[s.column..s.column + s.n_columns]))
    });
    // The repulsion may depend on neighbours that no column does.
    let end = largest_cutoff(&columns).max(repulsion.map_or(0.0, CenterRepulsion::cutoff));
    let outer = (n_transposed > 0 && (inner / end).powi(3) < MOST_OF_ALL).then(|| {
        let further = |c: &usize| largest_cutoff(&columns[*c..=*c]) > inner;
        let further: Vec<usize> = (0..places.n_scalar).filter(further).collect();
        let columns: Vec<Column> = further.iter().map(|c| columns[*c].clone()).collect();
        OuterPlan {
            start: inner,
            table: (!columns.is_empty()).then(|| table(columns, false)),
            columns: further,
        }
    });
    SpeciesPlan {
        table: table(columns, end_row.is_some()),
        n_scalar: places.n_scalar,
        scalar_start: places.scalar_start,
        n_transposed,
        segments: places.segments.clone(),
        recursion: Recursion::new(end_row.map_or(0, |end| end.isqrt() - 1)),
        outer,
    }
}

/// Largest cutoff of some columns, Å.
fn largest_cutoff(columns: &[Column]) -> f64 {
    let functions = columns.iter().flat_map(|column| &column.0);
    functions.fold(0.0, |cutoff, (function, _)| cutoff.max(function.cutoff))
}
