//! Reading request bodies: content type, admission, size, time, decompression.
//!
//! Nothing is held in memory beyond the named bounds, whatever the headers say: sizes are counted while reading and
//! while unpacking, and what a body unpacks to is admitted before it takes its place. This file must not interpret what it
//! reads.

use std::io::Read;
use std::sync::Arc;

use actarium_store::OrganizationId;
use axum::body::Body;
use axum::http::{HeaderMap, header};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use tokio::runtime::Handle;
use tokio::time::timeout;

use crate::limits;
use crate::problem::{Kind, Problem};
use crate::shares::{Share, Shares};

/// What a compressed body is admitted with from the start, against its size on the wire; what unpacks to more has to wait
/// for more.
const UNPACKED_RATIO_ADMITTED: usize = 8;
/// Fewest and most bytes that are unpacked at once, each piece admitted before.
const UNPACKED_PIECE_BYTES_MIN: usize = 64 * 1024;
const UNPACKED_PIECE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Unit of admission in bytes.
const ADMISSION_UNIT_BYTES: usize = 4096;
/// Window of a zstd frame that is still unpacked, as a power of two: 8 MiB, what RFC 9659 asks of every reader.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;
/// How long what is left of a refused body is read and thrown away, so that the client gets to read the refusal.
const DISCARD_TIME_MAX: std::time::Duration = std::time::Duration::from_secs(5);

/// How a body is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Not at all.
    Identity,
    /// gzip (RFC 1952).
    Gzip,
    /// Zstandard (RFC 8878).
    Zstd,
}

/// A body that has been read and unpacked. The share of memory that it was admitted with is given back with it.
#[derive(Debug)]
pub struct ReadBody {
    /// The bytes.
    pub bytes: Bytes,
    /// Bytes that came over the wire.
    pub wire_bytes: usize,
    admitted: Admitted,
}

impl ReadBody {
    /// The bytes unpacked, which may be what they were all along: a file that was packed as it lies. Blocks.
    ///
    /// # Errors
    /// As [`read`].
    pub fn unpack(&mut self, encoding: Encoding) -> Result<(), Problem> {
        self.bytes = unpack(&self.bytes, encoding, limits::BODY_DECOMPRESSED_BYTES_MAX, &mut self.admitted)?;
        self.admitted.share.keep(self.bytes.len() / ADMISSION_UNIT_BYTES + 1);
        Ok(())
    }
}

/// What a body is admitted to: the memory of all, and its organization's part in it.
#[derive(Clone, Debug)]
struct Admission {
    shares: Arc<Shares>,
    organization: Option<OrganizationId>,
}

impl Admission {
    async fn share(&self, bytes: usize) -> Result<Share, Problem> {
        self.units(bytes / ADMISSION_UNIT_BYTES + 1).await
    }

    async fn units(&self, units: usize) -> Result<Share, Problem> {
        let waiting = self.shares.take(self.organization, units);
        timeout(limits::BODY_ADMISSION_TIME_MAX, waiting)
            .await
            .map_err(|_| Problem::new(Kind::Overloaded, "too many large requests are being read; try again"))
    }
}

/// A share of the memory that bodies may take at one moment.
#[derive(Debug)]
struct Admitted {
    share: Share,
    admission: Admission,
    runtime: Handle,
}

impl Admitted {
    fn bytes(&self) -> usize {
        self.share.units() * ADMISSION_UNIT_BYTES
    }

    /// Waits until it is at least so much, and then for `bytes_max` at once: two bodies that each waited for a little more,
    /// again and again, would wait for each other. Blocks.
    fn grow(&mut self, bytes: usize, bytes_max: usize) -> Result<(), Problem> {
        if bytes > self.bytes() {
            let more_bytes = bytes_max.max(bytes) - self.bytes();
            let more = self.runtime.block_on(self.admission.share(more_bytes))?;
            self.share.add(more);
        }
        Ok(())
    }
}

/// The admission of bodies: so many bytes, in units.
pub fn admission(bytes_max: usize) -> Arc<Shares> {
    Arc::new(Shares::new(bytes_max / ADMISSION_UNIT_BYTES))
}

/// Compressed bodies take many times their size, which is promised to nobody unknown.
///
/// # Errors
/// 415 if it is compressed.
pub fn refuse_compressed(headers: &HeaderMap) -> Result<(), Problem> {
    match encoding(headers)? {
        Encoding::Identity => Ok(()),
        _ => Err(Problem::new(Kind::UnsupportedMediaType, "without a credential no content encoding is read")),
    }
}

/// A turn to decode a body: what is made of one takes many times its bytes, for as long as it is decoded.
///
/// # Errors
/// 503 if no turn comes in time.
pub async fn turn(turns: &Shares, organization: OrganizationId) -> Result<Share, Problem> {
    match timeout(limits::DECODING_WAIT_TIME_MAX, turns.take(Some(organization), 1)).await {
        Ok(turn) => Ok(turn),
        Err(_) => Err(Problem::new(Kind::Overloaded, "too many large requests are being decoded; try again")),
    }
}

/// The media type of a `Content-Type`, lower-cased and without parameters; JSON when there is no header.
///
/// # Errors
/// 415 if it is none of `allowed`, or names a character set other than UTF-8.
pub fn media_type(headers: &HeaderMap, allowed: &[&'static str]) -> Result<&'static str, Problem> {
    let refuse = |detail: String| Err(Problem::new(Kind::UnsupportedMediaType, detail));
    let Some(value) = headers.get(header::CONTENT_TYPE) else {
        return Ok(allowed[0]);
    };
    let text = value.to_str().unwrap_or("");
    let mut parts = text.split(';');
    let essence = parts.next().unwrap_or("").trim().to_ascii_lowercase();
    let Some(found) = allowed.iter().find(|media| **media == essence) else {
        let shown: String = essence.chars().take(100).collect();
        return refuse(format!("content type `{shown}`; allowed: {}", allowed.join(", ")));
    };
    for part in parts {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let value = value.trim().trim_matches('"');
        if name.trim().eq_ignore_ascii_case("charset") && !value.eq_ignore_ascii_case("utf-8") {
            return refuse("only the character set UTF-8 is read".into());
        }
    }
    Ok(found)
}

/// How the body is compressed.
///
/// # Errors
/// 415 for anything but none, gzip or zstd.
pub fn encoding(headers: &HeaderMap) -> Result<Encoding, Problem> {
    let mut values = headers.get_all(header::CONTENT_ENCODING).iter();
    let value = values.next().map(|value| value.to_str().unwrap_or("?").trim().to_ascii_lowercase());
    if values.next().is_some() {
        return Err(Problem::new(Kind::UnsupportedMediaType, "only one content encoding is read"));
    }
    match value.as_deref() {
        None | Some("" | "identity") => Ok(Encoding::Identity),
        Some("gzip" | "x-gzip") => Ok(Encoding::Gzip),
        Some("zstd") => Ok(Encoding::Zstd),
        Some(other) => {
            let shown: String = other.chars().take(100).collect();
            Err(Problem::new(Kind::UnsupportedMediaType, format!("content encoding `{shown}`; allowed: gzip, zstd")))
        }
    }
}

/// Reads a body whole and unpacks it.
///
/// # Errors
/// 413 if it is larger than `bytes_max` or unpacks to more than is allowed, 408 if it comes too slowly, 400 if it
/// breaks off or cannot be unpacked, 415 for an unknown encoding, 503 if too much is being read already.
pub async fn read(
    body: Body,
    headers: &HeaderMap,
    bytes_max: usize,
    admission: (&Arc<Shares>, Option<OrganizationId>),
) -> Result<ReadBody, Problem> {
    let admission = Admission { shares: admission.0.clone(), organization: admission.1 };
    read_within(body, headers, bytes_max, admission, limits::BODY_READ_TIME_MAX).await
}

async fn read_within(
    body: Body,
    headers: &HeaderMap,
    bytes_max: usize,
    admission: Admission,
    time_max: std::time::Duration,
) -> Result<ReadBody, Problem> {
    let encoding = encoding(headers)?;
    let declared = declared_bytes(headers);
    if declared.is_some_and(|bytes| bytes > bytes_max as u64) {
        leave_unread(body, headers, 2 * bytes_max).await;
        return Err(too_large(bytes_max));
    }
    let wire_bytes_admitted = declared.map_or(bytes_max, |bytes| bytes as usize);
    let admitted = match admit(wire_bytes_admitted, encoding, admission).await {
        Ok(admitted) => admitted,
        Err(problem) => {
            leave_unread(body, headers, bytes_max).await;
            return Err(problem);
        }
    };
    let reading = collect(body, declared.map(|bytes| bytes as usize), bytes_max);
    let bytes = timeout(time_max, reading).await.map_err(|_| {
        let seconds = time_max.as_secs();
        Problem::new(Kind::RequestTimeout, format!("the body did not come within {seconds} s"))
    })??;
    let wire_bytes = bytes.len();
    let mut read = ReadBody { bytes, wire_bytes, admitted };
    if encoding != Encoding::Identity {
        let unpacking = tokio::task::spawn_blocking(move || read.unpack(encoding).map(|()| read));
        read = unpacking.await.unwrap_or_else(|_| Err(Problem::new(Kind::Internal, "unpacking the body failed")))?;
    }
    Ok(read)
}

/// [`discard`]s a body of which nothing has been read, unless the client waits for a go-ahead and has sent nothing yet.
pub async fn leave_unread(body: Body, headers: &HeaderMap, bytes_max: usize) {
    if !headers.contains_key(header::EXPECT) {
        discard(body, bytes_max).await;
    }
}

/// Reads and throws away what is left of a body, within bounds: a client that is still writing would otherwise see a
/// broken connection instead of the answer.
async fn discard(mut body: Body, bytes_max: usize) {
    let discarding = async {
        let mut read_bytes = 0;
        while let Some(Ok(frame)) = body.frame().await {
            read_bytes += frame.data_ref().map_or(0, Bytes::len);
            if read_bytes > bytes_max {
                break;
            }
        }
    };
    let _ = timeout(DISCARD_TIME_MAX, discarding).await;
}

/// The `Content-Length`, if there is a readable one.
pub fn declared_bytes(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()).and_then(|text| text.parse().ok())
}

fn too_large(bytes_max: usize) -> Problem {
    Problem::new(Kind::TooLarge, format!("the body is larger than {bytes_max} bytes"))
}

async fn admit(wire_bytes: usize, encoding: Encoding, admission: Admission) -> Result<Admitted, Problem> {
    let share = match encoding {
        // Of a size that every connection has anyway. It does not wait behind large ones: a few clients that send their
        // large bodies slowly would otherwise keep everybody of their organization from writing.
        Encoding::Identity if wire_bytes <= limits::BODY_INLINE_BYTES_MAX => admission.units(0).await?,
        Encoding::Identity => admission.share(wire_bytes).await?,
        _ => {
            let unpacked_bytes = wire_bytes.saturating_mul(UNPACKED_RATIO_ADMITTED);
            admission.share(unpacked_bytes.min(limits::BODY_DECOMPRESSED_BYTES_MAX)).await?
        }
    };
    Ok(Admitted { share, admission, runtime: Handle::current() })
}

async fn collect(mut body: Body, bytes_declared: Option<usize>, bytes_max: usize) -> Result<Bytes, Problem> {
    let mut whole = BytesMut::new();
    let mut first: Option<Bytes> = None;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Problem::new(Kind::MalformedBody, "the body broke off"))?;
        let Ok(data) = frame.into_data() else { continue };
        let read_bytes = whole.len() + first.as_ref().map_or(0, Bytes::len) + data.len();
        if read_bytes > bytes_max {
            discard(body, 2 * bytes_max).await;
            return Err(too_large(bytes_max));
        }
        match first.take() {
            // A body that comes in one piece is not copied.
            None if whole.is_empty() => first = Some(data),
            None => whole.extend_from_slice(&data),
            Some(before) => {
                whole.reserve(bytes_declared.unwrap_or(2 * read_bytes).max(read_bytes));
                whole.extend_from_slice(&before);
                whole.extend_from_slice(&data);
            }
        }
    }
    Ok(first.unwrap_or_else(|| whole.freeze()))
}

/// Unpacks a body of one or several members or frames, whose bytes stay admitted besides.
fn unpack(packed: &[u8], encoding: Encoding, bytes_max: usize, admitted: &mut Admitted) -> Result<Bytes, Problem> {
    let broken = |_| Problem::new(Kind::MalformedBody, "the body cannot be unpacked by its content encoding");
    let mut reader: Box<dyn Read + '_> = match encoding {
        Encoding::Identity => return Ok(Bytes::copy_from_slice(packed)),
        Encoding::Gzip => Box::new(flate2::read::MultiGzDecoder::new(packed)),
        Encoding::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(packed).map_err(broken)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG_MAX).map_err(broken)?;
            Box::new(decoder)
        }
    };
    let mut unpacked = Vec::new();
    loop {
        let piece_bytes = unpacked.len().clamp(UNPACKED_PIECE_BYTES_MIN, UNPACKED_PIECE_BYTES_MAX);
        let held_bytes_max = packed.len() + bytes_max + UNPACKED_PIECE_BYTES_MAX;
        admitted.grow(packed.len() + unpacked.len() + piece_bytes, held_bytes_max)?;
        unpacked.reserve_exact(piece_bytes);
        let read_bytes = reader.by_ref().take(piece_bytes as u64).read_to_end(&mut unpacked).map_err(broken)?;
        if unpacked.len() > bytes_max {
            return Err(Problem::new(Kind::TooLarge, format!("the body unpacks to more than {bytes_max} bytes")));
        }
        if read_bytes < piece_bytes {
            return Ok(Bytes::from(unpacked));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    fn all_admission() -> Arc<Shares> {
        admission(limits::BODIES_IN_FLIGHT_BYTES_MAX)
    }

    fn nobodys() -> Admission {
        Admission { shares: all_admission(), organization: None }
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[tokio::test]
    async fn plain_and_compressed_bodies_are_the_same() {
        let text = b"{\"a\":1}".repeat(1000);
        let packed = [
            (text.clone(), headers(&[])),
            (gzip(&text), headers(&[("content-encoding", "gzip")])),
            ([gzip(&text[..10]), gzip(&text[10..])].concat(), headers(&[("content-encoding", "x-gzip")])),
            (zstd::bulk::compress(&text, 1).unwrap(), headers(&[("content-encoding", "zstd")])),
        ];
        for (bytes, headers) in packed {
            let read = read(Body::from(bytes.clone()), &headers, 1 << 20, (&all_admission(), None)).await.unwrap();
            assert_eq!(read.bytes, text);
            assert_eq!(read.wire_bytes, bytes.len());
        }
    }

    async fn unpacked(packed: Vec<u8>, encoding: Encoding, bytes_max: usize) -> Result<Bytes, Problem> {
        let mut admitted = admit(packed.len(), encoding, nobodys()).await.unwrap();
        tokio::task::spawn_blocking(move || unpack(&packed, encoding, bytes_max, &mut admitted)).await.unwrap()
    }

    #[tokio::test]
    async fn a_bomb_is_refused_while_unpacking() {
        let bomb = gzip(&vec![0u8; 1 << 20]);
        assert_eq!(unpacked(bomb, Encoding::Gzip, 1000).await.unwrap_err().kind, Kind::TooLarge);
        let bomb = zstd::bulk::compress(&vec![0u8; 1 << 20], 1).unwrap();
        assert_eq!(unpacked(bomb, Encoding::Zstd, 1000).await.unwrap_err().kind, Kind::TooLarge);
        let broken = unpacked(b"no gzip".to_vec(), Encoding::Gzip, 1000).await;
        assert_eq!(broken.unwrap_err().kind, Kind::MalformedBody);
    }

    #[tokio::test]
    async fn what_a_body_unpacks_to_is_admitted_whatever_it_was_on_the_wire() {
        const BYTES: usize = 32 << 20;
        let bomb = gzip(&vec![b' '; BYTES]);
        assert!(bomb.len() * UNPACKED_RATIO_ADMITTED < BYTES / 4);
        let admission = all_admission();
        let mut held = Vec::new();
        let headers = headers(&[("content-encoding", "gzip"), ("content-length", &bomb.len().to_string())]);
        let refused = loop {
            match read(Body::from(bomb.clone()), &headers, 16 << 20, (&admission, None)).await {
                Ok(body) => held.push(body),
                Err(problem) => break problem,
            }
        };
        assert_eq!(refused.kind, Kind::Overloaded);
        assert!(held.iter().map(|body| body.bytes.len()).sum::<usize>() <= limits::BODIES_IN_FLIGHT_BYTES_MAX);
        assert!(held.len() >= 3, "{}", held.len());
        held.clear();
        assert_eq!(admission.free(), limits::BODIES_IN_FLIGHT_BYTES_MAX / ADMISSION_UNIT_BYTES);
    }

    #[tokio::test]
    async fn a_body_beyond_its_bound_is_refused_whether_declared_or_not() {
        let undeclared = read(Body::from(vec![0; 101]), &headers(&[]), 100, (&all_admission(), None)).await;
        assert_eq!(undeclared.unwrap_err().kind, Kind::TooLarge);
        let declared = read(Body::empty(), &headers(&[("content-length", "101")]), 100, (&all_admission(), None)).await;
        assert_eq!(declared.unwrap_err().kind, Kind::TooLarge);
    }

    #[tokio::test]
    async fn a_body_that_does_not_come_or_breaks_off_is_refused() {
        let moment = std::time::Duration::from_millis(20);
        let stuck = Body::from_stream(tokio_stream::pending::<Result<Bytes, std::io::Error>>());
        let read = read_within(stuck, &headers(&[]), 100, nobodys(), moment).await;
        assert_eq!(read.unwrap_err().kind, Kind::RequestTimeout);
        let broken = tokio_stream::iter([Ok(Bytes::from_static(b"{")), Err(std::io::Error::other("gone"))]);
        let read = read_within(Body::from_stream(broken), &headers(&[]), 100, nobodys(), moment).await;
        assert_eq!(read.unwrap_err().kind, Kind::MalformedBody);
    }

    #[tokio::test]
    async fn what_was_admitted_is_given_back() {
        let admission = all_admission();
        let before = admission.free();
        let body = vec![b' '; 20_000];
        let headers = headers(&[("content-length", "20000")]);
        let read = read(Body::from(body), &headers, 20_000, (&admission, None)).await.unwrap();
        assert!(admission.free() < before);
        drop(read);
        assert_eq!(admission.free(), before);
    }

    #[tokio::test]
    async fn a_small_body_does_not_wait_behind_large_ones() {
        let admission = all_admission();
        let organization = Some(OrganizationId([1; 16]));
        let _all = admission.take(organization, limits::BODIES_IN_FLIGHT_BYTES_MAX / ADMISSION_UNIT_BYTES).await;
        let waiting = admission.take(organization, 1);
        tokio::pin!(waiting);
        assert!(timeout(std::time::Duration::from_millis(1), waiting.as_mut()).await.is_err());
        let small = headers(&[("content-length", "2")]);
        let reading = read(Body::from("{}"), &small, 100, (&admission, organization));
        let read = timeout(limits::BODY_ADMISSION_TIME_MAX / 10, reading).await.expect("it waits").unwrap();
        assert_eq!(read.bytes, "{}");
    }

    #[test]
    fn content_types_and_encodings_are_read_strictly() {
        let allowed = ["application/json", "application/x-ndjson"];
        let media = |value: &str| media_type(&headers(&[("content-type", value)]), &allowed);
        assert_eq!(media("Application/JSON; charset=\"UTF-8\"").unwrap(), "application/json");
        assert_eq!(media("application/x-ndjson").unwrap(), "application/x-ndjson");
        assert!(media("application/json; charset=latin1").is_err());
        assert!(media("text/plain").is_err());
        assert_eq!(media_type(&headers(&[]), &allowed).unwrap(), "application/json");
        assert!(encoding(&headers(&[("content-encoding", "br")])).is_err());
        assert!(encoding(&headers(&[("content-encoding", "gzip"), ("content-encoding", "gzip")])).is_err());
    }
}
