//! Files in a bucket, by the S3 API. Credentials, region and endpoint come from the environment, by the names that every
//! S3 client knows. Every call blocks; requests are repeated a few times before one fails.

use std::future::Future;
use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey, Checksum};
use object_store::path::Path as Key;
use object_store::{
    BackoffConfig, GetOptions, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload, RetryConfig,
};
use parking_lot::Mutex;
use tokio_stream::StreamExt;

use super::http::{Connector, Locking, Signing, read_roots};
use super::{Failure, NotReached, Put, StorageError, StorageStats};

/// Bytes that are read at once at least, and kept a while: what lies beside what is asked for is mostly asked for next.
const BLOCK_BYTES: u64 = 256 << 10;
/// Bytes of such blocks that are kept.
const BLOCKS_BYTES_MAX: u64 = 32 << 20;
/// Times that a request is repeated.
const RETRIES_MAX: usize = 3;
/// Time after which a request is not repeated any more.
const RETRY_TIME_MAX: Duration = Duration::from_secs(15);
/// The pauses between, which double.
const BACKOFF: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(5);
/// Requests under way at once.
const THREADS_MAX: usize = 16;

/// What says where credentials come from; without any of them there are none.
const CREDENTIALS: [&str; 6] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_METADATA_ENDPOINT",
    "AWS_SKIP_SIGNATURE",
];

/// The lock that an object is under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectLock {
    /// `COMPLIANCE` or `GOVERNANCE`.
    pub mode: String,
    /// Until when, in RFC 3339.
    pub until: String,
}

#[derive(Clone)]
struct BlockBytes;

impl quick_cache::Weighter<(u64, u64), Bytes> for BlockBytes {
    fn weight(&self, _: &(u64, u64), block: &Bytes) -> u64 {
        block.len() as u64 + 64
    }
}

/// A bucket and a prefix.
pub(super) struct Bucket {
    name: String,
    prefix: String,
    store: AmazonS3,
    runtime: Option<tokio::runtime::Runtime>,
    blocks: quick_cache::sync::Cache<(u64, u64), Bytes, BlockBytes>,
    next_file: AtomicU64,
    requests: AtomicU64,
    failures: AtomicU64,
    read_bytes: AtomicU64,
    last_failure: Mutex<Option<String>>,
    has_warned_of_versions: AtomicBool,
}

impl std::fmt::Debug for Bucket {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Bucket").field("place", &self.shown("")).finish_non_exhaustive()
    }
}

impl Bucket {
    pub fn open(name: &str, prefix: &str) -> Result<Self, StorageError> {
        let place = super::Location::Bucket { name: name.to_owned(), prefix: prefix.to_owned() }.to_string();
        let refused = |detail: String| StorageError { place: place.clone(), detail, failure: Failure::Refused };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .max_blocking_threads(THREADS_MAX)
            .thread_name("bucket")
            .enable_time()
            .build()
            .map_err(|error| refused(error.to_string()))?;
        let bucket = Self {
            name: name.to_owned(),
            prefix: prefix.to_owned(),
            store: store(name).map_err(refused)?,
            runtime: Some(runtime),
            blocks: quick_cache::sync::Cache::with_weighter(
                (BLOCKS_BYTES_MAX / BLOCK_BYTES) as usize,
                BLOCKS_BYTES_MAX,
                BlockBytes,
            ),
            next_file: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            read_bytes: AtomicU64::new(0),
            last_failure: Mutex::default(),
            has_warned_of_versions: AtomicBool::new(false),
        };
        match bucket.probe() {
            Err(error) if error.failure == Failure::Passing => {
                tracing::warn!(%error, "a place for files cannot be reached; it is tried again when it is needed");
            }
            other => other?,
        }
        Ok(bucket)
    }

    /// Looks for anything at all, to learn now what is set up wrongly.
    fn probe(&self) -> Result<(), StorageError> {
        let (store, prefix) = (self.store.clone(), self.key_of(""));
        self.ask("", async move {
            let mut found = store.list((!prefix.as_ref().is_empty()).then_some(&prefix));
            found.next().await.transpose().map(|_| ())
        })
    }

    fn shown(&self, name: &str) -> String {
        let parts = [self.name.as_str(), &self.prefix, name];
        format!("s3://{}", parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/"))
    }

    fn key_of(&self, name: &str) -> Key {
        Key::from(format!("{}/{name}", self.prefix))
    }

    pub fn stats(&self) -> StorageStats {
        StorageStats {
            requests: self.requests.load(Relaxed),
            failures: self.failures.load(Relaxed),
            read_bytes: self.read_bytes.load(Relaxed),
            last_failure: self.last_failure.lock().clone(),
        }
    }

    /// Waits for a request, which other threads carry on; so a caller may be inside an async task or not.
    fn ask<T: Send + 'static>(
        &self,
        name: &str,
        request: impl Future<Output = object_store::Result<T>> + Send + 'static,
    ) -> Result<T, StorageError> {
        self.requests.fetch_add(1, Relaxed);
        let (sender, receiver) = std::sync::mpsc::sync_channel(1);
        self.runtime.as_ref().expect("there until dropped").spawn(async move {
            // Whoever asked may be gone.
            let _ = sender.send(request.await);
        });
        let answer = match receiver.recv() {
            Ok(answer) => answer,
            Err(_) => Err(object_store::Error::Generic { store: "S3", source: "the request came to a bad end".into() }),
        };
        match answer {
            Ok(value) => {
                *self.last_failure.lock() = None;
                Ok(value)
            }
            Err(object_store::Error::AlreadyExists { path, source }) => {
                Err(StorageError { place: path, detail: source.to_string(), failure: Failure::Refused })
            }
            Err(error) => {
                let (failure, detail) = explain(&self.name, &error.to_string());
                if failure != Failure::Missing {
                    self.failures.fetch_add(1, Relaxed);
                    *self.last_failure.lock() = Some(detail.clone());
                }
                Err(StorageError { place: self.shown(name), detail, failure })
            }
        }
    }

    pub fn put(&self, name: &str, bytes: Vec<u8>) -> Result<(), StorageError> {
        let (store, key) = (self.store.clone(), self.key_of(name));
        let put = self.ask(name, async move { store.put(&key, PutPayload::from(bytes)).await })?;
        let is_versioned = put.version.is_some_and(|version| version != "null");
        if is_versioned && !self.has_warned_of_versions.swap(true, Relaxed) {
            tracing::warn!(
                place = self.shown(""),
                "the bucket keeps old versions: what is purged or erased stays in them until a lifecycle rule removes \
                 noncurrent versions (docs/RETENTION.md)"
            );
        }
        Ok(())
    }

    pub fn put_new(&self, name: &str, bytes: Vec<u8>, locked_until: Option<&str>) -> Result<Put, StorageError> {
        let (store, key) = (self.store.clone(), self.key_of(name));
        let mut options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        options.extensions.insert(Locking(locked_until.map(str::to_owned)));
        self.ask(name, async move {
            match store.put_opts(&key, PutPayload::from(bytes), options).await {
                Ok(_) => Ok(Put::Done),
                Err(object_store::Error::AlreadyExists { .. }) => Ok(Put::WasThere),
                Err(error) => Err(error),
            }
        })
    }

    pub fn lock_of(&self, name: &str) -> Result<Option<ObjectLock>, StorageError> {
        let (store, key) = (self.store.clone(), self.key_of(name));
        let options = GetOptions { head: true, ..GetOptions::default() };
        let found = self.ask(name, async move { store.get_opts(&key, options).await })?;
        Ok(found.extensions.get::<ObjectLock>().cloned())
    }

    pub fn read(&self, name: &str) -> Result<Vec<u8>, StorageError> {
        let (store, key) = (self.store.clone(), self.key_of(name));
        let bytes = self.ask(name, async move { store.get(&key).await?.bytes().await })?;
        self.read_bytes.fetch_add(bytes.len() as u64, Relaxed);
        Ok(bytes.to_vec())
    }

    fn read_range(&self, name: &str, range: Range<u64>) -> Result<Bytes, StorageError> {
        let (store, key) = (self.store.clone(), self.key_of(name));
        let bytes = self.ask(name, async move { store.get_range(&key, range).await })?;
        self.read_bytes.fetch_add(bytes.len() as u64, Relaxed);
        Ok(bytes)
    }

    fn size(&self, name: &str) -> Result<u64, StorageError> {
        let (store, key) = (self.store.clone(), self.key_of(name));
        self.ask(name, async move { store.head(&key).await }).map(|found| found.size)
    }

    pub fn remove(&self, name: &str) -> Result<(), StorageError> {
        let (store, key) = (self.store.clone(), self.key_of(name));
        match self.ask(name, async move { store.delete(&key).await }) {
            Err(error) if error.failure == Failure::Missing => Ok(()),
            other => other,
        }
    }

    pub fn list(&self, folder: &str) -> Result<Vec<String>, StorageError> {
        let (store, below) = (self.store.clone(), self.key_of(folder));
        let keys: Vec<String> = self.ask(folder, async move {
            let found = store.list((!below.as_ref().is_empty()).then_some(&below));
            found.map(|object| object.map(|object| object.location.to_string())).collect::<Result<_, _>>().await
        })?;
        let begin = if self.prefix.is_empty() { String::new() } else { format!("{}/", self.key_of("")) };
        Ok(keys.iter().filter_map(|key| key.strip_prefix(&begin)).map(str::to_owned).collect())
    }
}

impl Drop for Bucket {
    fn drop(&mut self) {
        // Dropping a runtime waits for its threads, which panics where the engine is dropped in an async task.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// The store, as the environment says.
fn store(name: &str) -> Result<AmazonS3, String> {
    let set = |variable: &str| std::env::var(variable).ok().filter(|value| !value.is_empty());
    if !CREDENTIALS.iter().any(|variable| set(variable).is_some()) {
        return Err(format!(
            "there are no credentials in the environment: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or one of {}",
            CREDENTIALS[1..].join(", ")
        ));
    }
    let roots = match set("AWS_CA_BUNDLE") {
        Some(path) => Some(read_roots(path.as_ref()).map_err(|error| format!("AWS_CA_BUNDLE: {path}: {error}"))?),
        None => None,
    };
    let signing = Arc::new(OnceLock::new());
    let mut builder = AmazonS3Builder::from_env()
        .with_bucket_name(name)
        .with_disable_bulk_delete(true)
        .with_retry(RetryConfig {
            backoff: BackoffConfig { init_backoff: BACKOFF, max_backoff: BACKOFF_MAX, base: 2.0 },
            max_retries: RETRIES_MAX,
            retry_timeout: RETRY_TIME_MAX,
        })
        .with_http_connector(Connector { roots, signing: signing.clone() });
    if builder.get_config_value(&AmazonS3ConfigKey::Checksum).is_none() {
        // A bucket that locks what it is given takes nothing without a checksum.
        builder = builder.with_checksum_algorithm(Checksum::SHA256);
    }
    let region = builder.get_config_value(&AmazonS3ConfigKey::Region).unwrap_or_else(|| "us-east-1".to_owned());
    let store = builder.build().map_err(|error| error.to_string())?;
    let _ = signing.set(Signing { credentials: store.credentials().clone(), region });
    Ok(store)
}

/// What is wrong, in words for who set it up, from what the client says.
fn explain(bucket: &str, told: &str) -> (Failure, String) {
    let between = |open: &str, close: &str| {
        let rest = &told[told.find(open)? + open.len()..];
        Some(&rest[..rest.find(close)?])
    };
    let code = between("<Code>", "</Code>").unwrap_or_default();
    let status = between("status code: ", " ").unwrap_or_default();
    let refused = |detail: String| (Failure::Refused, detail);
    match code {
        "NoSuchBucket" => return refused(format!("there is no bucket {bucket}; make it, or name another")),
        "InvalidAccessKeyId" | "SignatureDoesNotMatch" | "ExpiredToken" | "InvalidToken" => {
            return refused(format!(
                "the credentials are refused ({code}): see AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            ));
        }
        "PermanentRedirect" | "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException" => {
            return refused(format!("the bucket is in another region ({code}): set AWS_REGION"));
        }
        "NoSuchKey" => return (Failure::Missing, "there is no such object".to_owned()),
        _ => {}
    }
    if told.contains("redirect without LOCATION") || status == "301" {
        return refused("the bucket is in another region: set AWS_REGION".to_owned());
    }
    if told.contains("AWS_ALLOW_HTTP") {
        return refused(
            "its endpoint is http, without encryption; set AWS_ALLOW_HTTP=true if that is meant".to_owned(),
        );
    }
    let message = between("<Message>", "</Message>").unwrap_or_default();
    match status {
        "401" | "403" => refused(format!(
            "access is denied{}: s3:ListBucket, s3:GetObject, s3:PutObject and s3:DeleteObject are needed (not the last for \
             copies of checkpoints)",
            if message.is_empty() { String::new() } else { format!(" ({code}: {message})") }
        )),
        "404" => (Failure::Missing, "there is no such object".to_owned()),
        "400" if !code.is_empty() => refused(format!("{code}: {message}")),
        _ if !code.is_empty() => (Failure::Passing, format!("{code}: {message}")),
        _ => (Failure::Passing, format!("cannot be reached: {told}")),
    }
}

/// A file in a bucket, of which pieces are read.
#[derive(Debug)]
pub(super) struct BucketFile {
    bucket: Arc<Bucket>,
    name: String,
    /// By which its blocks are known.
    number: u64,
    /// Why it could not be read the last time.
    not_reached: Mutex<Option<String>>,
}

impl BucketFile {
    pub fn new(bucket: Arc<Bucket>, name: &str) -> Self {
        let number = bucket.next_file.fetch_add(1, Relaxed);
        Self { bucket, name: name.to_owned(), number, not_reached: Mutex::default() }
    }

    pub fn shown(&self) -> String {
        self.bucket.shown(&self.name)
    }

    pub fn not_reached(&self) -> Option<String> {
        self.not_reached.lock().clone()
    }

    pub fn size(&self) -> io::Result<u64> {
        self.noted(self.bucket.size(&self.name))
    }

    /// Reads a part of a file of so many bytes.
    pub fn read(&self, start: u64, length: usize, file_bytes: u64) -> io::Result<Bytes> {
        let end = start + length as u64;
        if length == 0 {
            return Ok(Bytes::new());
        }
        let blocks = start / BLOCK_BYTES..end.div_ceil(BLOCK_BYTES);
        let mut found: Vec<Option<Bytes>> = blocks.clone().map(|n| self.bucket.blocks.get(&(self.number, n))).collect();
        let first = found.iter().position(Option::is_none);
        let last = found.iter().rposition(Option::is_none);
        if let (Some(first), Some(last)) = (first, last) {
            let from = (blocks.start + first as u64) * BLOCK_BYTES;
            let to = ((blocks.start + last as u64 + 1) * BLOCK_BYTES).min(file_bytes);
            let read = self.noted(self.bucket.read_range(&self.name, from..to))?;
            if read.len() as u64 != to - from {
                let told = format!("{} bytes came of the {} from {from} on", read.len(), to - from);
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, told));
            }
            for (index, block) in found[first..=last].iter_mut().enumerate() {
                let at = index * BLOCK_BYTES as usize;
                let bytes = read.slice(at..read.len().min(at + BLOCK_BYTES as usize));
                // A copy: a block that is kept must not keep all that was read with it.
                let kept = Bytes::copy_from_slice(&bytes);
                self.bucket.blocks.insert((self.number, blocks.start + (first + index) as u64), kept);
                *block = Some(bytes);
            }
        }
        let mut whole = BytesMut::with_capacity(found.len() * BLOCK_BYTES as usize);
        found.iter().flatten().for_each(|block| whole.extend_from_slice(block));
        let offset = (start - blocks.start * BLOCK_BYTES) as usize;
        Ok(whole.freeze().slice(offset..offset + length))
    }

    /// Keeps in mind whether the place was reached.
    fn noted<T>(&self, result: Result<T, StorageError>) -> io::Result<T> {
        let passing = |error: &StorageError| matches!(error.failure, Failure::Passing | Failure::Refused);
        *self.not_reached.lock() =
            result.as_ref().err().filter(|error| passing(error)).map(|error| error.detail.clone());
        result.map_err(|error| match error.failure {
            Failure::Missing => io::Error::new(io::ErrorKind::NotFound, error),
            Failure::Passing | Failure::Refused => io::Error::other(NotReached(error.detail)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_said_in_words() {
        let status = |status: &str, code: &str| {
            format!(
                "Error performing GET http://x - Server returned non-2xx status code: {status}: <Error><Code>{code}</Code><Message>m</Message></Error>"
            )
        };
        let cases = [
            (status("404 Not Found", "NoSuchBucket"), Failure::Refused, "no bucket audit"),
            (status("404 Not Found", "NoSuchKey"), Failure::Missing, "no such object"),
            (status("403 Forbidden", "AccessDenied"), Failure::Refused, "access is denied (AccessDenied: m)"),
            (status("403 Forbidden", "SignatureDoesNotMatch"), Failure::Refused, "credentials are refused"),
            (status("301 Moved Permanently", "PermanentRedirect"), Failure::Refused, "set AWS_REGION"),
            (status("400 Bad Request", "InvalidRequest"), Failure::Refused, "InvalidRequest: m"),
            (status("503 Service Unavailable", "SlowDown"), Failure::Passing, "SlowDown: m"),
            ("Received redirect without LOCATION".to_owned(), Failure::Refused, "set AWS_REGION"),
            ("HTTP error: connection refused".to_owned(), Failure::Passing, "cannot be reached"),
        ];
        for (told, failure, expected) in cases {
            let (kind, detail) = explain("audit", &told);
            assert_eq!(kind, failure, "{told}");
            assert!(detail.contains(expected), "{detail}");
        }
    }
}
