//! What a change was let through with, looked at again when its turn comes: others may have taken the right to it away
//! while it waited. Who may do what it does not decide: it asks [`authorize`] once more, and compares.

use std::sync::Arc;

use axum::http::HeaderMap;

use super::{Granted, authorize};
use crate::app::App;
use crate::context::Context;
use crate::directory::Effective;
use crate::problem::{Kind, Problem};
use crate::routes::Route;

/// A request as [`authorize`] was asked about it.
#[derive(Debug)]
pub struct Asked {
    /// Where it comes from.
    pub context: Context,
    /// Its headers, with the credential.
    pub headers: HeaderMap,
    /// The organization of its path.
    pub slug: Option<String>,
    /// Its route.
    pub route: &'static Route,
    /// What its caller held when it was let through.
    pub holds: Arc<Effective>,
}

/// By whose right a change is made.
#[derive(Debug)]
pub struct Standing(Option<Box<Asked>>);

impl Standing {
    /// The service's own doing, which nobody takes the right to away.
    pub fn of_the_service() -> Self {
        Self(None)
    }

    /// That of a request.
    pub fn of_request(asked: Asked) -> Self {
        Self(Some(Box::new(asked)))
    }

    /// Fails unless the change may be made still, by somebody who holds what they held: what may be given to others was
    /// compared with that.
    ///
    /// # Errors
    /// As for a request that comes now, and 409 for who holds something else by now.
    pub fn must_hold(&self, app: &App) -> Result<(), Problem> {
        let Some(asked) = &self.0 else { return Ok(()) };
        let granted = asked.authorize(app)?;
        if granted.holds == asked.holds {
            return Ok(());
        }
        let detail = "what you may do here was changed at the same moment; look again, then repeat it";
        Err(Problem::new(Kind::Conflict, detail))
    }

    /// Whether it would still be let through, by somebody who holds at least what they held: for what goes on for long.
    pub fn holds_on(&self, app: &App) -> bool {
        let Some(asked) = &self.0 else { return true };
        asked.authorize(app).is_ok_and(|granted| granted.holds.covers(&asked.holds))
    }
}

impl Asked {
    /// Whether the request would be let through now.
    ///
    /// # Errors
    /// As for a request that comes now.
    pub fn authorize(&self, app: &App) -> Result<Granted, Problem> {
        let request = (&self.route.method.into(), &self.headers);
        authorize(app, &self.context, request, self.slug.as_deref(), self.route).map_err(|denied| denied.problem)
    }
}
