//! What a query looks for: what the filter finds of what the scope sees. Every walk over a log is given both, so that
//! none can look past the scope.

use actarium_core::filter::{Filter, Place, Scope, Term};
use actarium_core::row::{Column, RowView};

/// A filter and the scope that it is applied within.
#[derive(Clone, Copy)]
pub struct Sought<'a> {
    /// Which events.
    pub filter: &'a Filter,
    /// Of which.
    pub scope: &'a Scope,
}

impl Sought<'_> {
    /// Whether it is every event, so that counts kept with the segments may answer.
    pub fn is_everything(self) -> bool {
        matches!((self.filter, self.scope), (Filter::All, Scope::Everything))
    }

    /// Whether it is this event, by the reference evaluation.
    pub fn matches(self, row: &RowView<'_>, place: &Place<'_>) -> bool {
        self.scope.sees(row) && self.filter.matches(row, place)
    }

    /// The columns that decide it.
    pub fn columns(self) -> Vec<Column> {
        let mut columns = Vec::new();
        columns_of(self.filter, &mut columns);
        if *self.scope != Scope::Everything && !columns.contains(&Column::Targets) {
            columns.push(Column::Targets);
        }
        columns
    }
}

fn columns_of(filter: &Filter, columns: &mut Vec<Column>) {
    let mut add = |term: &Term| {
        for column in term.columns() {
            if !columns.contains(column) {
                columns.push(*column);
            }
        }
    };
    filter.each_term(&mut add);
}
