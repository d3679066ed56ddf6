//! What power cuts leave of a program's work, made from a trace of it for any moment and with any sync left out. Must not know
//! what the program is.

pub mod moments;
pub mod places;
pub mod state;
pub mod story;
pub mod trace;

pub use moments::Moment;
pub use places::Functions;
pub use state::{Image, Loss, State};
pub use story::{Story, Verdict};
pub use trace::Trace;
