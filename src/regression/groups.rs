//! Features in groups that are selected together.

use crate::{Error, Result};

/// A partition of the features into numbered groups, some of which may be empty.
#[derive(Debug, Clone)]
pub(super) struct Groups {
    members: Vec<Vec<usize>>,
}

impl Groups {
    /// `of`: number of the group of each feature, below `n_groups`; features that are not `usable` belong to none.
    pub(super) fn new(
        of: &[usize],
        n_groups: usize,
        usable: impl Fn(usize) -> bool,
    ) -> Result<Self> {
        let mut members = vec![Vec::new(); n_groups];
        for (j, &group) in of.iter().enumerate() {
            let Some(own) = members.get_mut(group) else {
                return Err(Error::Regression(format!(
                    "groups: feature {j} is in group {group}, but there are numbers for {n_groups} groups; give one for each"
                )));
            };
            if usable(j) {
                own.push(j);
            }
        }
        Ok(Self { members })
    }

    /// Number of groups, empty ones included.
    pub(super) fn len(&self) -> usize {
        self.members.len()
    }

    /// Features of a group, ascending.
    pub(super) fn of(&self, group: usize) -> &[usize] {
        &self.members[group]
    }

    /// Features of several groups, one after the other.
    pub(super) fn features(&self, groups: &[usize]) -> Vec<usize> {
        groups
            .iter()
            .flat_map(|&g| self.members[g].iter().copied())
            .collect()
    }
}
