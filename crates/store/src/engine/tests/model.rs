//! Random operations against a list: whatever is appended, sealed, merged, evicted and restarted, the log is the list.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Operation {
    /// Organization, first number, how many: numbers overlap, so some repeat.
    Append(usize, u64, u64),
    AppendPlain(usize, u64),
    Seal(usize),
    Evict,
    Restart,
    Wait,
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        6 => (0..2usize, 0..600u64, 1..120u64).prop_map(|(log, first, count)| Operation::Append(log, first, count)),
        3 => (0..2usize, 1..400u64).prop_map(|(log, count)| Operation::AppendPlain(log, count)),
        2 => (0..2usize).prop_map(Operation::Seal),
        1 => Just(Operation::Evict),
        1 => Just(Operation::Restart),
        1 => Just(Operation::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn the_log_is_what_was_sent(operations in prop::collection::vec(operation(), 1..25)) {
        let mut harness = Harness::with(|options| {
            options.seal.rows = 300;
            options.seal.target_rows = 1_000;
        });
        let organizations = [harness.create("a"), harness.create("b")];
        let mut models: [Vec<Seen>; 2] = Default::default();
        for operation in operations {
            match operation {
                Operation::Append(log, first, count) => {
                    let answer = harness.append(organizations[log], with_ids(first..first + count)).unwrap();
                    for (number, event) in (first..first + count).zip(&answer.events) {
                        let id = Some(format!("id-{number}"));
                        let place = models[log].iter().position(|seen| seen.external_id == id);
                        prop_assert_eq!(event.duplicate, place.is_some());
                        prop_assert_eq!(event.seq, place.unwrap_or(models[log].len()) as u64);
                        if place.is_none() {
                            let message = Some(format!("message {number}"));
                            models[log].push(Seen { message, external_id: id, recorded_at: event.recorded_at });
                        }
                        prop_assert_eq!(event.recorded_at, models[log][event.seq as usize].recorded_at);
                    }
                    prop_assert_eq!(answer.size, models[log].len() as u64);
                }
                Operation::AppendPlain(log, count) => {
                    let answer = harness.append(organizations[log], plain(0..count)).unwrap();
                    models[log].extend((0..count).map(|number| Seen {
                        message: Some(format!("message {number}")),
                        external_id: None,
                        recorded_at: answer.recorded_at,
                    }));
                }
                Operation::Seal(log) => {
                    prop_assert_eq!(harness.engine().seal_now(Some(organizations[log])).failures, vec![]);
                }
                Operation::Evict => {
                    for log in harness.engine().shared.all_logs() {
                        let mut state = log.state.lock();
                        let (before, end) = (state.tail.bytes(), state.head.size);
                        state.tail.clear(end);
                        harness.engine().shared.tail_changed(before, 0);
                    }
                }
                Operation::Restart => harness.restart(),
                Operation::Wait => harness.clock.advance(SECOND),
            }
            for (organization, model) in organizations.iter().zip(&models) {
                prop_assert_eq!(&harness.read(*organization), model);
            }
        }
    }
}
