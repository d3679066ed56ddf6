//! What is done about credentials every so often: last uses are written down, sessions and personal tokens that are over are
//! taken away. Neither is a change that anybody makes, so neither is recorded. Keys and SCIM tokens that are over stay
//! until somebody revokes them: what they were for is still there.

use std::sync::Arc;
use std::time::Duration;

use actarium_core::row::Micros;
use actarium_store::OrganizationId;

use super::opening::ends_at;
use super::throttle::{AccountKey, Network};
use crate::access::Standing;
use crate::app::App;
use crate::directory::document::{Document, ScimToken};
use crate::directory::key::OnPremKey;
use crate::directory::personal::{PersonalToken, Session};
use crate::directory::{Edit, Kept, State, change};
use crate::limits;
use crate::problem::Problem;

/// Does it once. With `all`, last uses are written however lately they were written before: the service is stopping.
///
/// # Errors
/// If the directory could not be changed; it is tried again the next time.
pub async fn tidy(app: &Arc<App>, all: bool) -> Result<(), Problem> {
    loop {
        let within = app.clone();
        let more = change(app, Standing::of_the_service(), move |state| {
            let mut tidying = Tidying { app: &within, now: within.clock.now(), all, edit: Edit::default(), entries: 0 };
            tidying.look_through(state)?;
            Ok((tidying.edit, tidying.entries >= limits::TIDIED_AT_ONCE_MAX))
        });
        if !more.await? {
            break;
        }
    }
    app.directory.read(|state| {
        let personal = state.personal();
        app.sign_in.uses.retain(|id| {
            let personal = personal.session(id).is_some() || personal.token(id).is_some();
            personal || state.keys().get(id).is_some() || state.scim_token(id).is_some()
        });
    });
    Ok(())
}

/// One commit of it in the making.
struct Tidying<'a> {
    app: &'a App,
    now: Micros,
    all: bool,
    edit: Edit,
    /// Credentials that it changes.
    entries: usize,
}

impl Tidying<'_> {
    /// Looks at credentials until the commit is full.
    fn look_through(&mut self, state: &State) -> Result<(), Problem> {
        let personal = state.personal();
        for session in personal.sessions() {
            if ends_at(self.app, session) <= self.now || state.user(&session.user).is_none() {
                self.take_away::<Session>(&session.id, session.version);
            } else {
                let written = Some(session.last_used_at);
                let uses = self.app.sign_in.uses.joined_with(&session.id, &session.last_used_in);
                self.write(None, session, written, limits::LAST_USE_WRITTEN_TIME, |session, at| {
                    (session.last_used_at, session.last_used_in) = (at, uses);
                })?;
            }
            if self.is_full() {
                return Ok(());
            }
        }
        for token in personal.tokens() {
            if token.expires_at <= self.now || state.user(&token.user).is_none() {
                self.take_away::<PersonalToken>(&token.id, token.version);
            } else {
                let uses = self.app.sign_in.uses.joined_with(&token.id, &token.last_used_in);
                self.write(None, token, token.last_used_at, limits::LAST_USE_WRITTEN_TIME, |token, at| {
                    (token.last_used_at, token.last_used_in) = (Some(at), uses);
                })?;
            }
            if self.is_full() {
                return Ok(());
            }
        }
        for key in state.keys().all() {
            let of = Some(key.organization);
            self.write(of, key, key.last_used_at, limits::KEY_USE_WRITTEN_TIME, |key: &mut OnPremKey, at| {
                key.last_used_at = Some(at);
            })?;
            if self.is_full() {
                return Ok(());
            }
        }
        for (of, token) in state.scim_tokens() {
            let written = token.last_used_at;
            self.write(Some(of), token, written, limits::KEY_USE_WRITTEN_TIME, |token: &mut ScimToken, at| {
                token.last_used_at = Some(at);
            })?;
            if self.is_full() {
                return Ok(());
            }
        }
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.entries >= limits::TIDIED_AT_ONCE_MAX
    }

    fn take_away<D: Document>(&mut self, id: &str, version: u64) {
        self.edit.delete::<D>(None, id, version);
        self.entries += 1;
    }

    /// Writes the last use down if it is the first or the one that is written is old enough.
    fn write<D: Document + Clone>(
        &mut self,
        organization: Option<OrganizationId>,
        kept: &Kept<D>,
        written: Option<Micros>,
        apart: Duration,
        set: impl FnOnce(&mut D, Micros),
    ) -> Result<(), Problem> {
        let apart = if self.all { 1 } else { micros(apart) };
        let last = self.app.sign_in.uses.last(&kept.id, Micros::MIN);
        if last == Micros::MIN || written.is_some_and(|written| last - written < apart) {
            return Ok(());
        }
        let mut document = kept.document.clone();
        set(&mut document, last);
        self.edit.put(organization, &kept.id, Some(kept), &document)?;
        self.entries += 1;
        Ok(())
    }
}

/// Tells the throttle, after a start, from which networks accounts are used: where they have sessions.
pub fn remember_networks(app: &App) {
    let now = app.clock.elapsed();
    app.directory.read(|state| {
        for session in state.personal().sessions() {
            let address = session.ip.as_deref().and_then(|ip| ip.parse().ok());
            let own = state.user(&session.user).filter(|user| user.maker().is_none());
            if let (Some(user), Some(address)) = (own, address) {
                let account = AccountKey::of(&crate::spelling::address_key(&user.email));
                app.sign_in.throttle.known(account, Network::of(Some(address)), now);
            }
        }
    });
}

fn micros(time: Duration) -> Micros {
    time.as_micros() as Micros
}
