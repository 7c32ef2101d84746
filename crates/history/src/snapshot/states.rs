//! What is known of signatures over all tests, as columns in the order of the table of signatures.

use std::collections::BTreeMap;

use model::Signature;
use serde::{Deserialize, Serialize};
use verdict::SignatureState;

use super::tables::Tables;
use crate::{Error, Result};

/// The states as they are written.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct States {
    /// Of each signature of the table, whether there is more about it.
    known: Vec<bool>,
    kinds: Vec<i64>,
    /// Places in `kinds`.
    kind: Vec<u32>,
    /// Of each known one: seen, tests, passing, lasting.
    counts: [Vec<u32>; 4],
    last_at: Vec<u32>,
    lengths: Vec<u32>,
    texts: String,
}

impl States {
    pub(super) fn of(states: &BTreeMap<Signature, SignatureState>, tables: &Tables) -> Self {
        let mut written = Self::default();
        let mut kinds = BTreeMap::new();
        for signature in tables.signatures() {
            let state = states.get(signature);
            written.known.push(state.is_some());
            if let Some(state) = state {
                let next = u32::try_from(kinds.len()).unwrap_or(u32::MAX);
                written.kind.push(*kinds.entry(state.kind).or_insert(next));
                written.push(state, tables);
            }
        }
        let mut kinds: Vec<(u32, i64)> = kinds.into_iter().map(|(kind, at)| (at, kind)).collect();
        kinds.sort_unstable();
        written.kinds = kinds.into_iter().map(|(_, kind)| kind).collect();
        written
    }

    fn push(&mut self, state: &SignatureState, tables: &Tables) {
        let SignatureState {
            text,
            kind: _,
            seen,
            tests,
            passing,
            lasting,
            last_at,
        } = state;
        let counts = [seen, tests, passing, lasting];
        for (column, count) in self.counts.iter_mut().zip(counts) {
            column.push(*count);
        }
        self.last_at.push(tables.time_place(*last_at));
        self.lengths
            .push(u32::try_from(text.len()).unwrap_or(u32::MAX));
        self.texts.push_str(text);
    }

    pub(super) fn read(&self, tables: &Tables) -> Result<BTreeMap<Signature, SignatureState>> {
        let all = tables.signatures().iter().zip(&self.known);
        let known = all.filter(|(_, known)| **known).enumerate();
        let mut texts = self.texts.as_str();
        let states = known.map(|(place, (signature, _))| {
            let length = usize::try_from(*self.lengths.get(place)?).ok()?;
            let (text, rest) = texts.split_at_checked(length)?;
            texts = rest;
            Some((*signature, self.state(place, text, tables)?))
        });
        let damaged = || Error::corrupt("snapshot", "its signatures make no sense");
        states.collect::<Option<_>>().ok_or_else(damaged)
    }

    fn state(&self, place: usize, text: &str, tables: &Tables) -> Option<SignatureState> {
        let [seen, tests, passing, lasting] = self
            .counts
            .each_ref()
            .map(|column| column.get(place).copied());
        let kind = usize::try_from(*self.kind.get(place)?).ok()?;
        Some(SignatureState {
            text: text.to_owned(),
            kind: *self.kinds.get(kind)?,
            seen: seen?,
            tests: tests?,
            passing: passing?,
            lasting: lasting?,
            last_at: tables.time(*self.last_at.get(place)?)?,
        })
    }
}
