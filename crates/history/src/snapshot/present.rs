//! Questions about the present, of machines whose clocks differ.

use model::Timestamp;

use super::{BaselineOf, BaselineRead, Needed};
use crate::{Result, history::History};

/// By how much clocks of recorders may differ: ten minutes.
pub(crate) const CLOCKS_DIFFER_DAYS: f64 = 10.0 / (24.0 * 60.0);

impl History {
    /// As [`History::baseline`], as of now: a run of a machine whose clock is some minutes ahead is none of the future.
    ///
    /// # Errors
    /// As [`History::baseline`].
    pub fn baseline_now(
        &self,
        of: &BaselineOf,
        needed: Option<&Needed<'_>>,
    ) -> Result<BaselineRead> {
        self.baseline(&self.at_present(of)?, needed)
    }

    /// A moment that is meant as now: later than what the snapshot has seen, where that is a matter of clocks. Else the snapshot would be of no use until the
    /// slower clock has caught up.
    pub(super) fn at_present(&self, of: &BaselineOf) -> Result<BaselineOf> {
        let newest = self.snapshot_head(of)?.map_or(of.at, |head| head.newest);
        let mut of = of.clone();
        if newest >= of.at && newest <= of.at.plus_days(CLOCKS_DIFFER_DAYS) {
            of.at = Timestamp(newest.0.saturating_add(1));
        }
        Ok(of)
    }
}
