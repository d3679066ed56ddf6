//! What an export is made of, a piece at a time, and who takes it: the client that waits for it, or a file that is kept.
//! Nothing here knows what stands in a piece.

use actarium_core::row::Micros;

use crate::limits;

/// Takes an export while it is made.
pub trait Taker {
    /// Takes what comes next. Whether to go on.
    fn take(&mut self, bytes: Vec<u8>) -> bool;

    /// Is told of an event that the export has something of.
    fn has_of(&mut self, _seq: u64, _recorded_at: Micros) {}

    /// Is told that so many further events were looked at. Whether to go on.
    fn looked_at(&mut self, _events: u64) -> bool {
        true
    }
}

/// The export on its way.
pub struct Pieces<'t> {
    /// What has gathered and was not taken yet.
    pub piece: Vec<u8>,
    /// Events shown so far.
    pub events: u64,
    /// Whether nobody takes anything any more.
    pub gone: bool,
    taker: &'t mut dyn Taker,
}

impl<'t> Pieces<'t> {
    /// An export that is taken by `taker`.
    pub fn new(taker: &'t mut dyn Taker) -> Self {
        Self { piece: Vec::with_capacity(2 * limits::STREAM_PIECE_BYTES), events: 0, gone: false, taker }
    }

    /// Gives on what has gathered. Whether to go on.
    pub fn send(&mut self) -> bool {
        if !self.piece.is_empty() && !self.gone {
            let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(2 * limits::STREAM_PIECE_BYTES));
            self.gone = !self.taker.take(piece);
        }
        !self.gone
    }

    /// Tells of an event that the export has something of.
    pub fn has_of(&mut self, seq: u64, recorded_at: Micros) {
        self.taker.has_of(seq, recorded_at);
    }

    /// Tells that so many further events were looked at. Whether to go on.
    pub fn looked_at(&mut self, events: u64) -> bool {
        self.gone |= !self.taker.looked_at(events);
        !self.gone
    }
}
