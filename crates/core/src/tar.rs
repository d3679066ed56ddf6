//! Headers of tar archives (POSIX ustar), as far as exports need them: plain files with short names. No I/O.

/// Bytes of a header, and of what files are padded to.
pub const TAR_BLOCK: usize = 512;
/// Longest name of a file in bytes.
pub const TAR_NAME_BYTES_MAX: usize = 100;
/// Largest file: eleven octal digits.
const SIZE_MAX: u64 = 0o77_777_777_777;

/// Bytes that are no header of a plain file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an archive of plain files: {0}")]
pub struct TarDamaged(&'static str);

/// The header of a file that everybody may read.
///
/// # Errors
/// If name or size are too long.
pub fn tar_header(name: &str, size: u64) -> Result<[u8; TAR_BLOCK], TarDamaged> {
    if name.is_empty() || name.len() > TAR_NAME_BYTES_MAX || size > SIZE_MAX {
        return Err(TarDamaged("a name has 1 to 100 bytes, a file less than 8 GiB"));
    }
    let mut header = [0; TAR_BLOCK];
    let mut put = |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, name);
    put(100, "0000644\0");
    put(108, "0000000\0");
    put(116, "0000000\0");
    put(124, &format!("{size:011o}\0"));
    put(136, "00000000000\0");
    put(148, "        ");
    put(156, "0");
    put(257, "ustar\0");
    put(263, "00");
    let sum = sum(&header);
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    Ok(header)
}

fn sum(header: &[u8; TAR_BLOCK]) -> u32 {
    header.iter().enumerate().map(|(at, byte)| if (148..156).contains(&at) { 32 } else { u32::from(*byte) }).sum()
}

/// Bytes that follow a file of this size up to the next header.
pub fn tar_padding(size: u64) -> usize {
    (size.next_multiple_of(TAR_BLOCK as u64) - size) as usize
}

/// Name and size of the file that a header is of; `None` for the end of the archive.
///
/// # Errors
/// If it is something else than a plain file, or was changed.
pub fn read_tar_header(header: &[u8; TAR_BLOCK]) -> Result<Option<(String, u64)>, TarDamaged> {
    if header.iter().all(|byte| *byte == 0) {
        return Ok(None);
    }
    let octal = |field: &[u8]| {
        let text = field.split(|byte| matches!(byte, 0 | b' ')).find(|text| !text.is_empty())?;
        u64::from_str_radix(std::str::from_utf8(text).ok()?, 8).ok()
    };
    if octal(&header[148..156]) != Some(u64::from(sum(header))) {
        return Err(TarDamaged("the checksum of a header does not fit"));
    }
    if !matches!(header[156], 0 | b'0') {
        return Err(TarDamaged("it holds something else than a plain file"));
    }
    let end = header[..TAR_NAME_BYTES_MAX].iter().position(|byte| *byte == 0).unwrap_or(TAR_NAME_BYTES_MAX);
    let name = std::str::from_utf8(&header[..end]).map_err(|_| TarDamaged("a name is not UTF-8"))?;
    let size = octal(&header[124..136]).ok_or(TarDamaged("a size is not octal"))?;
    Ok(Some((name.to_owned(), size)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_read_back_and_changed_ones_do_not() {
        let header = tar_header("evidence-000001.ndjson", 4_711).unwrap();
        assert_eq!(read_tar_header(&header), Ok(Some(("evidence-000001.ndjson".to_owned(), 4_711))));
        assert_eq!(read_tar_header(&[0; TAR_BLOCK]), Ok(None));
        for at in (0..TAR_BLOCK).filter(|at| !(154..156).contains(at)) {
            let mut bad = header;
            bad[at] ^= 4;
            assert!(read_tar_header(&bad) != read_tar_header(&header), "byte {at}");
        }
        assert_eq!((tar_padding(0), tar_padding(1), tar_padding(512)), (0, 511, 0));
        assert!(tar_header(&"x".repeat(101), 1).is_err() && tar_header("x", 1 << 33).is_err());
    }
}
