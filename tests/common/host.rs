//! A structure as a host with ghost atoms has it.

use mlip_rs::potential::assembly::rows::Rows;
use mlip_rs::potential::assembly::{Output, Scratch};
use mlip_rs::potential::{Evaluation, Potential};
use mlip_rs::{NeighborList, Structure};
use std::collections::HashMap;

/// A structure as a host has it: its atoms, then a ghost for each image within the cutoff and skin of any.
#[derive(Debug, Clone)]
pub struct Host {
    pub positions: Vec<[f64; 3]>,
    pub species: Vec<Option<u16>>,
    /// The atom that each position stands for.
    pub owners: Vec<usize>,
    pub centers: Vec<u32>,
    pub starts: Vec<usize>,
    pub neighbors: Vec<u32>,
}

impl Host {
    pub fn new(structure: &Structure, potential: &Potential, skin: f64) -> Self {
        let list = NeighborList::new(structure, potential.basis().cutoff() + skin).unwrap();
        let n = structure.n_atoms();
        let species = potential.basis().species(structure.numbers()).unwrap();
        let mut host = Self {
            positions: structure.positions().to_vec(),
            species: species.iter().copied().map(Some).collect(),
            owners: (0..n).collect(),
            centers: (0..n as u32).collect(),
            starts: vec![0],
            neighbors: Vec::new(),
        };
        let mut ghosts: HashMap<(u32, [i32; 3]), u32> = HashMap::new();
        for i in 0..n {
            for (k, pair) in list.row(i).iter().enumerate() {
                let shift = list.shift(i, k);
                let place = if shift == [0; 3] {
                    pair.neighbor
                } else {
                    *ghosts.entry((pair.neighbor, shift)).or_insert_with(|| {
                        let owner = pair.neighbor as usize;
                        let (r, t) = (
                            structure.positions()[owner],
                            structure.cell().translation(shift),
                        );
                        host.positions.push(std::array::from_fn(|k| r[k] + t[k]));
                        host.species.push(Some(species[owner]));
                        host.owners.push(owner);
                        (host.owners.len() - 1) as u32
                    })
                };
                host.neighbors.push(place);
            }
            host.starts.push(host.neighbors.len());
        }
        host
    }

    pub fn rows(&self) -> Rows<'_> {
        Rows {
            species: &self.species,
            centers: &self.centers,
            starts: &self.starts,
            neighbors: &self.neighbors,
        }
    }

    /// Results by position.
    pub fn evaluate(&self, potential: &Potential) -> Evaluation {
        let n = self.positions.len();
        let mut out = Evaluation {
            energies: vec![0.0; n],
            forces: vec![[0.0; 3]; n],
            virials: vec![[0.0; 6]; n],
        };
        let list = potential.row_list(&self.rows()).unwrap();
        let output = Output {
            energies: Some(&mut out.energies),
            forces: Some(&mut out.forces),
            virials: Some(&mut out.virials),
            ..Output::default()
        };
        potential
            .evaluate_rows(&list, &self.positions, output, &mut Scratch::default())
            .unwrap();
        out
    }

    /// Results by atom: forces on ghosts belong to their owners, ghosts have neither energy nor virial.
    pub fn folded(&self, by_position: &Evaluation, n_atoms: usize) -> Evaluation {
        assert!(by_position.energies[n_atoms..].iter().all(|e| *e == 0.0));
        let mut forces = vec![[0.0; 3]; n_atoms];
        for (owner, force) in self.owners.iter().zip(&by_position.forces) {
            (0..3).for_each(|k| forces[*owner][k] += force[k]);
        }
        Evaluation {
            energies: by_position.energies[..n_atoms].to_vec(),
            forces,
            virials: by_position.virials[..n_atoms].to_vec(),
        }
    }
}
