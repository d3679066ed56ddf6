//! docs/CATALOG.md is made from the catalog; this checks that it is current. `UPDATE=1` writes it anew.

use std::fmt::Write;

use actarium_core::catalog::{Action, Catalog};
use actarium_core::event::Outcome;

const HEAD: &str = "# The catalog

Every operation that the audit log knows by name. The sources are the files in `catalog/`, one per family; this page is
made from them (`UPDATE=1 cargo test -p actarium-core --test catalog_page`).

An action outside of the catalog is recorded too and shown by its name. Actions are added in files of this form; the service
reads those that are compiled into it, and takes none for a single organization yet:

```toml
family = \"billing\"
title = \"Billing\"

[[action]]
action = \"invoice.send\"
title = \"Send invoice\"
operation = \"Invoice sent to a customer\"
resource = \"invoice\"
verb = [\"send\", \"sent\", \"sending\"]
phrase = \"invoice {invoice}[ to {metadata.customer}]\"
metadata.customer = { is = \"Who gets it\", personal = true }
```

A sentence is made from the verb and the phrase: *Ada sent invoice 7 to Contoso*, *Ada failed to send invoice 7*, *Ada was
denied sending invoice 7*, *Ada tried to send invoice 7 (outcome unknown)*. `sentence.success`, `sentence.failure`,
`sentence.denied` and `sentence.unknown` give whole sentences instead. A template may hold `{actor}`, `{target}` (the first
target), `{TYPE}` (the first target of that type), `{metadata.KEY}`, `{changes}` and `{reason}`; what stands in `[brackets]`
is left out when a value in it is missing; a doubled brace or bracket stands for itself. An event that brings its own
`message` is shown with that.

Metadata marked *personal* is about a person.
";

fn page(catalog: &Catalog) -> String {
    let mut page = HEAD.to_owned();
    for family in catalog.families() {
        write!(page, "\n## {}\n\n{}\n", family.title, family.summary).unwrap();
        for action in &family.actions {
            write_action(&mut page, action);
        }
    }
    page
}

fn write_action(page: &mut String, action: &Action) {
    let alone = if action.reserved { " Recorded by Actarium alone." } else { "" };
    write!(page, "\n### `{}`\n\n{}. First target: `{}`.{alone}\n\n", action.action, action.operation, action.resource)
        .unwrap();
    for &outcome in Outcome::ALL {
        if let Some(template) = action.sentence_template(outcome) {
            writeln!(page, "- {}: `{}`", outcome.as_str(), template.source()).unwrap();
        }
    }
    if let Some(verb) = action.verb.as_ref().filter(|_| action.sentence_template(Outcome::Success).is_none()) {
        let sentence = format!("{{actor}} {} {}", verb.past, action.phrase_template().source());
        writeln!(page, "- `{}`", sentence.trim()).unwrap();
    }
    for entry in &action.metadata {
        let personal = if entry.personal { " *(personal)*" } else { "" };
        writeln!(page, "- `metadata.{}`: {}{personal}", entry.key, entry.description).unwrap();
    }
}

#[test]
fn the_page_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/CATALOG.md");
    let made = page(Catalog::builtin());
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, &made).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(kept == made, "docs/CATALOG.md is not current; run this test with UPDATE=1");
}
