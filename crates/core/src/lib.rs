//! What an event is and how it is proved: the record and its limits, canonical bytes, salts, the Merkle tree, the action
//! catalog and the search phrase.
//!
//! Pure: no I/O, no clock, no randomness, no threads. What varies is passed in.

pub mod canonical;
pub mod catalog;
pub mod continuation;
pub mod disclosure;
pub mod erasure;
pub mod event;
pub mod filter;
pub mod hash;
pub mod hex;
pub mod id;
pub mod inert;
pub mod json;
pub mod key_tree;
pub mod limits;
pub mod log_records;
pub mod masking;
pub mod render;
pub mod row;
pub mod salt;
pub mod stored;
pub mod tar;
pub mod text;
pub mod time;
pub mod tlog;
pub mod tree;
