//! What of a log a caller sees: everything, or the events of some projects.
//!
//! A scope narrows a filter and is no part of one: no phrase can state, widen or forge it. It is decided here from the
//! stored texts, as filters are; every quicker way to the same answer is tested against it.

use std::sync::Arc;

use crate::limits::ID_CHARS_MAX;
use crate::row::{Column, RowView};
use crate::stored;

/// Most projects in one scope; with ids of the greatest length they take some megabytes.
pub const SCOPE_PROJECTS_MAX: usize = 1_000;

/// The type of the targets that a scope goes by.
pub const PROJECT: &str = "project";

/// What of a log a caller sees.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Every event.
    Everything,
    /// Events that have a target of type `project` with one of these ids. The name of a target does not count, whatever
    /// it is. Without any id it is no event.
    Projects(ProjectIds),
}

/// Ids of projects: ascending, none twice, at most [`SCOPE_PROJECTS_MAX`]. Copies share them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ProjectIds(Arc<[Box<str>]>);

/// More projects than a scope may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} projects are more than the {SCOPE_PROJECTS_MAX} that what one caller sees can be limited to")]
pub struct TooManyProjects(pub usize);

impl Scope {
    /// The scope that sees no event.
    pub fn nothing() -> Self {
        Self::Projects(ProjectIds::default())
    }

    /// The events of these projects, whose ids may come in any order and more than once.
    ///
    /// # Errors
    /// If more than [`SCOPE_PROJECTS_MAX`] of them are distinct.
    pub fn projects<I: Into<Box<str>>>(ids: impl IntoIterator<Item = I>) -> Result<Self, TooManyProjects> {
        ProjectIds::new(ids).map(Self::Projects)
    }

    /// What either of two scopes sees.
    ///
    /// # Errors
    /// If these are more than [`SCOPE_PROJECTS_MAX`] projects.
    pub fn or(&self, other: &Self) -> Result<Self, TooManyProjects> {
        match (self, other) {
            (Self::Everything, _) | (_, Self::Everything) => Ok(Self::Everything),
            (Self::Projects(some), Self::Projects(more)) => Self::projects(some.0.iter().chain(&*more.0).cloned()),
        }
    }

    /// Whether the event is seen.
    pub fn sees(&self, row: &RowView<'_>) -> bool {
        match self {
            Self::Everything => true,
            Self::Projects(ids) => row.get(Column::Targets).is_some_and(|targets| ids.any_in(targets)),
        }
    }
}

impl ProjectIds {
    /// The ids, which may come in any order and more than once.
    ///
    /// # Errors
    /// If more than [`SCOPE_PROJECTS_MAX`] of them are distinct.
    pub fn new<I: Into<Box<str>>>(ids: impl IntoIterator<Item = I>) -> Result<Self, TooManyProjects> {
        let mut ids: Vec<Box<str>> = ids.into_iter().map(Into::into).collect();
        ids.sort_unstable();
        ids.dedup();
        if ids.len() > SCOPE_PROJECTS_MAX {
            return Err(TooManyProjects(ids.len()));
        }
        Ok(Self(ids.into()))
    }

    /// Whether the project is one of these.
    pub fn contains(&self, id: &str) -> bool {
        self.0.binary_search_by(|known| (**known).cmp(id)).is_ok()
    }

    /// Whether a stored `targets` column names one of these projects by its id.
    pub fn any_in(&self, targets: &str) -> bool {
        stored::targets(targets).any(|target| target.kind == PROJECT && self.contains(&target.id))
    }

    /// The ids in ascending order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.iter().map(|id| &**id)
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

const _: () = assert!(SCOPE_PROJECTS_MAX * ID_CHARS_MAX * 4 <= 4 << 20, "the bound that the limit's comment speaks of");

#[cfg(test)]
mod tests {
    use super::*;

    fn sees(scope: &Scope, targets: &str) -> bool {
        let mut row = RowView::EMPTY;
        row.texts[Column::Targets as usize] = Some(targets);
        scope.sees(&row)
    }

    #[test]
    fn the_id_of_a_project_counts_and_nothing_else() {
        let scope = Scope::projects(["payments", "a\"b"]).unwrap();
        let seen = [
            r#"[{"type":"project","id":"payments"}]"#,
            r#"[{"type":"component","id":"c"},{"type":"project","id":"other"},{"type":"project","id":"payments"}]"#,
            r#"[{"type":"project","id":"a\"b","name":"x"}]"#,
        ];
        let hidden = [
            r#"[]"#,
            r#"[{"type":"project","id":"p1","name":"payments"}]"#,
            r#"[{"type":"project","id":"Payments"}]"#,
            r#"[{"type":"project","id":"payments "}]"#,
            r#"[{"type":"Project","id":"payments"}]"#,
            r#"[{"type":"component","id":"payments","metadata":{"type":"project","id":"payments"}}]"#,
            r#"[{"type":"component","id":"c","name":"{\"type\":\"project\",\"id\":\"payments\"}"}]"#,
        ];
        for targets in seen {
            assert!(sees(&scope, targets), "{targets}");
            assert!(!sees(&Scope::nothing(), targets) && sees(&Scope::Everything, targets), "{targets}");
        }
        for targets in hidden {
            assert!(!sees(&scope, targets) && sees(&Scope::Everything, targets), "{targets}");
        }
        assert!(!scope.sees(&RowView::EMPTY) && Scope::Everything.sees(&RowView::EMPTY));
    }

    #[test]
    fn ids_are_sorted_distinct_and_bounded() {
        let Ok(Scope::Projects(ids)) = Scope::projects(["b", "a", "b"]) else { panic!("two projects") };
        assert_eq!(ids.iter().collect::<Vec<_>>(), ["a", "b"]);
        let numbered = |count: usize| (0..count).map(|n| n.to_string());
        let most = Scope::projects(numbered(SCOPE_PROJECTS_MAX)).unwrap();
        assert_eq!(Scope::projects(numbered(SCOPE_PROJECTS_MAX + 1)), Err(TooManyProjects(SCOPE_PROJECTS_MAX + 1)));
        assert_eq!(most.or(&Scope::projects(["7"]).unwrap()), Ok(most.clone()));
        assert_eq!(most.or(&Scope::projects(["x"]).unwrap()), Err(TooManyProjects(SCOPE_PROJECTS_MAX + 1)));
        assert_eq!(most.or(&Scope::Everything), Ok(Scope::Everything));
        assert_eq!(Scope::nothing().or(&most), Ok(most));
    }
}
