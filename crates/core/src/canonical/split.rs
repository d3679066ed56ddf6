//! Which field of an actor or target belongs to which part.
//!
//! Fields stand in the stored text in one fixed order, and each part keeps that order, so a part is made by copying the
//! spans of its fields. The assignment is part of the format and never depends on the catalog.

use super::scan::{Problem, Scan};
use crate::json::push_string;
use crate::salt::PARTS;

/// The parts by their numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(usize)]
pub(super) enum Part {
    Fact = 0,
    Identity = 1,
    Personal = 2,
    Detail = 3,
}

/// The fields of an actor in their stored order, each as its key is written, and with its part. `on_behalf_of` follows them.
const ACTOR: [(&[u8], Part); 8] = [
    (b"\"type\":", Part::Fact),
    (b"\"id\":", Part::Identity),
    (b"\"name\":", Part::Personal),
    (b"\"email\":", Part::Personal),
    (b"\"issuer\":", Part::Identity),
    (b"\"session_id\":", Part::Identity),
    (b"\"groups\":", Part::Personal),
    (b"\"metadata\":", Part::Detail),
];
/// The fields of a target in their stored order, each as its key is written, and with its part.
const TARGET: [(&[u8], Part); 4] = [
    (b"\"type\":", Part::Fact),
    (b"\"id\":", Part::Identity),
    (b"\"name\":", Part::Personal),
    (b"\"metadata\":", Part::Detail),
];

/// How the key of the actor that is acted for is written.
const ON_BEHALF_OF: &[u8] = b"\"on_behalf_of\":";

type Buffers = [Vec<u8>; PARTS];

#[inline]
fn push_all(buffers: &mut Buffers, byte: u8) {
    for buffer in buffers {
        buffer.push(byte);
    }
}

/// Appends a written key, after a comma unless it is the first of its object.
#[inline]
fn push_key(out: &mut Vec<u8>, key: &[u8]) {
    if out.last() != Some(&b'{') {
        out.push(b',');
    }
    out.extend_from_slice(key);
}

/// Appends the pieces of an actor, and `session_id` to the identity of the outermost one.
pub(super) fn actor(text: &str, session_id: Option<&str>, buffers: &mut Buffers) -> Result<(), Problem> {
    let mut scan = Scan::new(text);
    actor_at(&mut scan, session_id, buffers, 0)?;
    scan.end()
}

fn actor_at(scan: &mut Scan<'_>, session_id: Option<&str>, buffers: &mut Buffers, depth: usize) -> Result<(), Problem> {
    if depth > crate::limits::ON_BEHALF_OF_DEPTH_MAX {
        return Err("nests too deep");
    }
    push_all(buffers, b'{');
    let delegates = fields(scan, &ACTOR, buffers)?;
    if let Some(session_id) = session_id {
        let identity = &mut buffers[Part::Identity as usize];
        push_key(identity, b"\"session_id\":");
        push_string(identity, session_id);
    }
    if delegates {
        for buffer in buffers.iter_mut() {
            push_key(buffer, ON_BEHALF_OF);
        }
        actor_at(scan, None, buffers, depth + 1)?;
        scan.expect(b'}', "has a field after on_behalf_of")?;
    }
    push_all(buffers, b'}');
    Ok(())
}

/// Appends the pieces of all targets.
pub(super) fn targets(text: &str, buffers: &mut Buffers) -> Result<(), Problem> {
    let mut scan = Scan::new(text);
    scan.expect(b'[', "is not an array")?;
    push_all(buffers, b'[');
    loop {
        push_all(buffers, b'{');
        if fields(&mut scan, &TARGET, buffers)? {
            return Err("has on_behalf_of, which targets do not have");
        }
        push_all(buffers, b'}');
        if !scan.take(b',') {
            break;
        }
        push_all(buffers, b',');
    }
    scan.expect(b']', "has no comma or end after a target")?;
    push_all(buffers, b']');
    scan.end()
}

/// Copies the fields of one object to their parts, up to its end or to the value of `on_behalf_of`; gives back whether
/// it stopped there.
#[inline]
fn fields(scan: &mut Scan<'_>, known: &[(&[u8], Part)], buffers: &mut Buffers) -> Result<bool, Problem> {
    scan.expect(b'{', "is not an object")?;
    if scan.take(b'}') {
        return Ok(false);
    }
    let mut next = 0;
    loop {
        match known[next..].iter().position(|(key, _)| scan.take_all(key)) {
            Some(skipped) => {
                let (key, part) = known[next + skipped];
                let buffer = &mut buffers[part as usize];
                push_key(buffer, key);
                buffer.extend_from_slice(scan.value()?);
                next += skipped + 1;
            }
            None if scan.take_all(ON_BEHALF_OF) => return Ok(true),
            None => return Err("has a field that is unknown, repeated or out of order"),
        }
        if scan.take(b'}') {
            return Ok(false);
        }
        scan.expect(b',', "has no comma or end after a field")?;
    }
}
