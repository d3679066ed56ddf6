//! Every bound of an event, with its unit in its name.
//!
//! Lengths of texts are counted in characters (Unicode scalar values), sizes in bytes. Refusals quote these numbers, and
//! `docs/FORMAT.md` lists them; raising one is compatible, lowering one is not. Nothing here may depend on configuration.

/// Bytes of one event in its stored encoding ([`crate::row::EncodedRows::row_bytes`]).
pub const EVENT_BYTES_MAX: usize = 32 * 1024;
/// Levels of nesting in a JSON document, the outermost object or array being the first.
pub const JSON_DEPTH_MAX: usize = 32;
/// Values of a JSON document, arrays and objects included. Each takes a byte of the stored encoding at least, so an event
/// with more is larger than [`EVENT_BYTES_MAX`]; a reader need not build it to find out.
pub const JSON_VALUES_MAX: usize = 32 * 1024;
/// Largest magnitude of an integer: 2^53, up to which a double holds every integer exactly.
pub const INTEGER_MAX: i64 = 1 << 53;
/// Events of one request, unless the caller sets another bound.
pub const BATCH_EVENTS_MAX: usize = 10_000;
/// Violations reported for one request; the number of further ones is told.
pub const VIOLATIONS_REPORTED_MAX: usize = 100;

/// Characters of `action`.
pub const ACTION_CHARS_MAX: usize = 128;
/// Characters of `external_id`; at least one.
pub const EXTERNAL_ID_CHARS_MAX: usize = 128;
/// Characters of `reason`.
pub const REASON_CHARS_MAX: usize = 2_000;
/// Characters of `message`.
pub const MESSAGE_CHARS_MAX: usize = 2_000;

/// Characters of an actor's or target's `id`; at least one.
pub const ID_CHARS_MAX: usize = 1_024;
/// Characters of an actor's or target's `name`.
pub const NAME_CHARS_MAX: usize = 512;
/// Characters of `email` (RFC 5321: 64 before the `@`, 255 after it).
pub const EMAIL_CHARS_MAX: usize = 320;
/// Characters of `issuer`.
pub const ISSUER_CHARS_MAX: usize = 512;
/// Characters of `session_id`.
pub const SESSION_ID_CHARS_MAX: usize = 256;
/// Entries of `groups`.
pub const GROUPS_MAX: usize = 64;
/// Characters of one of the `groups`; at least one.
pub const GROUP_CHARS_MAX: usize = 256;
/// How many actors `on_behalf_of` may nest below the acting one.
pub const ON_BEHALF_OF_DEPTH_MAX: usize = 4;

/// Entries of `targets`; at least one.
pub const TARGETS_MAX: usize = 16;
/// Characters of a target's `type`; at least one.
pub const TARGET_TYPE_CHARS_MAX: usize = 64;

/// Characters of `context.user_agent`.
pub const USER_AGENT_CHARS_MAX: usize = 1_024;
/// Characters of `context.request_id`.
pub const REQUEST_ID_CHARS_MAX: usize = 256;
/// Characters of `context.trace_id`.
pub const TRACE_ID_CHARS_MAX: usize = 256;
/// Characters of `context.surface`.
pub const SURFACE_CHARS_MAX: usize = 64;
/// Characters of `context.http.method`; at least one.
pub const HTTP_METHOD_CHARS_MAX: usize = 32;
/// Characters of `context.http.path`.
pub const HTTP_PATH_CHARS_MAX: usize = 2_048;
/// Smallest `context.http.status`.
pub const HTTP_STATUS_MIN: i64 = 100;
/// Largest `context.http.status`.
pub const HTTP_STATUS_MAX: i64 = 599;

/// Entries of `changes`.
pub const CHANGES_MAX: usize = 256;
/// Characters of a change's `path`.
pub const CHANGE_PATH_CHARS_MAX: usize = 1_024;

/// Keys of a `metadata` object.
pub const METADATA_KEYS_MAX: usize = 50;
/// Characters of a metadata key; at least one.
pub const METADATA_KEY_CHARS_MAX: usize = 64;
/// Characters of a text in `metadata`.
pub const METADATA_TEXT_CHARS_MAX: usize = 500;

/// How far `occurred_at` may lie ahead of the server, in microseconds: 5 minutes.
pub const OCCURRED_AHEAD_MICROS_MAX: i64 = 5 * 60 * 1_000_000;
