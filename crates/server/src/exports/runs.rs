//! The positions of the events that an export has something of, beside its file: runs of positions in the order in which
//! they were written, each as the distance from the end of the run before it and its length. It tells nothing of them.

use std::io::{self, Read, Write};
use std::ops::Range;

/// Most bytes of a number.
const NUMBER_BYTES_MAX: usize = 10;

/// Writes positions as they come.
pub struct RunsWriter<W> {
    out: W,
    run: Range<u64>,
    before: u64,
}

impl<W: Write> RunsWriter<W> {
    /// Nothing so far.
    pub fn new(out: W) -> Self {
        Self { out, run: 0..0, before: 0 }
    }

    /// Adds the next position.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn push(&mut self, seq: u64) -> io::Result<()> {
        if self.run.is_empty() || seq != self.run.end {
            self.put()?;
            self.run = seq..seq;
        }
        self.run.end = seq + 1;
        Ok(())
    }

    fn put(&mut self) -> io::Result<()> {
        if self.run.is_empty() {
            return Ok(());
        }
        let distance = self.run.start as i64 - self.before as i64;
        self.before = self.run.end;
        put_number(&mut self.out, ((distance << 1) ^ (distance >> 63)) as u64)?;
        put_number(&mut self.out, self.run.end - self.run.start)
    }

    /// Writes what is left and gives back where it was written to.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn finish(mut self) -> io::Result<W> {
        self.put()?;
        Ok(self.out)
    }
}

/// Reads the runs until one for which `is_wanted`. Whether there was one.
///
/// # Errors
/// If they cannot be read or are none.
pub fn any_run(input: &mut impl Read, mut is_wanted: impl FnMut(&Range<u64>) -> bool) -> io::Result<bool> {
    let damaged = || io::Error::new(io::ErrorKind::InvalidData, "the positions of an export are damaged");
    let mut before: u64 = 0;
    while let Some(distance) = number(input)? {
        let distance = (distance >> 1) as i64 ^ -((distance & 1) as i64);
        let count = number(input)?.filter(|count| *count > 0).ok_or_else(damaged)?;
        let start = before.checked_add_signed(distance).ok_or_else(damaged)?;
        before = start.checked_add(count).ok_or_else(damaged)?;
        if is_wanted(&(start..before)) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn put_number(out: &mut impl Write, mut number: u64) -> io::Result<()> {
    let (mut bytes, mut length) = ([0; NUMBER_BYTES_MAX], 0);
    loop {
        bytes[length] = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            return out.write_all(&bytes[..=length]);
        }
        bytes[length] |= 0x80;
        length += 1;
    }
}

/// The next number; none at the end.
fn number(input: &mut impl Read) -> io::Result<Option<u64>> {
    let mut number: u64 = 0;
    for place in 0..NUMBER_BYTES_MAX {
        let mut byte = [0];
        match input.read_exact(&mut byte) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof && place == 0 => return Ok(None),
            other => other?,
        }
        number |= u64::from(byte[0] & 0x7f) << (7 * place);
        if byte[0] & 0x80 == 0 {
            return Ok(Some(number));
        }
    }
    Err(io::Error::new(io::ErrorKind::InvalidData, "a number of more than 64 bits"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> io::Result<Vec<Range<u64>>> {
        let mut runs = Vec::new();
        any_run(&mut &*bytes, |run| {
            runs.push(run.clone());
            false
        })?;
        Ok(runs)
    }

    #[test]
    fn positions_come_back_as_runs_in_their_order() {
        let mut writer = RunsWriter::new(Vec::new());
        let far = (1 << 40) - 1;
        for seq in [7, 8, 9, 2, 3, far, 0, 1, 1] {
            writer.push(seq).unwrap();
        }
        let bytes = writer.finish().unwrap();
        assert_eq!(read(&bytes).unwrap(), [7..10, 2..4, far..far + 1, 0..2, 1..2]);
        assert!(any_run(&mut &*bytes, |run| run.contains(&3)).unwrap());
        assert!(!any_run(&mut &*bytes, |run| run.contains(&10)).unwrap());
        assert!(read(&[]).unwrap().is_empty() && read(&RunsWriter::new(Vec::new()).finish().unwrap()).is_ok());
        // A file that was cut is no list of what there is.
        for end in [1, bytes.len() - 1] {
            assert!(read(&bytes[..end]).is_err(), "{end}");
        }
        assert!(read(&[0x80; 11]).is_err());
    }
}
