//! Which parts of an event a filter reads, so that somebody who is shown these alone can apply it.

use super::{Filter, Term};
use crate::salt::PARTS;

impl Filter {
    /// By number of the part, whether the filter reads it. The fact always counts as read: the time range does.
    pub fn parts(&self) -> [bool; PARTS] {
        let mut read = [true, false, false, false];
        self.add_parts(&mut read);
        read
    }

    fn add_parts(&self, read: &mut [bool; PARTS]) {
        match self {
            Filter::All => {}
            Filter::And(filters) | Filter::Or(filters) => filters.iter().for_each(|filter| filter.add_parts(read)),
            Filter::Not(filter) => filter.add_parts(read),
            Filter::Term(term) => {
                let [_, identity, personal, detail] = term.parts();
                read[1] |= identity;
                read[2] |= personal;
                read[3] |= detail;
            }
        }
    }
}

impl Term {
    fn parts(&self) -> [bool; PARTS] {
        match self {
            Term::ActorType(_)
            | Term::Action(_)
            | Term::Outcome(_)
            | Term::Resource(_)
            | Term::Source(_)
            | Term::Id(_)
            | Term::Seq(_) => [true, false, false, false],
            Term::RequestId(_) | Term::TraceId(_) | Term::SessionId(_) | Term::ExternalId(_) => {
                [true, true, false, false]
            }
            Term::Actor(_) | Term::Target { .. } => [true, true, true, false],
            Term::Ip(_) => [true, false, true, false],
            Term::Surface(_) | Term::Metadata { .. } => [true, false, false, true],
            Term::Words(_) => [true; PARTS],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canonical::{Canonicalizer, from_parts};
    use crate::event::{Intake, encode_value};
    use crate::filter::Place;

    /// An event that is shown only in the parts that a filter reads is found by it as the whole one is.
    #[test]
    fn the_parts_that_are_read_decide() {
        let event = serde_json::json!({
            "action": "component.deploy", "outcome": "denied", "reason": "quota", "external_id": "e1",
            "actor": {"type": "user", "id": "u1", "name": "Ada", "email": "ada@example.com", "session_id": "s1"},
            "targets": [{"type": "component", "id": "c1", "name": "Orders"}, {"type": "project", "id": "p1"}],
            "context": {"ip": "10.1.2.3", "request_id": "r1", "trace_id": "t1", "surface": "cli"},
            "metadata": {"build": "17"},
        });
        let rows = encode_value(&event, &Intake::new("api", "key", 1_000_000)).unwrap();
        let parts = Canonicalizer::new().parts(&rows.row(0), 1_000_000).unwrap();
        let place = Place { organization: &[1; 16], seq: 4, recorded_at: 1_000_000 };
        for phrase in [
            "actor:ada",
            "actor:u1",
            "actor:ada@example.com",
            "actor_type:user",
            "action:component.*",
            "outcome:denied",
            "target:orders",
            "target:component:c1",
            "resource:component",
            "project:p1",
            "ip:10.0.0.0/8",
            "request_id:r1",
            "trace_id:t1",
            "session_id:s1",
            "external_id:e1",
            "source:api",
            "surface:cli",
            "seq:4",
            "metadata.build:17",
            "quota",
            "ada",
            "orders",
            "c1",
        ] {
            let filter = Filter::parse(phrase).unwrap();
            let negated = Filter::parse(&format!("-{phrase}")).unwrap();
            let read = filter.parts();
            let shown = |part: usize| Some(&parts.texts[part][..]).filter(|_| read[part]);
            let row = from_parts(&parts.texts[0], shown(1), shown(2), shown(3)).unwrap();
            assert!(filter.matches(&rows.row(0), &place), "{phrase} finds the event");
            assert!(filter.matches(&row.row(0), &place), "{phrase} finds it by the parts that it reads");
            assert!(!negated.matches(&row.row(0), &place), "-{phrase}");
            assert_eq!(read, negated.parts());
        }
    }
}
