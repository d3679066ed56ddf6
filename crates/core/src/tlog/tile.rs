//! Tiles (c2sp.org/tlog-tiles): how a tree is cut into files, and what they are called.

use std::fmt;

/// Hashes of a full tile, entries of a full bundle.
pub const TILE_WIDTH: u64 = 256;
/// Binary levels from one level of tiles to the next.
const TILE_HEIGHT: u32 = 8;
/// Highest level that a path may name.
const LEVEL_MAX: u8 = 63;
/// Most groups of three digits that a `u64` takes.
const GROUPS_MAX: usize = 7;

/// What a tile holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TileKind {
    /// Hashes: those of a level of tiles, of which 0 has the leaves.
    Hashes(u8),
    /// The entries themselves.
    Entries,
}

impl TileKind {
    /// The level that the tile's width follows from.
    fn level(self) -> u8 {
        match self {
            TileKind::Hashes(level) => level,
            TileKind::Entries => 0,
        }
    }
}

/// Which tile, and how much of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TileAddress {
    /// What it holds.
    pub kind: TileKind,
    /// Number within its level.
    pub index: u64,
    /// 1 to [`TILE_WIDTH`].
    pub width: u64,
}

/// A path that names no tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the path of a tile: {0}")]
pub struct TilePathError(&'static str);

impl TileAddress {
    /// Reads `tile/<L>/<N>[.p/<W>]` or `tile/entries/<N>[.p/<W>]`.
    ///
    /// # Errors
    /// What about it is wrong; a number has one spelling.
    pub fn parse(path: &str) -> Result<Self, TilePathError> {
        let mut parts: Vec<&str> = path.split('/').collect();
        if parts.len() < 3 || parts[0] != "tile" {
            return Err(TilePathError("it is not tile/<level or entries>/<number>"));
        }
        let kind = match parts[1] {
            "entries" => TileKind::Entries,
            level => {
                let level = plain_number(level).filter(|level| *level <= u64::from(LEVEL_MAX));
                TileKind::Hashes(level.ok_or(TilePathError("a level is a number from 0 to 63"))? as u8)
            }
        };
        let width = match parts[parts.len() - 2].strip_suffix(".p") {
            None => TILE_WIDTH,
            Some(_) => {
                let width = parts.pop().and_then(plain_number).filter(|width| (1..TILE_WIDTH).contains(width));
                width.ok_or(TilePathError("the width of a partial tile is a number from 1 to 255"))?
            }
        };
        if width < TILE_WIDTH {
            let last = parts.pop().and_then(|last| last.strip_suffix(".p")).unwrap_or_default();
            parts.push(last);
        }
        let index = parse_index(&parts[2..])
            .ok_or(TilePathError("a number is groups of three digits, x before all but the last"))?;
        Ok(Self { kind, index, width })
    }

    /// The first and the end of the entries or subtrees of its level that it holds.
    pub fn range(&self) -> std::ops::Range<u64> {
        let start = self.index.saturating_mul(TILE_WIDTH);
        start..start.saturating_add(self.width)
    }

    /// Whether a tree of this size has as much of the tile.
    pub fn is_within(&self, size: u64) -> bool {
        self.range().end <= size_at(self.kind.level(), size)
    }
}

/// A number from 0 up without leading zeros.
fn plain_number(text: &str) -> Option<u64> {
    super::checkpoint::parse_size(text)
}

fn parse_index(groups: &[&str]) -> Option<u64> {
    if groups.is_empty() || groups.len() > GROUPS_MAX {
        return None;
    }
    let mut index = 0u64;
    for (position, group) in groups.iter().enumerate() {
        let is_last = position + 1 == groups.len();
        let digits = if is_last { group } else { group.strip_prefix('x')? };
        if digits.len() != 3 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        // A group of zeros in front would be a second spelling.
        if position == 0 && !is_last && digits == "000" {
            return None;
        }
        index = index.checked_mul(1_000)?.checked_add(digits.parse().ok()?)?;
    }
    Some(index)
}

impl fmt::Display for TileAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            TileKind::Entries => formatter.write_str("tile/entries/")?,
            TileKind::Hashes(level) => write!(formatter, "tile/{level}/")?,
        }
        let mut groups = vec![self.index % 1_000];
        let mut rest = self.index / 1_000;
        while rest > 0 {
            groups.push(rest % 1_000);
            rest /= 1_000;
        }
        for group in groups[1..].iter().rev() {
            write!(formatter, "x{group:03}/")?;
        }
        write!(formatter, "{:03}", groups[0])?;
        if self.width < TILE_WIDTH {
            write!(formatter, ".p/{}", self.width)?;
        }
        Ok(())
    }
}

/// How many subtrees of a level of tiles a tree of this size has complete.
fn size_at(level: u8, size: u64) -> u64 {
    size.checked_shr(u32::from(level) * TILE_HEIGHT).unwrap_or(0)
}

/// The width of the partial tile of a level in a tree of this size; 0 if there is none.
pub fn partial_width(level: u8, size: u64) -> u64 {
    size_at(level, size) % TILE_WIDTH
}

/// All tiles of hashes of a tree of this size, level by level, the partial one last in each.
pub fn tiles(size: u64) -> impl Iterator<Item = TileAddress> {
    (0..=LEVEL_MAX).take_while(move |level| size_at(*level, size) > 0).flat_map(move |level| {
        let kind = TileKind::Hashes(level);
        let full = size_at(level, size) / TILE_WIDTH;
        let partial = Some(partial_width(level, size)).filter(|width| *width > 0);
        let full_tiles = (0..full).map(move |index| TileAddress { kind, index, width: TILE_WIDTH });
        full_tiles.chain(partial.map(|width| TileAddress { kind, index: full, width }))
    })
}

/// Bytes that are no bundle of entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a bundle of entries: {0}")]
pub struct BundleDamaged(&'static str);

/// A bundle: of each entry its length in two bytes, then the entry.
///
/// # Errors
/// If an entry has more than 65,535 bytes.
pub fn encode_bundle<'a>(entries: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<u8>, BundleDamaged> {
    let mut bundle = Vec::new();
    for entry in entries {
        let length = u16::try_from(entry.len()).map_err(|_| BundleDamaged("an entry is longer than 65,535 bytes"))?;
        bundle.extend_from_slice(&length.to_be_bytes());
        bundle.extend_from_slice(entry);
    }
    Ok(bundle)
}

/// The entries of a bundle.
///
/// # Errors
/// If it is cut within an entry, or holds more than [`TILE_WIDTH`].
pub fn decode_bundle(mut bundle: &[u8]) -> Result<Vec<&[u8]>, BundleDamaged> {
    let mut entries = Vec::new();
    while !bundle.is_empty() {
        let (length, rest) = bundle.split_first_chunk::<2>().ok_or(BundleDamaged("cut within a length"))?;
        let length = usize::from(u16::from_be_bytes(*length));
        let (entry, rest) = rest.split_at_checked(length).ok_or(BundleDamaged("cut within an entry"))?;
        entries.push(entry);
        bundle = rest;
        if entries.len() as u64 > TILE_WIDTH {
            return Err(BundleDamaged("more than 256 entries"));
        }
    }
    Ok(entries)
}
