//! Failures that look like one cause.

use std::collections::BTreeMap;

use model::{Cluster, Signature};

use super::Failing;

/// Longest message that a cluster repeats, in bytes.
const MESSAGE_BYTES: usize = 300;

/// The clusters of a run, and to which each failing test belongs.
#[derive(Debug)]
pub(super) struct Clusters {
    /// In order of size, then of first appearance.
    pub(super) list: Vec<Cluster>,
    /// One index a failing test.
    pub(super) member: Vec<usize>,
}

/// Clusters failing tests by signature; tests that said nothing are one cluster each.
pub(super) fn of(failing: &[Failing<'_>]) -> Clusters {
    let mut groups: Vec<(Cluster, Vec<usize>)> = Vec::new();
    let mut known: BTreeMap<Signature, usize> = BTreeMap::new();
    for (place, test) in failing.iter().enumerate() {
        let group = test.signature.and_then(|s| known.get(&s).copied());
        let group = group.unwrap_or_else(|| {
            groups.push((new_cluster(test), Vec::new()));
            let index = groups.len().saturating_sub(1);
            if let Some(signature) = test.signature {
                known.insert(signature, index);
            }
            index
        });
        if let Some((cluster, members)) = groups.get_mut(group) {
            cluster.tests += 1;
            members.push(place);
        }
    }
    groups.sort_by_key(|(cluster, _)| std::cmp::Reverse(cluster.tests));
    let mut member = vec![0; failing.len()];
    for (index, (_, places)) in groups.iter().enumerate() {
        for place in places {
            if let Some(slot) = member.get_mut(*place) {
                *slot = index;
            }
        }
    }
    Clusters {
        list: groups.into_iter().map(|(cluster, _)| cluster).collect(),
        member,
    }
}

fn new_cluster(test: &Failing<'_>) -> Cluster {
    let end = test.text.floor_char_boundary(MESSAGE_BYTES);
    Cluster {
        signature: test.signature,
        message: test.text.get(..end).unwrap_or_default().to_owned(),
        tests: 0,
    }
}
