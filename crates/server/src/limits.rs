//! Every bound of the HTTP side, by name and unit, in one place. It holds no code and reads no configuration.

use std::time::Duration;

use actarium_core::row::Micros;

/// Most bytes of a request's body as it comes over the wire.
pub const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Most bytes of a request's body after decompression; a body that unpacks to more is refused while unpacking.
pub const BODY_DECOMPRESSED_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Most bytes of all bodies that are being read or decoded at one moment; more requests wait, then are refused.
pub const BODIES_IN_FLIGHT_BYTES_MAX: usize = 192 * 1024 * 1024;
/// The same of requests without a credential, which send little: people who sign in.
pub const STRANGERS_BODIES_IN_FLIGHT_BYTES_MAX: usize = 16 * 1024 * 1024;
/// How long a request waits for its share of [`BODIES_IN_FLIGHT_BYTES_MAX`] before it is refused with 503.
pub const BODY_ADMISSION_TIME_MAX: Duration = Duration::from_secs(5);
/// Most bodies larger than [`BODY_INLINE_BYTES_MAX`] that are decoded at one moment.
pub const DECODINGS_AT_ONCE_MAX: usize = 16;
/// How long a body waits to be decoded before its request is refused with 503.
pub const DECODING_WAIT_TIME_MAX: Duration = Duration::from_secs(20);
/// A body up to this size is decoded where it was read; a larger one on a thread of its own.
pub const BODY_INLINE_BYTES_MAX: usize = 16 * 1024;
/// Most bytes of the body of a request of administration (an organization, a key).
pub const ADMINISTRATION_BODY_BYTES_MAX: usize = 128 * 1024;

/// Most headers of a request.
pub const HEADERS_MAX: usize = 64;
/// Most bytes of all headers of a request, names and values.
pub const HEADER_BYTES_MAX: usize = 32 * 1024;
/// Most bytes of a request's path and query.
pub const URI_BYTES_MAX: usize = 16 * 1024;
/// Most query parameters of a request.
pub const PARAMETERS_MAX: usize = 64;
/// How often a repeatable query parameter may stand.
pub const PARAMETER_REPEATS_MAX: usize = 16;
/// Most bytes of one query parameter's value, percent-decoding done.
pub const PARAMETER_BYTES_MAX: usize = 4096;
/// Most characters of an `Idempotency-Key`.
pub const IDEMPOTENCY_KEY_CHARS_MAX: usize = 255;
/// Most characters of an `x-request-id` that is taken over from the client.
pub const REQUEST_ID_CHARS_MAX: usize = 128;

/// How long a client may take to send the head of a request, counted from the answer before it: also how long a
/// connection may be idle.
pub const HEADER_READ_TIME_MAX: Duration = Duration::from_secs(75);
/// How long a client may take to send a body.
pub const BODY_READ_TIME_MAX: Duration = Duration::from_secs(30);
/// How long a request that is no stream may take in all.
pub const REQUEST_TIME_MAX: Duration = Duration::from_secs(60);
/// How long a search, a count or a look-up may run.
pub const QUERY_TIME_MAX: Duration = Duration::from_secs(30);
/// How long an export may run.
pub const EXPORT_TIME_MAX: Duration = Duration::from_secs(6 * 60 * 60);
/// How long requests that were accepted may go on after the order to stop.
pub const SHUTDOWN_TIME_MAX: Duration = Duration::from_secs(20);

/// Most connections at one moment; further ones wait in the operating system's queue.
pub const CONNECTIONS_MAX: usize = 8192;
/// File descriptors that are left for the store when connections have taken theirs.
pub const DESCRIPTORS_FOR_STORE: usize = 512;
/// Most look-ups (pages, single events, tails) that run at one moment; further ones wait for their turn.
pub const LOOKUPS_AT_ONCE_MAX: usize = 32;
/// Most counts (histograms, facets) that run at one moment.
pub const COUNTS_AT_ONCE_MAX: usize = 4;
/// Most exports that run at one moment; a further one is refused with 503.
pub const EXPORTS_AT_ONCE_MAX: usize = 4;
/// Most live tails at one moment; a further one is refused with 503.
pub const TAILS_AT_ONCE_MAX: usize = 1024;

/// Earlier checkpoints that come with an export.
pub const CHECKPOINTS_EXPORTED_MAX: usize = 1000;
/// Events that an export with proofs reads at once.
pub const PROOF_EXPORT_STEP_EVENTS: u64 = 4096;
/// Size in bytes from which an export with proofs begins its next files.
pub const PROOF_EXPORT_FILE_BYTES: usize = 8 * 1024 * 1024;
/// Most events of a request that is answered with a receipt.
pub const RECEIPT_EVENTS_MAX: usize = 1000;

/// Events of a page when the request does not say.
pub const PAGE_EVENTS_DEFAULT: usize = 50;
/// Most events of a page.
pub const PAGE_EVENTS_MAX: usize = actarium_query::PAGE_EVENTS_MAX;
/// Values of a facet when the request does not say.
pub const FACET_VALUES_DEFAULT: usize = 10;
/// Most values of a facet.
pub const FACET_VALUES_MAX: usize = actarium_query::FACET_VALUES_MAX;
/// Seconds that a poll of the tail waits for events when the request does not say.
pub const TAIL_WAIT_SECONDS_DEFAULT: u64 = 0;
/// Events behind the end of the log from which on a tail that begins there is recorded each time.
pub const TAIL_BEHIND_MAX: i64 = 1_000;
/// Most seconds that a poll of the tail waits for events.
pub const TAIL_WAIT_SECONDS_MAX: u64 = 50;

/// Time between two heartbeat comments of a stream of server-sent events.
pub const HEARTBEAT_TIME: Duration = Duration::from_secs(15);
/// How long a client may leave a stream unread before its connection is closed.
pub const STREAM_STALLED_TIME_MAX: Duration = Duration::from_secs(60);
/// Most pieces that lie between the maker of a streamed answer and its connection.
pub const STREAM_PIECES_MAX: usize = 4;
/// Target size in bytes of one piece of a streamed answer.
pub const STREAM_PIECE_BYTES: usize = 128 * 1024;

/// Most characters of an organization's or a key's name.
pub const NAME_CHARS_MAX: usize = 128;
/// Most characters of an organization's slug.
pub const SLUG_CHARS_MAX: usize = 63;
/// Most characters of the environment that a key stamps on its events.
pub const ENVIRONMENT_CHARS_MAX: usize = 128;
/// Most characters of the name of a cluster.
pub const CLUSTER_CHARS_MAX: usize = 256;
/// How often the rest of an adapter's request is tried after records that contradict recorded ones were left out: once is
/// enough, but for what others record meanwhile.
pub const ADAPTER_ROUNDS_MAX: usize = 8;
/// Most characters that are recorded of why the first of some records was refused.
pub const REFUSED_RECORD_CHARS_MAX: usize = 300;
/// Most characters that are shown of the id of a record that was refused.
pub const ID_SHOWN_CHARS_MAX: usize = 128;
/// Entries of a page of users, groups or roles when the request does not say.
pub const LIST_ENTRIES_DEFAULT: usize = 100;
/// Most entries of a page of users, groups or roles.
pub const LIST_ENTRIES_MAX: usize = 1000;
/// Most members of one organization.
pub const MEMBERS_PER_ORGANIZATION_MAX: usize = 100_000;
/// Most groups of one organization, and most roles.
pub const GROUPS_PER_ORGANIZATION_MAX: usize = 10_000;
/// Most projects that one assignment of a role names.
pub const PROJECTS_PER_ASSIGNMENT_MAX: usize = 1000;
/// Most entries of a list in a body of administration.
pub const FORM_LIST_ENTRIES_MAX: usize = 1000;
/// Legal holds of an organization at one time.
pub const LEGAL_HOLDS_MAX: usize = 1000;
/// Characters of one criterion of a legal hold.
pub const HOLD_CRITERION_CHARS_MAX: usize = 1000;
/// Characters of the reason of a legal hold.
pub const GOVERNANCE_REASON_CHARS_MAX: usize = 500;
/// Most ranges of events that one erasure removes something of; the rest is asked for again.
pub const REMOVAL_RANGES_MAX: usize = 100_000;
/// Most names and addresses of a person that are looked for in Actarium's own records and in saved searches.
pub const REMOVAL_NAMES_MAX: usize = 200;
/// Most IP addresses of a person that are looked for in recorded searches.
pub const REMOVAL_IPS_MAX: usize = 1_000;
/// Most recorded searches that an erasure lists because they may name the person; it counts all.
pub const REMOVAL_REVIEW_MAX: usize = 100;
/// How long before a removal is asked for the making, inviting or changing of accounts keeps people from being each other's
/// second person.
pub const REMOVAL_TIES_AGE: Micros = 30 * actarium_core::time::DAY;
/// Most characters of the ranges that one record of an erasure lists; more go on in further records.
pub const REMOVAL_RECORD_RANGES_CHARS_MAX: usize = 16_000;
/// Most events of one redaction.
pub const REDACTION_EVENTS_MAX: usize = 1000;
/// Most JSON Pointers of one redaction.
pub const REDACTION_POINTERS_MAX: usize = 100;
/// Most characters of a JSON Pointer of a redaction.
pub const REDACTION_POINTER_CHARS_MAX: usize = 500;
/// Most erasures and redactions of an organization that wait for approval or are being carried out.
pub const REMOVALS_WAITING_MAX: usize = 100;
/// Erasures and redactions that have ended and are still listed, of an organization; the oldest go first.
pub const REMOVALS_ENDED_MAX: usize = 1000;
/// How long a log may be looked through for what an erasure would remove.
pub const REMOVAL_SCAN_TIME_MAX: Duration = Duration::from_secs(30 * 60);
/// Personal saved searches of one person in one organization.
pub const SAVED_SEARCHES_PER_OWNER_MAX: usize = 100;
/// Saved searches that an organization shares.
pub const SAVED_SEARCHES_SHARED_MAX: usize = 200;
/// Kept exports of one person in one organization.
pub const KEPT_EXPORTS_PER_OWNER_MAX: usize = 20;
/// Kept exports of one organization.
pub const KEPT_EXPORTS_PER_ORGANIZATION_MAX: usize = 200;
/// Most bytes of one kept export.
pub const KEPT_EXPORT_BYTES_MAX: u64 = 8 << 30;
/// Most bytes of all kept exports of one organization.
pub const KEPT_EXPORTS_BYTES_MAX: u64 = 32 << 30;
/// Bytes that a kept export leaves free on its disk: it is to hinder no record.
pub const KEPT_EXPORT_FREE_BYTES_MIN: u64 = 256 << 20;
/// How long a kept export is there once it is made, or has failed.
pub const KEPT_EXPORT_LIFE: Micros = 7 * actarium_core::time::DAY;
/// How often a kept export is begun that the service did not survive; then it has failed.
pub const KEPT_EXPORT_STARTS_MAX: u32 = 5;
/// Most kept exports that are made at one moment, one of each organization; further ones wait.
pub const KEPT_EXPORTS_AT_ONCE_MAX: usize = 2;
/// Most bytes of the projects that the owner of a kept export sees, as they are kept with it.
pub const KEPT_EXPORT_PROJECTS_BYTES_MAX: usize = 128 * 1024;
/// How often it is looked for kept exports that are over.
pub const KEPT_EXPORTS_TIDIED_EVERY: Duration = Duration::from_secs(60);
/// Most downloads of kept exports at one moment; a further one is refused with 503.
pub const DOWNLOADS_AT_ONCE_MAX: usize = 16;
/// Keys that an organization has masked or exempt.
pub const MASKING_KEYS_MAX: usize = 100;
/// Characters of such a key.
pub const MASKING_KEY_CHARS_MAX: usize = 64;
/// Most characters of a description.
pub const DESCRIPTION_CHARS_MAX: usize = 1024;
/// Most characters of an e-mail address (RFC 5321, section 4.5.3.1.3).
pub const EMAIL_CHARS_MAX: usize = 254;
/// Most keys of one organization, revoked ones not counted.
pub const KEYS_PER_ORGANIZATION_MAX: usize = 1000;
/// Most networks that a key may be used from.
pub const NETWORKS_PER_KEY_MAX: usize = 64;

/// Fewest characters of a password. NIST SP 800-63B asks for 8 where there is a second factor and 15 where there is none;
/// with slow hashes, growing delays and a list of breached passwords in front of them, 12 serve both.
pub const PASSWORD_CHARS_MIN: usize = 12;
/// Most characters of a password.
pub const PASSWORD_CHARS_MAX: usize = 256;
/// Most passwords that are hashed at one moment, each on a thread and 19 MiB.
pub const PASSWORD_HASHES_AT_ONCE_MAX: usize = 4;
/// Most requests that wait for a password to be hashed; further ones are refused with 503.
pub const PASSWORD_HASHES_WAITING_MAX: usize = 64;
/// Most requests that wait for the hash of a password that somebody chooses: of one organization, person or address, and in all.
pub const PASSWORDS_CHOSEN_PER_SHARE_MAX: usize = 8;
/// See [`PASSWORDS_CHOSEN_PER_SHARE_MAX`].
pub const PASSWORDS_CHOSEN_MAX: usize = 48;
/// Longest delay between two tries to sign in.
pub const SIGN_IN_DELAY_MAX: Duration = Duration::from_secs(15 * 60);
/// Most counts of tries to sign in, of each kind, and most accounts whose networks are remembered.
pub const SIGN_IN_COUNTS_MAX: usize = 65_536;
/// For how long a browser is known that an account was signed in to with.
pub const DEVICE_TIME_MAX: Duration = Duration::from_secs(90 * 24 * 60 * 60);
/// Networks that an account is known to be used from; the latest are remembered.
pub const KNOWN_NETWORKS_PER_ACCOUNT: usize = 8;
/// Most sessions of one person; a further one ends the one that was not used for longest.
pub const SESSIONS_PER_USER_MAX: usize = 50;
/// Most personal access tokens of one person.
pub const TOKENS_PER_USER_MAX: usize = 100;
/// Most days that a personal access token lasts.
pub const TOKEN_DAYS_MAX: i64 = 365;
/// How long an invitation may be accepted.
pub const INVITATION_TIME_MAX: Duration = Duration::from_secs(72 * 60 * 60);
/// Most invitations of one organization that wait for an answer.
pub const INVITATIONS_PENDING_PER_ORGANIZATION_MAX: usize = 1000;
/// Most invitations of one organization that are over and still listed; the oldest go first.
pub const INVITATIONS_ENDED_PER_ORGANIZATION_MAX: usize = 1000;
/// How long an invitation that is over is listed; what became of it stays in the log.
pub const INVITATION_LISTED_TIME_MAX: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// Most groups that one invitation leads into: its record names them all.
pub const GROUPS_PER_INVITATION_MAX: usize = 15;
/// Time between two mails with an invitation to the same address.
pub const INVITATION_MAILED_TIME_MIN: Duration = Duration::from_secs(60);
/// Most mails that are handed to the mail server at one moment; further ones wait.
pub const MAILS_AT_ONCE_MAX: usize = 4;
/// How long the mail server may take for one step: to be reached, to answer a command.
pub const MAIL_STEP_TIME_MAX: Duration = Duration::from_secs(10);
/// How long handing over a mail may take in all, with the wait for its turn, before it counts as not delivered.
pub const MAIL_TIME_MAX: Duration = Duration::from_secs(20);
/// Most characters of a mail server's answer that are kept.
pub const MAIL_ANSWER_CHARS_MAX: usize = 300;
/// Time between two writes of when a session or a person's token was used last.
pub const LAST_USE_WRITTEN_TIME: Duration = Duration::from_secs(5 * 60);
/// Time between two writes of when a key or a SCIM token was used last.
pub const KEY_USE_WRITTEN_TIME: Duration = Duration::from_secs(60);
/// How often it is looked for sessions and tokens that are over, and for last uses to be written.
pub const CREDENTIALS_TIDIED_EVERY: Duration = Duration::from_secs(60);
/// Most credentials that are written or taken away in one commit.
pub const TIDIED_AT_ONCE_MAX: usize = 1000;
/// How long the secret of a second factor may wait to be confirmed.
pub const ENROLMENT_TIME_MAX: Duration = Duration::from_secs(15 * 60);
/// Most addresses in the headers of proxies that are looked at.
pub const PROXY_HOPS_MAX: usize = 32;

/// Most of Actarium's own records that wait to be written; a read that can't be noted down waits.
pub const OWN_RECORDS_WAITING_MAX: usize = 4096;
/// Most of them that wait for a log that takes none at present; with more, what reads this log is refused and no other.
pub const OWN_RECORDS_HELD_MAX: usize = 256;
/// How long the answer to a read waits for its record, where the organization demands it.
pub const READ_RECORDED_TIME_MAX: Duration = Duration::from_secs(10);
/// Time over which Actarium's own records are gathered into one commit.
pub const OWN_RECORDS_GATHERING_TIME: Duration = Duration::from_millis(20);
/// Time over which refusals and denials of one kind from one sender become one record.
pub const REFUSALS_COALESCED_TIME: Duration = Duration::from_secs(60);
/// Most kinds of refusals of one organization's log that are kept apart within that time; what is beyond is counted together and
/// under nobody's name.
pub const REFUSAL_KINDS_PER_ORGANIZATION_MAX: usize = 256;
/// Most kinds of refusals of one sender that are kept apart within that time in one log; what is beyond names no object.
pub const REFUSAL_KINDS_PER_SENDER_MAX: usize = 128;
/// Most characters of an id in a path that the record of a denial keeps.
pub const DENIED_ID_CHARS_MAX: usize = 128;
/// Up to how many members or assignments that go with a group or role each have a record of their own; of more, a record
/// names several members, or several projects of one assignment.
pub const LOSSES_TOLD_APART_MAX: usize = 1000;
/// Over how many places that a role comes or goes in each has a record of its own; of more, a record names as many as fit.
pub const PLACES_TOLD_APART_MAX: usize = 100;
/// Most bytes of projects, as JSON, that one such record names.
pub const PLACES_TOLD_BYTES_MAX: usize = 20 * 1024;
/// After how long a search or tail that goes on is recorded again.
pub const SEARCH_UNRECORDED_TIME_MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// Time over which counts of a filter belong to the search of the same filter and are not recorded again.
pub const SEARCH_REMEMBERED_TIME: Duration = Duration::from_secs(15 * 60);
/// Most criteria of a search for which it is remembered that their field's values are counted without them.
pub const SEARCH_MENUS_REMEMBERED_MAX: usize = 16;
/// Most searches that are remembered for it.
pub const SEARCHES_REMEMBERED_MAX: usize = 4096;

/// Seconds after which a refused client may try again, unless something better is known.
pub const RETRY_AFTER_SECONDS: u32 = 1;
/// Most violations of a batch that are listed in an answer.
pub const ERRORS_LISTED_MAX: usize = 100;

/// Most administrators of an organization whose names its members are told.
pub const ADMINISTRATORS_NAMED_MAX: usize = 10;

/// Most identity providers of one organization.
pub const PROVIDERS_PER_ORGANIZATION_MAX: usize = 16;
/// Most characters of what this service is called at an identity provider.
pub const CLIENT_ID_CHARS_MAX: usize = 255;
/// Most characters of a client's secret.
pub const CLIENT_SECRET_CHARS_MAX: usize = 512;
/// Most characters of the name of a claim or scope.
pub const CLAIM_NAME_CHARS_MAX: usize = 255;
/// Most bytes of a URL of an identity provider.
pub const PROVIDER_URL_BYTES_MAX: usize = 1024;
/// Most bytes of an answer of an identity provider.
pub const PROVIDER_ANSWER_BYTES_MAX: u64 = 256 * 1024;
/// How long an identity provider may take to answer, from the look-up of its name to the last byte.
pub const PROVIDER_ANSWER_TIME_MAX: Duration = Duration::from_secs(10);
/// Most keys of an identity provider that are looked at.
pub const PROVIDER_KEYS_MAX: usize = 64;
/// Seconds by which an identity provider's clock may differ from ours.
pub const PROVIDER_CLOCK_LEEWAY_SECONDS: i64 = 60;
/// Most bytes of an ID token.
pub const ID_TOKEN_BYTES_MAX: usize = 64 * 1024;
/// Most seconds since an ID token was issued; it is fetched the moment its code is there.
pub const ID_TOKEN_AGE_SECONDS_MAX: i64 = 10 * 60;
/// Most seconds since 1970 of a claim that is a time: the year 9999.
pub const CLAIM_TIME_SECONDS_MAX: i64 = 253_402_300_800;
/// Most bytes of an identity provider's name for a person (OpenID Connect Core 1.0, section 2).
pub const SUBJECT_BYTES_MAX: usize = 255;
/// Most groups of a claim that are looked at.
pub const CLAIMED_GROUPS_MAX: usize = 1000;
/// Most seconds from the way to an identity provider to the way back.
pub const SIGN_IN_ATTEMPT_SECONDS_MAX: i64 = 10 * 60;
/// Most attempts that are remembered so that they can't come back twice.
pub const SIGN_INS_REMEMBERED_MAX: usize = 65_536;
/// Most bytes of the path that a browser is sent to after signing in.
pub const RETURN_PATH_BYTES_MAX: usize = 1024;
/// Most bytes of an e-mail address (RFC 5321, section 4.5.3.1.3).
pub const EMAIL_BYTES_MAX: usize = 254;
/// Most characters of a query parameter of the way to an identity provider and back.
pub const SIGN_IN_PARAMETER_CHARS_MAX: usize = 1024;
/// Most characters of the code that an identity provider sends a browser back with; those of some are long.
pub const SIGN_IN_CODE_CHARS_MAX: usize = 2048;
/// Most questions to identity providers that are open at one moment; a further one is refused.
pub const PROVIDER_QUESTIONS_AT_ONCE_MAX: usize = 64;
/// Most questions to one identity provider that are open at one moment; a further one is refused.
pub const QUESTIONS_PER_PROVIDER_MAX: usize = 8;
/// How long an identity provider's metadata and keys are used without asking again.
pub const PROVIDER_REMEMBERED_TIME: Duration = Duration::from_secs(60 * 60);
/// How long keys of an identity provider are the newest even if a token names another one.
pub const PROVIDER_KEYS_ASKED_AGAIN_TIME: Duration = Duration::from_secs(30);
/// How long an identity provider that did not answer is not asked for its metadata again.
pub const PROVIDER_FAILURE_REMEMBERED_TIME: Duration = Duration::from_secs(5);

/// Most bytes of the body of a request of SCIM.
pub const SCIM_BODY_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Most bytes of a filter or a path of SCIM.
pub const SCIM_FILTER_BYTES_MAX: usize = 4096;
/// Most characters of another query parameter of SCIM.
pub const SCIM_PARAMETER_CHARS_MAX: usize = 256;
/// Most characters of the address of a resource of SCIM.
pub const SCIM_REFERENCE_CHARS_MAX: usize = 2048;
/// How deep parentheses and brackets of a filter of SCIM may nest.
pub const SCIM_FILTER_DEPTH_MAX: usize = 16;
/// Most terms of a filter of SCIM, groups of terms counted too.
pub const SCIM_FILTER_TERMS_MAX: usize = 256;
/// Most operations of one change by SCIM.
pub const SCIM_OPERATIONS_MAX: usize = 1000;
/// Most comparisons of values by the operations of one change by SCIM.
pub const SCIM_PATCH_COMPARISONS_MAX: usize = 5_000_000;
/// How often a change by SCIM is worked out anew because what it changes was changed at the same moment.
pub const SCIM_PATCH_TRIES_MAX: usize = 8;
/// Most members of a group that SCIM reads or writes.
pub const SCIM_GROUP_MEMBERS_MAX: usize = 100_000;
/// Most resources on a page of SCIM, and how many there are when the request does not say.
pub const SCIM_PAGE_RESOURCES_MAX: usize = 200;
/// Most attributes that a request of SCIM may ask for or exclude by name.
pub const SCIM_SELECTED_MAX: usize = 64;
/// Most characters of a name of the client's that an error of SCIM repeats.
pub const SCIM_SHOWN_CHARS_MAX: usize = 64;
/// Most members that one request of SCIM puts into a group or takes out of it, so that the change stays one commit.
pub const SCIM_MEMBERS_CHANGED_MAX: usize = 2000;
/// Most SCIM tokens of one organization.
pub const SCIM_TOKENS_PER_ORGANIZATION_MAX: usize = 100;
/// Most entity tags that are compared for one request.
pub const ENTITY_TAGS_MAX: usize = 32;

/// How long a connection to a witness may take to be made.
pub const WITNESS_CONNECT_TIME_MAX: Duration = Duration::from_secs(3);
/// How long a witness may take to answer.
pub const WITNESS_ANSWER_TIME_MAX: Duration = Duration::from_secs(10);
/// Most bytes of a witness's answer.
pub const WITNESS_ANSWER_BYTES_MAX: u64 = 64 * 1024;
/// Most characters of a witness's words that are shown.
pub const WITNESS_SHOWN_CHARS_MAX: usize = 200;
/// Longest pause before a witness that did not answer is asked again.
pub const WITNESS_RETRY_PAUSE_MAX: Duration = Duration::from_secs(5 * 60);
/// How long a start waits for the witnesses.
pub const WITNESSES_AT_START_TIME_MAX: Duration = Duration::from_secs(5);
/// Most signatures of a witness that become durable together.
pub const COSIGNATURES_KEPT_AT_ONCE: usize = 256;
/// How long a log may take to send a witness its request.
pub const WITNESS_REQUEST_TIME_MAX: Duration = Duration::from_secs(10);
/// Most requests that a witness works on at one moment; a further one is refused.
pub const WITNESS_REQUESTS_AT_ONCE_MAX: usize = 64;
