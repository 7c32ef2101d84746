//! Where a history is: a folder, a branch by plain git, or a branch by the API of GitHub.
//!
//! `git:BRANCH` means a branch of the repository at hand. In a workflow, where the API and a token are there, it is read and written through the API: that
//! needs no checkout and no git. Elsewhere it is a branch of the remote `origin` of the checkout, by plain git.

mod api;

use std::sync::Arc;

use history::{BranchStore, History, Pace, Store, store_of};

use model::RunInfo;

use crate::context::Context;
use crate::error::Error;
use api::ApiRemote;

/// What a process is about to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    /// Nothing, or small objects.
    Small,
    /// Runs of the base, which are files of the branch.
    Files,
}

/// The store of a location.
fn store(location: &str, context: &Context, of: Of) -> Result<Arc<dyn Store>, Error> {
    let branch = location
        .strip_prefix("git:")
        .filter(|place| !place.contains('#'));
    if let Some(branch) = branch
        && let Some(repo) = context.repository()?
    {
        if !history::is_branch_name(branch) {
            return Err(Error::argument(
                format!("`{branch}` is no name of a branch"),
                "write git:sprag-history",
            ));
        }
        let remote = Box::new(ApiRemote::new(repo, branch));
        let open = match of {
            Of::Small => BranchStore::new,
            Of::Files => BranchStore::for_files,
        };
        return Ok(Arc::new(open(remote, Pace::default(), host::now)));
    }
    Ok(store_of(location)?)
}

/// Opens a history that exists.
pub(crate) fn open(location: &str, context: &Context) -> Result<History, Error> {
    Ok(History::open_in(store(location, context, Of::Small)?)?)
}

/// Opens a history, or makes an empty one. On a branch nothing is written before the first run is.
pub(crate) fn init(location: &str, context: &Context) -> Result<History, Error> {
    let store = store(location, context, Of::Small)?;
    Ok(History::init_in(store, context.now)?)
}

/// As [`init`], for a run: one of the base is written with a call less.
pub(crate) fn init_for(run: &RunInfo, location: &str, context: &Context) -> Result<History, Error> {
    let of = if run.pr.is_none() {
        Of::Files
    } else {
        Of::Small
    };
    let store = store(location, context, of)?;
    Ok(History::init_in(store, context.now)?)
}

/// Bytes of replaced versions on a branch from which recording a run of the base gives them back.
const SQUASH_ABOVE: u64 = 1 << 20;

/// Gives back the space of replaced versions where there are many. A history that cannot be squashed now is as good as before, so that is a note and no failure.
pub(crate) fn squash(history: &History, context: &Context) {
    if let Err(error) = history.squash(SQUASH_ABOVE) {
        context.console.note(&format!(
            "the branch of the history was not squashed: {error}"
        ));
    }
}
