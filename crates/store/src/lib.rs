//! Durable storage of organizations' logs: journal, sealer, segments, manifest, recovery; and the memory of a witness.
//!
//! [`Engine`] is the way in. Below it, [`backend::Backend`] is the boundary at which SQLite is one of several stores,
//! [`segment`] is what a sealed run of a log looks like, and [`storage`] where its file lies. Nothing here knows HTTP, JSON requests or permissions.

pub mod backend;
pub mod clock;
pub mod committed;
pub mod engine;
mod folder;
pub mod keys;
pub mod organization;
pub mod segment;
pub mod storage;
pub mod witness;

pub use backend::StoredCosignature;
pub use clock::{Clock, Entropy, SystemClock, SystemEntropy};
pub use engine::append::{
    Append, AppendError, Appended, Change, Conflicting, DirectoryChange, DuplicateScope, FirstSeen, IdempotencyKey,
    NewOrganization, Recorded,
};
pub use engine::checkpoints::Published;
pub use engine::disclosed::{Disclosed, EntryBytes};
pub use engine::erasing::{EraseStep, Erasure};
pub use engine::evidence::{LogHead, ProofError};
pub use engine::generation::Generation;
pub use engine::options::{EngineLimits, EngineOptions, Journal, SealPolicy};
pub use engine::rotation::{PreparedKey, take_prepared_key};
pub use engine::snapshot::{ReadError, Snapshot, TailBatch};
pub use engine::stats::{AheadOfClock, COMMIT_LATENCY_BUCKETS_MICROS, EngineStats, Refused};
pub use engine::tiering::{HOLD_BLOCK_EVENTS, Hold, Share, TierCuts, TierEnds, TierPlan, TierStep};
pub use engine::{Engine, OpenError, SealReport};
pub use folder::create_folder;
pub use keys::SecretPlace;
pub use organization::{Organization, OrganizationId, is_slug};
pub use storage::{Location, Storage, StorageError, StorageStats};
