//! Searches of the log that are kept under a name.

use super::{JSON, MAKE_PROBLEMS, Method, Operation, Route, answer, make, remove, show};
use crate::access::Right;

const SEES: Right = Right::AuditLogsView;

/// The routes.
pub(super) static ROUTES: [Route; 4] = [
    show(
        Operation::SavedSearchList,
        ("/v1/orgs/{org}/saved-searches", SEES, "audit_log.search"),
        ("List saved searches", "Those of the organization and one's own, by name."),
        &[],
        &[answer(200, &[(JSON, "SavedSearches")], "The saved searches.")],
    ),
    make(
        Operation::SavedSearchCreate,
        ("/v1/orgs/{org}/saved-searches", SEES, "audit_log.search.save"),
        (
            "Save a search",
            "For oneself alone, or for everybody who sees some of the organization's log, for which `saved_searches_share` \
             is needed. Its name is unique among one's own, or among the organization's.",
        ),
        &[(JSON, "NewSavedSearch")],
        &[answer(201, &[(JSON, "SavedSearch")], "It is saved.")],
    ),
    Route {
        method: Method::Patch,
        problems: MAKE_PROBLEMS,
        ..make(
            Operation::SavedSearchUpdate,
            ("/v1/orgs/{org}/saved-searches/{id}", SEES, "audit_log.search.update"),
            (
                "Change a saved search",
                "What is left out stays; an empty text takes away what was there. What the organization shares is changed \
                 with `saved_searches_share`.",
            ),
            &[(JSON, "SavedSearchUpdate")],
            &[answer(200, &[(JSON, "SavedSearch")], "As it is now.")],
        )
    },
    remove(
        Operation::SavedSearchDelete,
        ("/v1/orgs/{org}/saved-searches/{id}", SEES, "audit_log.search.delete"),
        ("Delete a saved search", "One's own, or with `saved_searches_share` one that the organization shares."),
    ),
];
