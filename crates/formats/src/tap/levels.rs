//! The subtests that are open, from the document on.

use model::Outcome;

use super::Leaf;
use crate::fault::join;

/// The open levels; the first is the document itself.
pub(super) struct Levels {
    levels: Vec<Level>,
    max: usize,
}

#[derive(Default)]
struct Level {
    title: Option<String>,
    plan: Option<u64>,
    points: u64,
    children: Children,
    /// The point before the braces of the level below.
    braces: Option<Leaf>,
}

/// Leaves told below a level since its last point.
#[derive(Clone, Copy, Default)]
pub(super) struct Children {
    told: bool,
    failed: bool,
}

impl Children {
    /// Whether the point that closes them is told too: it stands for itself, or it alone says that something failed.
    pub(super) fn is_told(self, outcome: Outcome) -> bool {
        !self.told || (outcome.is_failure() && !self.failed)
    }
}

impl Levels {
    /// A document without subtests; deeper levels than `max` are read as that one.
    pub(super) fn new(max: usize) -> Self {
        Self {
            levels: vec![Level::default()],
            max,
        }
    }

    /// Whether a subtest is open at this depth.
    pub(super) fn is_open(&self, depth: usize) -> bool {
        let level = self.levels.get(depth.min(self.max));
        level.is_some_and(|level| level.title.is_some() || level.points > 0 || level.plan.is_some())
    }

    fn at(&mut self, depth: usize) -> Option<&mut Level> {
        let depth = depth.min(self.max);
        while self.levels.len() <= depth {
            self.levels.push(Level::default());
        }
        self.levels.get_mut(depth)
    }

    /// A `# Subtest:` comment. Perl and KTAP write it inside the subtest, Node before it at the indent of its parent.
    pub(super) fn announce(&mut self, depth: usize, title: &str, limit: usize) {
        let title = title
            .get(..title.floor_char_boundary(limit))
            .unwrap_or_default();
        let within = depth > 0
            && self
                .at(depth)
                .is_some_and(|level| level.title.is_none() && level.points == 0);
        if let Some(level) = self.at(if within { depth } else { depth + 1 }) {
            level.title = Some(title.to_owned());
        }
    }

    /// Counts a point.
    pub(super) fn count(&mut self, depth: usize) {
        if let Some(level) = self.at(depth) {
            level.points += 1;
        }
    }

    /// How many points a level has.
    pub(super) fn points(&self, depth: usize) -> u64 {
        self.levels
            .get(depth.min(self.max))
            .map_or(0, |level| level.points)
    }

    /// Takes a plan.
    pub(super) fn plan(&mut self, depth: usize, count: u64) {
        if let Some(level) = self.at(depth) {
            level.plan = Some(count);
        }
    }

    /// The titles around a point.
    pub(super) fn class(&self, depth: usize) -> Option<String> {
        let levels = self.levels.iter().take(depth.saturating_add(1));
        join(levels.filter_map(|level| level.title.as_deref()))
    }

    /// A leaf of this depth was told: every level around it has it below.
    pub(super) fn told(&mut self, depth: usize, failed: bool) {
        for level in self.levels.iter_mut().take(depth) {
            level.children.told = true;
            level.children.failed |= failed;
        }
    }

    /// What was told below a level since its last point.
    pub(super) fn take_children(&mut self, depth: usize) -> Children {
        self.at(depth)
            .map(|level| std::mem::take(&mut level.children))
            .unwrap_or_default()
    }

    /// Closes the levels below a depth; the plans that do not hold, as planned and seen.
    pub(super) fn close_below(&mut self, depth: usize) -> Vec<(u64, u64)> {
        let mut wrong = Vec::new();
        while self.levels.len() > depth.min(self.max) + 1 {
            wrong.extend(self.levels.pop().and_then(|level| level.mismatch()));
        }
        wrong
    }

    /// Remembers the point whose subtest follows in braces.
    pub(super) fn open_braces(&mut self, depth: usize, leaf: Leaf) {
        let title = leaf.name.clone();
        if let Some(level) = self.at(depth) {
            level.children = Children::default();
            level.braces = Some(leaf);
        }
        if let Some(level) = self.at(depth + 1) {
            level.title = Some(title);
        }
    }

    /// The point before the braces that close here, and what was told in them.
    pub(super) fn close_braces(&mut self, depth: usize) -> Option<(Leaf, Children)> {
        let level = self.at(depth)?;
        let leaf = level.braces.take()?;
        Some((leaf, std::mem::take(&mut level.children)))
    }

    /// Whether the document has all the points of its plan.
    pub(super) fn is_complete(&self) -> bool {
        let document = self.levels.first();
        document.is_some_and(|level| level.plan.is_some() && level.mismatch().is_none())
    }

    /// The plan of the document and its points, when they differ.
    pub(super) fn mismatch(&self) -> Option<(u64, u64)> {
        self.levels.first().and_then(Level::mismatch)
    }
}

impl Level {
    fn mismatch(&self) -> Option<(u64, u64)> {
        let plan = self.plan.filter(|plan| *plan != self.points)?;
        Some((plan, self.points))
    }
}
