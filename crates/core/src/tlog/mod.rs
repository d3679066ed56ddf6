//! The public formats of a transparency log, as c2sp.org writes them down: signed notes, checkpoints, cosignatures, tiles,
//! inclusion and consistency proofs, requests to witnesses. Readers that others wrote understand these bytes, so they are exact.
//!
//! Pure: who signs, and where hashes are kept, is passed in. Nothing here knows what an entry means.

mod checkpoint;
mod handover;
mod note;
mod proof;
mod proof_text;
#[cfg(test)]
mod tests;
mod tile;
mod witness;

pub use checkpoint::{Checkpoint, CheckpointError, SignedCheckpoint};
pub use handover::{Handover, HandoverError, KeyHistory};
pub use note::{
    KeyError, KeyKind, NOTE_BYTES_MAX, NOTE_SIGNATURES_MAX, Note, NoteError, SignatureLine, Signed, VerifierKey,
    is_key_name,
};
pub use proof::{
    Node, Nodes, PROOF_HASHES_MAX, ProofRefused, consistency_proof, cover, inclusion_proof, root_at,
    verify_consistency, verify_inclusion,
};
pub use proof_text::{ProofText, ProofTextError, hash_of_base64, hash_to_base64};
pub use tile::{
    BundleDamaged, TILE_WIDTH, TileAddress, TileKind, TilePathError, decode_bundle, encode_bundle, partial_width, tiles,
};
pub use witness::{
    ADD_CHECKPOINT_BYTES_MAX, AddCheckpoint, AddCheckpointError, TREE_SIZE_FORM, WitnessRefusal, keys_of_origin,
};
