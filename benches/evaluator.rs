//! The compiled evaluator on saved potentials, in core time: `cargo bench --bench evaluator -- POTENTIAL...`.
//!
//! About 2,000 atoms of the first element, one thread, clusters made once. Core time (that of the threads, from the
//! scheduler; Linux only) does not count other work on the machine. The smallest of many samples is printed, with the
//! multiply-adds that the plan needs and the rate that this makes. `--once` evaluates once and prints the number of
//! atoms, for `instructions.py`.

// A benchmark has nobody to hand an error to, and it prints.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use mlip_rs::potential::Potential;
use mlip_rs::{Cell, NeighborList, Structure, elements, parallel};

const SAMPLES: usize = 30;

fn main() {
    if std::env::args().any(|a| a == "--once") {
        return evaluate_once();
    }
    println!(
        "potential, neighbours, inside the angular cutoff, us/atom, reference us/atom, multiply-adds/atom (neighbours, graph), Gflop/s"
    );
    for path in std::env::args().skip(1).filter(|a| !a.starts_with("--")) {
        let potential = Potential::from_json(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let structure = crystal(&potential);
        let list = NeighborList::new(&structure, potential.basis().cutoff()).unwrap();
        let clusters = potential.clusters(&structure, &list).unwrap();
        let n = structure.n_atoms();
        let time = |samples: usize, run: &(dyn Fn() + Sync)| {
            let pool = parallel::pool(1).unwrap();
            let times = (0..samples).map(|_| {
                let begin = core_seconds();
                pool.install(run);
                core_seconds() - begin
            });
            1e6 * times.fold(f64::INFINITY, f64::min) / n as f64
        };
        let fast = time(SAMPLES, &|| {
            potential
                .evaluate_clusters(&structure, &list, &clusters)
                .unwrap();
        });
        let reference = time(1, &|| {
            potential.evaluate_reference(&structure, &list).unwrap();
        });
        let name = path.rsplit('/').next().unwrap().replace(".mlip.json", "");
        let neighbors = list.n_pairs() as f64 / n as f64;
        let plan = &potential.plans()[0];
        let (size, work) = (plan.size(), plan.work());
        let inner = NeighborList::new(&structure, size.inner_cutoffs[0])
            .unwrap()
            .n_pairs() as f64
            / n as f64;
        let [radial, graph] = work.of_atom(&[inner], &[neighbors]);
        let rate = 2e-3 * (radial + graph) / fast;
        println!(
            "{name}, {neighbors:.0}, {inner:.0}, {fast:.2}, {reference:.1}, {radial:.0} + {graph:.0}, {rate:.1}"
        );
    }
}

/// The first potential given, evaluated once by one thread.
fn evaluate_once() {
    let path = std::env::args().skip(1).find(|a| !a.starts_with("--"));
    let text = std::fs::read_to_string(path.unwrap()).unwrap();
    let potential = Potential::from_json(&text).unwrap();
    let structure = crystal(&potential);
    let list = NeighborList::new(&structure, potential.basis().cutoff()).unwrap();
    let clusters = potential.clusters(&structure, &list).unwrap();
    let pool = parallel::pool(1).unwrap();
    pool.install(|| potential.evaluate_clusters(&structure, &list, &clusters))
        .unwrap();
    println!("{}", structure.n_atoms());
}

/// Time that all threads of this process have spent on a core, s.
fn core_seconds() -> f64 {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let nanoseconds = tasks.map(|task| {
        let text = std::fs::read_to_string(task.unwrap().path().join("schedstat")).unwrap();
        text.split(' ').next().unwrap().parse::<f64>().unwrap()
    });
    1e-9 * nanoseconds.sum::<f64>()
}

/// The crystal that the element of the public data has, rattled.
fn crystal(potential: &Potential) -> Structure {
    let diamond = [0.0, 0.25];
    let (a, sites): (f64, Vec<[f64; 3]>) = match potential.basis().spec().elements[0].as_str() {
        "Li" => (3.44, vec![[0.0; 3], [0.5; 3]]),
        "Mo" => (3.147, vec![[0.0; 3], [0.5; 3]]),
        "Si" => (5.431, fcc(&diamond)),
        "Ag" | "Au" => (4.16, fcc(&[0.0])),
        _ => (4.05, fcc(&[0.0])),
    };
    let n = (2000.0 / sites.len() as f64).cbrt().ceil() as usize;
    let mut seed = 1_u64;
    let mut displacement = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        0.1 * ((seed >> 33) as f64 / f64::from(1_u32 << 30) - 1.0)
    };
    let mut positions = Vec::new();
    for cell in 0..n * n * n {
        let corner = [cell / (n * n), cell / n % n, cell % n].map(|x| x as f64);
        for site in &sites {
            positions.push(std::array::from_fn(|k| {
                a * (corner[k] + site[k]) + displacement()
            }));
        }
    }
    let length = a * n as f64;
    let cell = Cell::new(
        [[length, 0.0, 0.0], [0.0, length, 0.0], [0.0, 0.0, length]],
        [true; 3],
    )
    .unwrap();
    let number = elements::atomic_number(&potential.basis().spec().elements[0]).unwrap();
    let numbers = vec![number; positions.len()];
    Structure::new(cell, positions, numbers).unwrap()
}

fn fcc(shifts: &[f64]) -> Vec<[f64; 3]> {
    let corners = [[0.0; 3], [0.0, 0.5, 0.5], [0.5, 0.0, 0.5], [0.5, 0.5, 0.0]];
    let sites = shifts
        .iter()
        .flat_map(|s| corners.map(|c| c.map(|x| x + s)));
    sites.collect()
}
