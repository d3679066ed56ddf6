//! Reading request bodies: content type, admission, size, time, decompression.
//!
//! Nothing is held in memory beyond the named bounds, whatever the headers say: sizes are counted while reading and
//! while unpacking. This file must not interpret what it reads.

use std::io::Read;

use axum::body::Body;
use axum::http::{HeaderMap, header};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::limits;
use crate::problem::{Kind, Problem};

/// What unpacking a compressed body may take of the admission, against its size on the wire.
const UNPACKED_RATIO_ADMITTED: usize = 8;
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
    _admitted: OwnedSemaphorePermit,
}

/// The admission of bodies: [`limits::BODIES_IN_FLIGHT_BYTES_MAX`] in units.
pub fn admission() -> std::sync::Arc<Semaphore> {
    std::sync::Arc::new(Semaphore::new(limits::BODIES_IN_FLIGHT_BYTES_MAX / ADMISSION_UNIT_BYTES))
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
    admission: &std::sync::Arc<Semaphore>,
) -> Result<ReadBody, Problem> {
    read_within(body, headers, bytes_max, admission, limits::BODY_READ_TIME_MAX).await
}

async fn read_within(
    body: Body,
    headers: &HeaderMap,
    bytes_max: usize,
    admission: &std::sync::Arc<Semaphore>,
    time_max: std::time::Duration,
) -> Result<ReadBody, Problem> {
    let encoding = encoding(headers)?;
    let declared = declared_bytes(headers);
    if declared.is_some_and(|bytes| bytes > bytes_max as u64) {
        let expects_go_ahead = headers.contains_key(header::EXPECT);
        if !expects_go_ahead {
            discard(body, 2 * bytes_max).await;
        }
        return Err(too_large(bytes_max));
    }
    let wire_bytes_admitted = declared.map_or(bytes_max, |bytes| bytes as usize);
    let admitted = admit(wire_bytes_admitted, encoding, admission).await?;
    let reading = collect(body, declared.map(|bytes| bytes as usize), bytes_max);
    let bytes = timeout(time_max, reading).await.map_err(|_| {
        let seconds = time_max.as_secs();
        Problem::new(Kind::RequestTimeout, format!("the body did not come within {seconds} s"))
    })??;
    let wire_bytes = bytes.len();
    let bytes = match encoding {
        Encoding::Identity => bytes,
        _ => unpack_aside(bytes, encoding).await?,
    };
    Ok(ReadBody { bytes, wire_bytes, _admitted: admitted })
}

/// Reads and throws away what is left of a body, within bounds: a client that is still writing would otherwise see a
/// broken connection instead of the answer.
pub async fn discard(mut body: Body, bytes_max: usize) {
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

async fn admit(
    wire_bytes: usize,
    encoding: Encoding,
    admission: &std::sync::Arc<Semaphore>,
) -> Result<OwnedSemaphorePermit, Problem> {
    let bytes = match encoding {
        Encoding::Identity => wire_bytes,
        _ => wire_bytes.saturating_mul(UNPACKED_RATIO_ADMITTED).min(limits::BODY_DECOMPRESSED_BYTES_MAX),
    };
    let units = (bytes / ADMISSION_UNIT_BYTES + 1) as u32;
    let waiting = admission.clone().acquire_many_owned(units);
    match timeout(limits::BODY_ADMISSION_TIME_MAX, waiting).await {
        Ok(Ok(admitted)) => Ok(admitted),
        _ => Err(Problem::new(Kind::Overloaded, "too many large requests are being read; try again")),
    }
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

async fn unpack_aside(bytes: Bytes, encoding: Encoding) -> Result<Bytes, Problem> {
    tokio::task::spawn_blocking(move || unpack(&bytes, encoding))
        .await
        .unwrap_or_else(|_| Err(Problem::new(Kind::Internal, "unpacking the body failed")))
}

/// Unpacks a body of one or several members or frames. Takes time: not for async threads.
///
/// # Errors
/// 413 if it unpacks to more than [`limits::BODY_DECOMPRESSED_BYTES_MAX`], 400 if it cannot be unpacked.
pub fn unpack(bytes: &[u8], encoding: Encoding) -> Result<Bytes, Problem> {
    unpack_bounded(bytes, encoding, limits::BODY_DECOMPRESSED_BYTES_MAX)
}

fn unpack_bounded(bytes: &[u8], encoding: Encoding, bytes_max: usize) -> Result<Bytes, Problem> {
    let mut unpacked = Vec::new();
    let limit = bytes_max as u64 + 1;
    let result = match encoding {
        Encoding::Identity => return Ok(Bytes::copy_from_slice(bytes)),
        Encoding::Gzip => flate2::read::MultiGzDecoder::new(bytes).take(limit).read_to_end(&mut unpacked),
        Encoding::Zstd => zstd::stream::read::Decoder::with_buffer(bytes).and_then(|mut decoder| {
            decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
            decoder.take(limit).read_to_end(&mut unpacked)
        }),
    };
    if unpacked.len() > bytes_max {
        return Err(Problem::new(Kind::TooLarge, format!("the body unpacks to more than {bytes_max} bytes")));
    }
    result.map_err(|_| Problem::new(Kind::MalformedBody, "the body cannot be unpacked by its content encoding"))?;
    Ok(Bytes::from(unpacked))
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
            let read = read(Body::from(bytes.clone()), &headers, 1 << 20, &admission()).await.unwrap();
            assert_eq!(read.bytes, text);
            assert_eq!(read.wire_bytes, bytes.len());
        }
    }

    #[test]
    fn a_bomb_is_refused_while_unpacking() {
        let bomb = gzip(&vec![0u8; 1 << 20]);
        assert_eq!(unpack_bounded(&bomb, Encoding::Gzip, 1000).unwrap_err().kind, Kind::TooLarge);
        let bomb = zstd::bulk::compress(&vec![0u8; 1 << 20], 1).unwrap();
        assert_eq!(unpack_bounded(&bomb, Encoding::Zstd, 1000).unwrap_err().kind, Kind::TooLarge);
        assert_eq!(unpack_bounded(b"no gzip", Encoding::Gzip, 1000).unwrap_err().kind, Kind::MalformedBody);
    }

    #[tokio::test]
    async fn a_body_beyond_its_bound_is_refused_whether_declared_or_not() {
        let undeclared = read(Body::from(vec![0; 101]), &headers(&[]), 100, &admission()).await;
        assert_eq!(undeclared.unwrap_err().kind, Kind::TooLarge);
        let declared = read(Body::empty(), &headers(&[("content-length", "101")]), 100, &admission()).await;
        assert_eq!(declared.unwrap_err().kind, Kind::TooLarge);
    }

    #[tokio::test]
    async fn a_body_that_does_not_come_or_breaks_off_is_refused() {
        let moment = std::time::Duration::from_millis(20);
        let stuck = Body::from_stream(tokio_stream::pending::<Result<Bytes, std::io::Error>>());
        let read = read_within(stuck, &headers(&[]), 100, &admission(), moment).await;
        assert_eq!(read.unwrap_err().kind, Kind::RequestTimeout);
        let broken = tokio_stream::iter([Ok(Bytes::from_static(b"{")), Err(std::io::Error::other("gone"))]);
        let read = read_within(Body::from_stream(broken), &headers(&[]), 100, &admission(), moment).await;
        assert_eq!(read.unwrap_err().kind, Kind::MalformedBody);
    }

    #[tokio::test]
    async fn what_was_admitted_is_given_back() {
        let admission = admission();
        let before = admission.available_permits();
        let read = read(Body::from("{}"), &headers(&[("content-length", "2")]), 100, &admission).await.unwrap();
        assert!(admission.available_permits() < before);
        drop(read);
        assert_eq!(admission.available_permits(), before);
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
