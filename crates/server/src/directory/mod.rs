//! People, the organizations they belong to, groups, roles, and what follows from them.
//!
//! The store's directory keeps it, as small documents (`document`); memory mirrors it (`state`), and requests are answered
//! from memory. A change is made by [`Directory::change`]: out of the present state, one after the other, in one commit
//! with its records, and into memory before its request is answered; so a revocation holds from the next request on.
//! Nothing here knows HTTP; what a caller may change is decided by the handlers with what `effective` says.

mod account_end;
pub mod defaults;
pub mod document;
mod edit;
mod effective;
pub mod governance;
pub mod invitation;
pub mod kept_export;
pub mod key;
mod organization;
pub mod personal;
pub mod removal;
pub mod saved_search;
pub mod scim_token;
mod sign_in;
mod state;
mod upcoming;

use std::collections::HashSet;
use std::sync::Arc;

use actarium_store::{Engine, ReadError};
use parking_lot::RwLock;

pub use account_end::{session_ended, token_ended};
use document::Document;
pub use document::{DirectoryDamaged, Kept};
pub use edit::Edit;
pub use effective::{Effective, Reason, by_project};
pub use organization::{GroupView, OrganizationAccess, RoleView};
pub use sign_in::{Identity, IdentityProvider, SignIn, identity_id};
pub use state::{AddressEntry, Changed, State};

use kept_export::KeptExport;
use saved_search::SavedSearch;

use crate::access::Standing;
use crate::app::App;
use crate::failures::append_problem;
use crate::problem::{Kind, Problem};

/// Why the directory could not be read at the start.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The store does not give it.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// An entry is damaged.
    #[error(transparent)]
    Damaged(#[from] DirectoryDamaged),
}

/// The directory.
#[derive(Debug, Default)]
pub struct Directory {
    state: RwLock<State>,
    /// Held from reading the state a change is made of until the change is in memory.
    turn: tokio::sync::Mutex<()>,
}

impl Directory {
    /// Reads everything. Blocks.
    ///
    /// # Errors
    /// See [`LoadError`].
    pub fn load(engine: &Engine) -> Result<Self, LoadError> {
        let mut state = State::default();
        let kinds = state::KINDS.into_iter().chain(personal::Personal::KINDS).chain(sign_in::KINDS);
        let others = [key::OnPremKey::KIND, SavedSearch::KIND, KeptExport::KIND];
        for kind in kinds.chain(governance::KINDS).chain(removal::KINDS).chain(others) {
            for entry in engine.directory_entries(kind, None)? {
                state.apply(&Changed { entry, gone: false })?;
            }
        }
        Ok(Self { state: RwLock::new(state), turn: tokio::sync::Mutex::default() })
    }

    /// Looks something up. `look` must be quick and must not block: requests wait for it.
    pub fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.state.read())
    }
}

/// Moves addresses that were written before organizations had them for themselves to where they belong, and ends organizations'
/// accounts that were left when their membership ended. Done once, at a start of a newer program; it is no change that anybody
/// makes, so it is not recorded.
///
/// # Errors
/// If the directory could not be changed.
pub async fn settle(app: &Arc<App>) -> Result<(), Problem> {
    change(app, Standing::of_the_service(), |state| {
        let mut edit = Edit::default();
        let leftover: Vec<_> = state.leftover_accounts().collect();
        for account in &leftover {
            edit.end_account(state, account, None);
        }
        let ended: HashSet<&str> = leftover.iter().map(|account| &*account.id).collect();
        for (entry, user) in state.addresses_to_be_moved().filter(|(_, user)| !ended.contains(&*user.id)) {
            edit.delete::<document::Address>(None, &entry.id, entry.version);
            edit.put(
                user.maker(),
                &crate::spelling::address_key(&user.email),
                None,
                &document::Address { user: user.id.clone() },
            )?;
        }
        Ok((edit, ()))
    })
    .await
}

/// Changes the directory, if who asked for it may still do so when its turn comes. `make` sees the state as no other change can alter it before this one is made, and says what is
/// to be written and recorded, and what the answer is. Once begun it is carried through even if its client goes away.
///
/// # Errors
/// What `make` refuses; 401, 403 or 404 for who may not do it any more; 409 for who may do other things than when it was
/// asked for, for what would leave no administrator, or for what was changed elsewhere at the same moment; 503 if it could
/// not be made durable.
pub async fn change<T: Send + 'static>(
    app: &Arc<App>,
    standing: Standing,
    make: impl FnOnce(&State) -> Result<(Edit, T), Problem> + Send + 'static,
) -> Result<T, Problem> {
    let app = app.clone();
    let changing = tokio::spawn(async move {
        let directory = &app.directory;
        let _turn = directory.turn.lock().await;
        standing.must_hold(&app)?;
        let (finished, answer) = {
            let state = directory.state.read();
            let (edit, answer) = make(&state)?;
            if edit.is_empty() {
                return Ok(answer);
            }
            (edit.finish(&state, app.clock.as_ref())?, answer)
        };
        app.engine.change(finished.change).await.map_err(append_problem)?;
        let mut state = directory.state.write();
        for changed in &finished.changed {
            if let Err(error) = state.apply(changed) {
                // It was written by this program a moment ago, so it can be read.
                tracing::error!(%error, "a change of the directory is in the store and not in memory");
            }
        }
        Ok(answer)
    });
    changing.await.unwrap_or_else(|_| Err(Problem::new(Kind::Internal, "the change failed")))
}
