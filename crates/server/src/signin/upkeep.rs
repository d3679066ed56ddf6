//! What is done about sessions and tokens every so often: last uses are written down, what is over is taken away.
//! Neither is a change that anybody makes, so neither is recorded.

use std::sync::Arc;
use std::time::Duration;

use actarium_core::row::Micros;

use super::opening::ends_at;
use super::throttle::{AccountKey, Network};
use crate::app::App;
use crate::directory::personal::{PersonalToken, Session};
use crate::directory::{Edit, change};
use crate::limits;
use crate::problem::Problem;

/// Does it once. With `all`, last uses are written however lately they were written before: the service is stopping.
///
/// # Errors
/// If the directory could not be changed; it is tried again the next time.
pub async fn tidy(app: &Arc<App>, all: bool) -> Result<(), Problem> {
    let within = app.clone();
    change(app, move |state| {
        let app = within;
        let (now, uses) = (app.clock.now(), &app.sign_in.uses);
        let apart = if all { 1 } else { micros(limits::LAST_USE_WRITTEN_TIME) };
        let (personal, mut edit, mut entries) = (state.personal(), Edit::default(), 0);
        for session in personal.sessions() {
            let last_used_at = uses.last(&session.id, session.last_used_at);
            if ends_at(&app, session) <= now || state.user(&session.user).is_none() {
                edit.delete::<Session>(None, &session.id, session.version);
            } else if last_used_at - session.last_used_at >= apart {
                let document = Session { last_used_at, ..session.document.clone() };
                edit.put(None, &session.id, Some(&**session), &document)?;
            } else {
                continue;
            }
            entries += 1;
            if entries >= limits::TIDIED_AT_ONCE_MAX {
                return Ok((edit, ()));
            }
        }
        for token in personal.tokens() {
            let written = token.last_used_at.unwrap_or(token.created_at);
            let last_used_at = uses.last(&token.id, written);
            if token.expires_at <= now || state.user(&token.user).is_none() {
                edit.delete::<PersonalToken>(None, &token.id, token.version);
            } else if last_used_at - written >= apart {
                let document = PersonalToken { last_used_at: Some(last_used_at), ..token.document.clone() };
                edit.put(None, &token.id, Some(&**token), &document)?;
            } else {
                continue;
            }
            entries += 1;
            if entries >= limits::TIDIED_AT_ONCE_MAX {
                break;
            }
        }
        Ok((edit, ()))
    })
    .await?;
    app.directory.read(|state| {
        let personal = state.personal();
        app.sign_in.uses.retain(|id| personal.session(id).is_some() || personal.token(id).is_some());
    });
    Ok(())
}

/// Tells the throttle, after a start, from which networks accounts are used: where they have sessions.
pub fn remember_networks(app: &App) {
    let now = app.clock.elapsed();
    app.directory.read(|state| {
        for session in state.personal().sessions() {
            let address = session.ip.as_deref().and_then(|ip| ip.parse().ok());
            if let (Some(user), Some(address)) = (state.user(&session.user), address) {
                let account = AccountKey::of(&actarium_core::text::fold(&user.email));
                app.sign_in.throttle.known(account, Network::of(Some(address)), now);
            }
        }
    });
}

fn micros(time: Duration) -> Micros {
    time.as_micros() as Micros
}
