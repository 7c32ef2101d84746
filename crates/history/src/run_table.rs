//! The runs of a compacted file: kept once a file in its key-value metadata, so that rows carry a small number only.

use std::io::{Read as _, Write as _};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use model::RunInfo;
use serde::{Deserialize, Serialize};

use crate::{Error, Result, key::Partition, pq, row::RowSum};

/// A table larger than this is no table of ours: a month of one job has at most some thousand runs.
const LARGEST_TABLE: u64 = 1 << 30;

/// One run of a compacted file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TableRun {
    #[serde(flatten)]
    pub(crate) info: RunInfo,
    /// How many rows of it can be read back.
    pub(crate) rows: u64,
    /// See [`RowSum`].
    pub(crate) sum: u64,
}

impl TableRun {
    pub(crate) fn checksum(&self) -> RowSum {
        RowSum {
            rows: self.rows,
            sum: self.sum,
        }
    }
}

/// What a thinned file keeps of its runs. Absent from files that keep everything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kept {
    /// Every outcome: rows that are not in the file follow from the cells of this key. Only durations of ordinary outcomes are gone.
    Outcomes(String),
    /// Rows that failed or flaked, and nothing else.
    Failures,
}

/// The run table of one compacted file, in order of start, then key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RunTable {
    pub(crate) partition: Partition,
    pub(crate) runs: Vec<TableRun>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) kept: Option<Kept>,
}

impl RunTable {
    /// Whether only failures are left of its runs: then a test that is not there may have passed.
    pub(crate) fn failures_only(&self) -> bool {
        self.kept == Some(Kept::Failures)
    }

    /// The key of the cells that its rows need.
    pub(crate) fn cells(&self) -> Option<&str> {
        match &self.kept {
            Some(Kept::Outcomes(key)) => Some(key),
            Some(Kept::Failures) | None => None,
        }
    }

    /// How many rows can be read back.
    pub(crate) fn rows(&self) -> u64 {
        self.runs.iter().map(|run| run.rows).sum()
    }

    /// The table as text: JSON, gzip, base64.
    pub(crate) fn to_text(&self) -> Result<String> {
        let json = serde_json::to_vec(self).map_err(pq::damaged("new file"))?;
        let mut gzip = GzEncoder::new(Vec::new(), Compression::new(6));
        let packed = gzip.write_all(&json).and_then(|()| gzip.finish());
        Ok(STANDARD.encode(packed.map_err(pq::damaged("new file"))?))
    }

    pub(crate) fn from_text(text: &str, key: &str) -> Result<Self> {
        let packed = STANDARD.decode(text).map_err(pq::damaged(key))?;
        let mut json = Vec::new();
        GzDecoder::new(packed.as_slice())
            .take(LARGEST_TABLE)
            .read_to_end(&mut json)
            .map_err(pq::damaged(key))?;
        serde_json::from_slice(&json)
            .map_err(|error| Error::corrupt(key, format!("its run table: {error}")))
    }
}
