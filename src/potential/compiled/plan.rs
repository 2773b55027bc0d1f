//! What the compiled evaluator does for one centre element: which sums over neighbours, and the graph over them.

use super::graph::{Graph, GraphBuilder, GraphSize, Polynomial};
use super::harmonics::Recursion;
use super::table::{Column, Table, WIDTH};
use crate::basis::Basis;
use crate::basis::coupling;
use crate::basis::harmonics::legendre_factor;
use crate::basis::invariants::{Channel, Invariant, equal_runs};
use crate::basis::radial::RadialFunction;
use crate::potential::Kept;
use crate::repulsion::CenterRepulsion;
use std::collections::BTreeMap;
use std::f64::consts::PI;

/// The sums `a_{lm,c} = Σ_j f_c(r_ij) Y_lm` of some consecutive l over neighbours of one species.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Segment {
    /// First and one past the last `l² + l + m`.
    pub first_row: usize,
    pub end_row: usize,
    /// First column of the table, a multiple of [`WIDTH`].
    pub column: usize,
    /// Columns in use.
    pub n_columns: usize,
    /// Columns of a row of sums: padded.
    pub width: usize,
    /// First sum: `[row][width]`.
    pub start: usize,
    /// Whether no segment before has any of these rows.
    pub is_first: bool,
}

/// What is summed over the neighbours of one species.
#[derive(Debug, Clone)]
pub(super) struct SpeciesPlan {
    pub table: Table,
    /// Columns with l = 0, without harmonic: the first of the table.
    pub n_plain: usize,
    /// First of their sums.
    pub plain_start: usize,
    /// l ≥ 1.
    pub segments: Vec<Segment>,
    /// Columns up to the last one with l ≥ 1.
    pub n_turned: usize,
    pub recursion: Recursion,
    /// None if harmonics reach about as far as anything.
    pub beyond: Option<Beyond>,
}

/// What is summed over the neighbours that no harmonic reaches.
#[derive(Debug, Clone)]
pub(super) struct Beyond {
    /// Largest cutoff of a column with a harmonic, Å.
    pub start: f64,
    /// The columns without harmonic that go beyond; none where only the repulsion does.
    pub table: Option<Table>,
    /// Their places among those of the whole table.
    pub columns: Vec<usize>,
}

impl Beyond {
    /// Number of columns, padded unless there is but one.
    pub fn stride(&self) -> usize {
        self.table.as_ref().map_or(0, Table::stride)
    }
}

impl SpeciesPlan {
    /// Whether any sum has a harmonic.
    pub fn is_angular(&self) -> bool {
        !self.segments.is_empty()
    }

    /// Columns of a neighbour beyond the reach of the harmonics.
    fn n_far_columns(&self) -> usize {
        let beyond = self.beyond.as_ref();
        beyond.map_or(self.table.n_columns(), |b| b.columns.len())
    }

    /// Bytes of its tables.
    fn bytes(&self) -> usize {
        let beyond = self.beyond.as_ref().and_then(|b| b.table.as_ref());
        self.table.bytes() + beyond.map_or(0, Table::bytes)
    }
}

/// The plan of one centre element.
#[derive(Debug, Clone)]
pub struct CompiledCenter {
    /// Reference energy and constant feature, eV.
    pub(super) offset: f64,
    pub(super) repulsion: Option<CenterRepulsion>,
    /// By species of the neighbours; none if nothing is summed over them.
    pub(super) species: Vec<Option<SpeciesPlan>>,
    pub(super) n_sums: usize,
    pub(super) graph: Graph,
    /// Largest cutoff in use, Å.
    pub(super) cutoff: f64,
}

/// A column in the making: radial functions with weights, in the order of the primitives.
type Parts = Vec<(usize, f64)>;

/// Which columns the sums over one species need.
#[derive(Debug, Default)]
struct Needs {
    /// Columns that are the same for all l, with their largest l.
    shared: Vec<(Parts, usize)>,
    /// Contracted columns by l.
    contracted: BTreeMap<usize, Vec<Parts>>,
}

impl Needs {
    fn share(&mut self, parts: Parts, l: usize) {
        match self.shared.iter_mut().find(|(own, _)| *own == parts) {
            Some((_, max_l)) => *max_l = l.max(*max_l),
            None => self.shared.push((parts, l)),
        }
    }

    fn contract(&mut self, parts: Parts, l: usize) {
        let own = self.contracted.entry(l).or_default();
        if !own.contains(&parts) {
            own.push(parts);
        }
    }

    fn is_empty(&self) -> bool {
        self.shared.is_empty() && self.contracted.is_empty()
    }
}

/// Where the sums of one species are.
#[derive(Debug, Default)]
struct Places {
    columns: Vec<Parts>,
    n_plain: usize,
    plain_start: usize,
    segments: Vec<Segment>,
    /// Segments by l; the shared one first.
    of_l: BTreeMap<usize, Vec<usize>>,
}

impl Places {
    /// Lay out columns and sums; `next` counts the sums.
    fn new(mut needs: Needs, next: &mut usize) -> Self {
        needs.shared.sort_by_key(|(_, l)| std::cmp::Reverse(*l));
        let mut places = Self::default();
        places
            .columns
            .extend(needs.shared.iter().map(|(parts, _)| parts.clone()));
        places
            .columns
            .extend(needs.contracted.remove(&0).unwrap_or_default());
        places.n_plain = places.columns.len();
        places.plain_start = *next;
        *next += places.n_plain.next_multiple_of(WIDTH);
        let max_l = needs.shared.first().map_or(0, |(_, l)| *l);
        for l in 1..=max_l {
            let n = needs.shared.iter().filter(|(_, own)| *own >= l).count();
            places.add(l, 0, n, next);
        }
        for (l, columns) in needs.contracted {
            places
                .columns
                .resize(places.columns.len().next_multiple_of(WIDTH), Vec::new());
            let (first, n) = (places.columns.len(), columns.len());
            places.columns.extend(columns);
            places.add(l, first, n, next);
        }
        places
    }

    /// Sums of one l, joined to those of the l before if they have the same columns up to padding.
    fn add(&mut self, l: usize, column: usize, n_columns: usize, next: &mut usize) {
        let width = n_columns.next_multiple_of(WIDTH);
        let (first_row, end_row) = (l * l, (l + 1) * (l + 1));
        match self.segments.last_mut() {
            Some(last) if (last.column, last.width, last.end_row) == (column, width, first_row) => {
                last.end_row = end_row;
            }
            _ => self.segments.push(Segment {
                is_first: self.segments.iter().all(|s| s.end_row <= first_row),
                first_row,
                end_row,
                column,
                n_columns,
                width,
                start: *next,
            }),
        }
        *next += (end_row - first_row) * width;
        self.of_l
            .entry(l)
            .or_default()
            .push(self.segments.len() - 1);
    }

    /// The sum with `parts` and l, m = −l; further m follow at distances of the second number.
    fn find(&self, parts: &Parts, l: usize) -> (usize, usize) {
        if l == 0 {
            let at = self.columns[..self.n_plain]
                .iter()
                .position(|own| own == parts);
            return (self.plain_start + at.expect("the column was asked for"), 0);
        }
        let segments = self.of_l[&l].iter().map(|k| &self.segments[*k]);
        let mut found = segments.filter_map(|s| {
            let columns = &self.columns[s.column..][..s.n_columns];
            let at = columns.iter().position(|own| own == parts)?;
            Some((s.start + (l * l - s.first_row) * s.width + at, s.width))
        });
        found.next().expect("the column was asked for")
    }
}

/// Neighbours within this part of the volume need not be told from the others.
const MOST_OF_ALL: f64 = 0.9;

/// Multiply-adds of one evaluation: energy, forces and virial.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Work {
    /// For each neighbour, by species.
    pub neighbors: Vec<NeighborWork>,
    /// For each atom: the graph, forward and backward.
    pub graph: f64,
}

/// Multiply-adds for one neighbour.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct NeighborWork {
    /// Radial tables of a neighbour within reach of the harmonics.
    pub tables: f64,
    /// All of a neighbour beyond: radial tables, their sums and slopes.
    pub beyond: f64,
    /// Harmonics of a neighbour within their reach.
    pub harmonics: f64,
    /// Sums of a neighbour within reach of the harmonics, and the two products of the way back.
    pub products: f64,
}

/// What a plan consists of.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PlanSize {
    /// Columns of the radial tables, by species of the neighbours.
    pub columns: Vec<usize>,
    /// Sums over neighbours, by species.
    pub sums: Vec<usize>,
    /// Largest l, by species.
    pub max_l: Vec<usize>,
    /// How far neighbours matter, Å.
    pub cutoff: f64,
    /// How far columns with harmonics reach, Å, by species.
    pub near: Vec<f64>,
    /// Columns that go beyond, by species.
    pub far_columns: Vec<usize>,
    /// Bytes of the radial tables.
    pub table_bytes: usize,
    /// Intermediate polynomials and products.
    pub graph: GraphSize,
}

impl CompiledCenter {
    /// Multiply-adds of one evaluation.
    #[must_use]
    pub fn work(&self) -> Work {
        let of_species = |plan: &SpeciesPlan| {
            let rows = |s: &Segment| (s.end_row - s.first_row) * s.n_columns;
            let sums: usize = plan.segments.iter().map(rows).sum();
            let n_columns = plan.table.n_columns();
            let n_rows = if plan.is_angular() {
                plan.recursion.n_rows()
            } else {
                0
            };
            NeighborWork {
                tables: (10 * n_columns) as f64,
                beyond: (13 * plan.n_far_columns()) as f64,
                harmonics: (7 * n_rows) as f64,
                products: (3 * (n_columns + sums)) as f64,
            }
        };
        let neighbors = self.species.iter().map(|plan| {
            let plan = plan.as_ref();
            plan.map_or_else(NeighborWork::default, of_species)
        });
        let graph = self.graph.size();
        Work {
            neighbors: neighbors.collect(),
            graph: (2 * graph.terms + 4 * graph.rows) as f64,
        }
    }

    /// What the plan consists of.
    #[must_use]
    pub fn size(&self) -> PlanSize {
        let plans = || self.species.iter().map(Option::as_ref);
        let sums = |plan: &SpeciesPlan| {
            let rows = |s: &Segment| (s.end_row - s.first_row) * s.n_columns;
            plan.n_plain + plan.segments.iter().map(rows).sum::<usize>()
        };
        PlanSize {
            columns: plans()
                .map(|p| p.map_or(0, |p| p.table.n_columns()))
                .collect(),
            sums: plans().map(|p| p.map_or(0, sums)).collect(),
            max_l: plans()
                .map(|p| p.map_or(0, |p| p.recursion.l_max()))
                .collect(),
            cutoff: self.cutoff,
            near: plans()
                .map(|p| p.and_then(|p| p.beyond.as_ref()))
                .map(|beyond| beyond.map_or(self.cutoff, |b| b.start))
                .collect(),
            far_columns: plans()
                .map(|p| p.map_or(0, SpeciesPlan::n_far_columns))
                .collect(),
            table_bytes: plans().flatten().map(SpeciesPlan::bytes).sum(),
            graph: self.graph.size(),
        }
    }

    /// The plan of element number `own`.
    pub(in crate::potential) fn new(basis: &Basis, own: usize, kept: &Kept) -> Self {
        let invariants = basis.invariants();
        let mut in_products = vec![false; invariants.len()];
        for (monomial, _) in kept.terms.iter().filter(|(m, _)| m.factors().len() > 1) {
            for factor in monomial.factors() {
                in_products[*factor as usize] = true;
            }
        }
        let linear = |k: u32| !in_products[k as usize];
        let (needs, folded) = needs(basis, kept, &in_products);
        let mut n_sums = 0;
        let places: Vec<Option<Places>> = needs
            .into_iter()
            .map(|needs| (!needs.is_empty()).then(|| Places::new(needs, &mut n_sums)))
            .collect();
        let sums = Sums {
            basis,
            places: &places,
        };
        let mut builder = GraphBuilder::new(n_sums);
        let mut nodes: BTreeMap<u32, u32> = BTreeMap::new();
        for (k, invariant) in invariants
            .iter()
            .enumerate()
            .filter(|(k, _)| in_products[*k])
        {
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
        for (species, parts) in folded
            .iter()
            .enumerate()
            .filter(|(_, parts)| !parts.is_empty())
        {
            let place = places[species].as_ref().expect("the column was asked for");
            energy.push(&[place.find(parts, 0).0 as u32], 1.0);
        }
        for (monomial, weight) in &kept.terms {
            match *monomial.factors() {
                [k] if linear(k) => {
                    let invariant = &invariants[k as usize];
                    if !matches!(invariant, Invariant::Pair(_)) {
                        sums.expand(invariant, *weight, &mut energy);
                    }
                }
                ref factors => {
                    let nodes: Vec<u32> = factors.iter().map(|f| nodes[f]).collect();
                    energy.push(&nodes, *weight);
                }
            }
        }
        let graph = builder.finish(energy);
        let repulsion = basis.repulsion(own).cloned();
        let species: Vec<Option<SpeciesPlan>> = places
            .iter()
            .enumerate()
            .map(|(s, places)| {
                let places = places.as_ref()?;
                Some(species_plan(basis, places, repulsion.as_ref(), s))
            })
            .collect();
        let reach = repulsion.as_ref().map_or(0.0, CenterRepulsion::cutoff);
        let used = places
            .iter()
            .flatten()
            .flat_map(|p| p.columns.iter().flatten());
        let cutoff = used.fold(reach, |c, (p, _)| c.max(basis.primitives()[*p].cutoff));
        Self {
            offset: kept.reference_energy + kept.constant,
            repulsion,
            species,
            n_sums,
            graph,
            cutoff,
        }
    }
}

/// What the sums over each species need, and the linear pair terms folded into one column for each.
fn needs(basis: &Basis, kept: &Kept, in_products: &[bool]) -> (Vec<Needs>, Vec<Parts>) {
    let n_species = basis.n_species();
    let mut needs: Vec<Needs> = (0..n_species).map(|_| Needs::default()).collect();
    let mut folded: Vec<BTreeMap<usize, f64>> = vec![BTreeMap::new(); n_species];
    let mut seen = vec![false; in_products.len()];
    for (monomial, weight) in &kept.terms {
        for &factor in monomial.factors() {
            let (k, invariant) = (factor as usize, &basis.invariants()[factor as usize]);
            if let (Invariant::Pair(c), false) = (invariant, in_products[k]) {
                for (p, own) in basis.radial()[c.radial].combination(0) {
                    *folded[c.species].entry(p).or_insert(0.0) += weight * own;
                }
                continue;
            }
            if std::mem::replace(&mut seen[k], true) {
                continue;
            }
            for (channel, l) in invariant.channels().into_iter().zip(invariant.degrees()) {
                let parts = basis.radial()[channel.radial].combination(l);
                let own = &mut needs[channel.species];
                if basis.radial()[channel.radial].is_contracted() {
                    own.contract(parts, l);
                } else {
                    own.share(parts, l);
                }
            }
        }
    }
    let folded: Vec<Parts> = folded
        .into_iter()
        .map(|f| f.into_iter().collect())
        .collect();
    for (own, parts) in needs.iter_mut().zip(&folded) {
        if !parts.is_empty() {
            own.share(parts.clone(), 0);
        }
    }
    (needs, folded)
}

fn species_plan(
    basis: &Basis,
    places: &Places,
    repulsion: Option<&CenterRepulsion>,
    species: usize,
) -> SpeciesPlan {
    let function = |p: usize| -> RadialFunction { basis.primitives()[p] };
    let column = |parts: &Parts| Column(parts.iter().map(|(p, w)| (function(*p), *w)).collect());
    let columns: Vec<Column> = places.columns.iter().map(column).collect();
    let seen = |r: f64| repulsion.map_or((r, 1.0), |own| own.effective_distance(species, r));
    let changed = repulsion.map(|own| (own.inner(species), own.outer(species)));
    let end_row = places.segments.iter().map(|s| s.end_row).max();
    let turned = places.segments.iter().map(|s| s.column + s.n_columns);
    let n_turned = turned.max().unwrap_or(0);
    let segments = places.segments.iter();
    let start = segments.fold(0.0, |start: f64, s| {
        start.max(reach(&columns[s.column..s.column + s.n_columns]))
    });
    // Whatever the repulsion wants to know of neighbours, they have no harmonics beyond.
    let end = reach(&columns).max(repulsion.map_or(0.0, CenterRepulsion::cutoff));
    let beyond = (n_turned > 0 && (start / end).powi(3) < MOST_OF_ALL).then(|| {
        let further = |c: &usize| reach(&columns[*c..=*c]) > start;
        let further: Vec<usize> = (0..places.n_plain).filter(further).collect();
        let columns: Vec<Column> = further.iter().map(|c| columns[*c].clone()).collect();
        Beyond {
            start,
            table: (!columns.is_empty()).then(|| Table::new(columns, &seen, changed, false)),
            columns: further,
        }
    });
    SpeciesPlan {
        table: Table::new(columns, &seen, changed, end_row.is_some()),
        n_plain: places.n_plain,
        plain_start: places.plain_start,
        n_turned,
        segments: places.segments.clone(),
        recursion: Recursion::new(end_row.map_or(0, |end| end.isqrt() - 1)),
        beyond,
    }
}

/// Largest cutoff of some columns, Å.
fn reach(columns: &[Column]) -> f64 {
    let functions = columns.iter().flat_map(|column| &column.0);
    functions.fold(0.0, |reach, (function, _)| reach.max(function.cutoff))
}

/// Finds the sums of invariants.
struct Sums<'a> {
    basis: &'a Basis,
    places: &'a [Option<Places>],
}

impl Sums<'_> {
    fn find(&self, channel: Channel, l: usize) -> (usize, usize) {
        let parts = self.basis.radial()[channel.radial].combination(l);
        let places = self.places[channel.species].as_ref();
        places.expect("the species was asked for").find(&parts, l)
    }

    /// [`expand`] with the sums of the plan.
    fn expand(&self, invariant: &Invariant, weight: f64, out: &mut Polynomial) {
        expand(invariant, weight, |channel, l| self.find(channel, l), out);
    }
}

/// Add `weight` times an invariant as a polynomial of the sums; `find` gives the sum with m = −l of a channel, and the
/// distance of those that follow. Those with l = 0 come without their harmonic.
pub(super) fn expand(
    invariant: &Invariant,
    weight: f64,
    find: impl Fn(Channel, usize) -> (usize, usize),
    out: &mut Polynomial,
) {
    let y00 = (0.25 / PI).sqrt();
    match invariant {
        Invariant::Pair(channel) => out.push(&[find(*channel, 0).0 as u32], weight),
        Invariant::Angular { first, second, l } => {
            let ((a, da), (b, db)) = (find(*first, *l), find(*second, *l));
            let factor = legendre_factor(*l) * if *l == 0 { y00 * y00 } else { 1.0 };
            for m in 0..=2 * l {
                out.push(&[(a + m * da) as u32, (b + m * db) as u32], factor * weight);
            }
        }
        Invariant::Coupled { factors, component } => {
            let degrees: Vec<usize> = factors.iter().map(|f| f.l).collect();
            let polynomials = coupling::polynomials(&degrees, &equal_runs(factors));
            let polynomial = &polynomials[*component];
            let places: Vec<(usize, usize)> =
                factors.iter().map(|f| find(f.channel, f.l)).collect();
            let plain = degrees.iter().filter(|l| **l == 0).count() as i32;
            let scale = weight * y00.powi(plain);
            let terms = polynomial.components.chunks_exact(factors.len());
            for (c, m) in polynomial.coefficients.iter().zip(terms) {
                let nodes: Vec<u32> = places
                    .iter()
                    .zip(m)
                    .map(|((start, step), m)| (start + usize::from(*m) * step) as u32)
                    .collect();
                out.push(&nodes, scale * c);
            }
        }
    }
}
