//! Writes one generated event as JSON. Knows the API's field names and nothing of files or rates.

use std::io::Write;

use crate::rng::Rng;
use crate::words::{DENIALS, ENVIRONMENTS, FAILURES};
use crate::world::{ACTIONS, Action, Kind, Organization, Resource, Shape};

/// Microseconds of a day.
pub const DAY_US: i64 = 86_400_000_000;

/// What of a written event a question can be asked about.
pub struct Written<'a> {
    /// Who acted.
    pub actor_id: &'a str,
    /// What was done.
    pub action: &'static str,
    /// Whether it failed.
    pub failed: bool,
    /// What it was done to, if that has a name of its own.
    pub name: Option<&'a str>,
    /// The random id of the request.
    pub request_id: [u8; 16],
}

/// Writes an event of the organization at `occurred_at` (microseconds since 1970), without a line end.
pub fn write_event<'a>(
    out: &mut Vec<u8>,
    rng: &mut Rng,
    organization: &'a mut Organization,
    action: usize,
    occurred_at: i64,
) -> Written<'a> {
    let action = &ACTIONS[action];
    let (resources, weights) = &mut organization.resources[action.on as usize];
    let chosen = weights.as_ref().map_or(0, |weights| weights.draw(rng));
    let resource = &mut resources[chosen];
    let actor = &organization.actors[organization.actor_weights.draw(rng)];
    let roll = rng.unit();
    let outcome = if roll < 0.94 {
        "success"
    } else if roll < 0.98 {
        "failure"
    } else {
        "denied"
    };
    let day = occurred_at.div_euclid(DAY_US);

    out.extend_from_slice(b"{\"occurred_at\":\"");
    write_time(out, occurred_at);
    push(out, &["\",\"action\":\"", action.name, "\",\"outcome\":\"", outcome, "\""]);
    match outcome {
        "failure" => push(out, &[",\"reason\":\"", rng.pick(&FAILURES), "\""]),
        "denied" => push(out, &[",\"reason\":\"", rng.pick(&DENIALS), "\""]),
        _ => {}
    }
    push(out, &[",\"actor\":", &actor.json, ",\"targets\":[", &resource.json]);
    let environment = ENVIRONMENTS[[0, 0, 0, 1, 1, 2][rng.below(6)]];
    let agent = actor.agents[usize::from(rng.chance(0.12))];
    let ip = &actor.ips[usize::from(rng.chance(0.2)) * rng.below(actor.ips.len())];
    push(out, &["],\"context\":{\"ip\":\"", ip, "\",\"user_agent\":\"", agent, "\",\"request_id\":\""]);
    let request_id = uuid_v4(rng);
    write_uuid(out, &request_id);
    out.extend_from_slice(b"\"}");
    if action.shape != Shape::Session {
        push(out, &[",\"message\":\"", &actor.name, " ", action.verb, " ", &resource.name]);
        if action.shape == Shape::Deploy && rng.chance(0.5) {
            push(out, &[" in ", environment]);
        }
        out.push(b'"');
    }
    write_details(out, rng, action, resource, environment, day);
    let _ = write!(out, ",\"external_id\":\"evt_{:016x}\"}}", rng.bits());

    let named = !matches!(action.on, Kind::User | Kind::Application);
    Written {
        actor_id: &actor.id,
        action: action.name,
        failed: outcome == "failure",
        name: named.then_some(resource.name.as_str()),
        request_id,
    }
}

/// Metadata of 3 to 5 keys, and changes where the action has some.
fn write_details(out: &mut Vec<u8>, rng: &mut Rng, action: &Action, on: &mut Resource, environment: &str, day: i64) {
    match action.shape {
        Shape::Deploy => {
            on.builds += 1;
            let (minor, patch) = (day / (5 + (on.habit % 40) as i64) % 90, on.habit % 7);
            let _ = write!(
                out,
                ",\"metadata\":{{\"build\":{},\"duration_ms\":{},\"environment\":\"{environment}\",\"version\":\"{}.{minor}.{patch}\"}}",
                on.builds,
                rng.skewed(8_000.0),
                1 + on.habit % 4
            );
        }
        Shape::Settings => {
            let (replicas, to) = (1 + rng.below(6), 1 + rng.below(6));
            match rng.below(5) {
                0 => {
                    let _ = write!(
                        out,
                        ",\"changes\":[{{\"path\":\"/spec/replicas\",\"before\":{replicas},\"after\":{to}}}]"
                    );
                }
                1 => {
                    let _ = write!(
                        out,
                        ",\"changes\":[{{\"path\":\"/spec/resources/limits/memory\",\"before\":\"{}Mi\",\"after\":\"{}Mi\"}}]",
                        replicas * 128,
                        to * 128
                    );
                }
                2 => {
                    let levels = ["debug", "info", "warn", "error"];
                    let _ = write!(
                        out,
                        ",\"changes\":[{{\"path\":\"/env/LOG_LEVEL\",\"before\":\"{}\",\"after\":\"{}\"}}]",
                        rng.pick(&levels),
                        rng.pick(&levels)
                    );
                }
                _ => {}
            }
            let _ = write!(
                out,
                ",\"metadata\":{{\"approval\":\"{}\",\"generation\":{},\"ticket\":\"OPS-{}\"}}",
                rng.pick(&["none", "automatic", "reviewed"]),
                1 + rng.below(40),
                (day - 20_000) * 9 + rng.below(40) as i64
            );
        }
        Shape::Access => {
            let _ = write!(
                out,
                ",\"metadata\":{{\"role\":\"{}\",\"scope\":\"{}\",\"days\":{}}}",
                rng.pick(&["admin", "platform-engineer", "developer", "auditor"]),
                rng.pick(&["organization", "project"]),
                rng.pick(&[7, 30, 90, 365])
            );
        }
        Shape::Session => {
            let _ = write!(
                out,
                ",\"metadata\":{{\"method\":\"{}\",\"second_factor\":{},\"country\":\"{}\"}}",
                rng.pick(&["password", "oidc", "oidc", "saml", "token"]),
                rng.chance(0.8),
                rng.pick(&["SE", "DE", "LK", "US", "IN"])
            );
        }
        Shape::Life => {
            let _ = write!(
                out,
                ",\"metadata\":{{\"duration_ms\":{},\"region\":\"{}\",\"shard\":{}}}",
                rng.skewed(90.0),
                on.region,
                on.habit % 16
            );
        }
    }
}

fn push(out: &mut Vec<u8>, texts: &[&str]) {
    for text in texts {
        out.extend_from_slice(text.as_bytes());
    }
}

/// RFC 9562, version 4.
pub fn uuid_v4(rng: &mut Rng) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&rng.bits().to_be_bytes());
    bytes[8..].copy_from_slice(&rng.bits().to_be_bytes());
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    bytes
}

/// The 36 characters of a UUID.
pub fn write_uuid(out: &mut Vec<u8>, bytes: &[u8; 16]) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            out.push(b'-');
        }
        out.push(HEX[usize::from(byte >> 4)]);
        out.push(HEX[usize::from(byte & 15)]);
    }
}

/// RFC 3339 in UTC with six decimals; for years 1 to 9999.
pub fn write_time(out: &mut Vec<u8>, micros: i64) {
    let (year, month, day) = civil(micros.div_euclid(DAY_US));
    let rest = micros.rem_euclid(DAY_US);
    let (seconds, micros) = (rest / 1_000_000, rest % 1_000_000);
    let _ = write!(
        out,
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{micros:06}Z",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    );
}

/// Year, month and day of a day counted from 1970-01-01, in the proleptic Gregorian calendar.
fn civil(days: i64) -> (i64, i64, i64) {
    // Years are counted from 1 March here, so that the leap day is the last of the year.
    let shifted = days + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

/// Microseconds since 1970 of an RFC 3339 time in UTC, with or without decimals.
///
/// # Errors
/// If the text is something else.
pub fn parse_time(text: &str) -> anyhow::Result<i64> {
    let bad = || anyhow::anyhow!("{text} is not a time like 2026-01-31T12:00:00Z");
    let body = text.strip_suffix('Z').ok_or_else(bad)?;
    let (date, time) = body.split_once('T').ok_or_else(bad)?;
    let date: Vec<i64> = date.split('-').map(|part| part.parse().map_err(|_| bad())).collect::<Result<_, _>>()?;
    let (whole, decimals) = time.split_once('.').unwrap_or((time, ""));
    let time: Vec<i64> = whole.split(':').map(|part| part.parse().map_err(|_| bad())).collect::<Result<_, _>>()?;
    let ([year, month, day], [hour, minute, second]) = (&date[..], &time[..]) else { return Err(bad()) };
    let decimals: i64 = format!("{decimals:0<6}")[..6].parse().map_err(|_| bad())?;
    let from_march = if *month > 2 { (year, month - 3) } else { (&(year - 1), month + 9) };
    let days = 365 * from_march.0 + from_march.0 / 4 - from_march.0 / 100
        + from_march.0 / 400
        + (153 * from_march.1 + 2) / 5
        + day
        - 1
        - 719_468;
    Ok(((days * 24 + hour) * 3600 + minute * 60 + second) * 1_000_000 + decimals)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_and_read_back() {
        for (micros, text) in [
            (0, "1970-01-01T00:00:00.000000Z"),
            (1_709_251_199_999_999, "2024-02-29T23:59:59.999999Z"),
            (1_735_689_600_000_001, "2025-01-01T00:00:00.000001Z"),
        ] {
            let mut out = Vec::new();
            write_time(&mut out, micros);
            assert_eq!(String::from_utf8_lossy(&out), text);
            assert_eq!(parse_time(text).ok(), Some(micros));
        }
        assert!(parse_time("yesterday").is_err());
    }

    #[test]
    fn events_are_json_without_duplicates_of_random_ids() {
        let mut world = crate::world::World::new(3, "org");
        let mut rng = Rng::new(3);
        let mut ids = std::collections::HashSet::new();
        for action in (0..ACTIONS.len()).cycle().take(3_000) {
            let mut out = Vec::new();
            write_event(&mut out, &mut rng, &mut world.organizations[1], action, 1_760_000_000_000_000);
            let event: serde_json::Value = serde_json::from_slice(&out).expect("JSON");
            assert!(ids.insert(event["external_id"].as_str().expect("text").to_owned()));
            assert!(ids.insert(event["context"]["request_id"].as_str().expect("text").to_owned()));
            let keys = event["metadata"].as_object().expect("object").len();
            assert!((3..=5).contains(&keys));
        }
    }
}
