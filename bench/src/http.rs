//! A client of HTTP/1.1 over one kept-alive connection that costs the machine next to nothing, because it shares the
//! machine with the server it measures. It trusts the server to be well-behaved, and is no client for anything else.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// Nothing that is measured here takes longer.
const ANSWER_SECONDS_MAX: u64 = 120;

/// Where the server is and who asks.
#[derive(clap::Args, Clone)]
pub struct Target {
    /// The server, as in `http://127.0.0.1:8470`.
    #[arg(long, env = "ACTARIUM_URL")]
    pub url: String,
    /// The bearer token.
    #[arg(long, env = "ACTARIUM_TOKEN", hide_env_values = true)]
    pub token: String,
}

impl Target {
    /// Host and port.
    pub fn address(&self) -> &str {
        self.url.trim_end_matches('/').strip_prefix("http://").unwrap_or(&self.url)
    }

    /// The bytes of a request without a body.
    pub fn get(&self, path: &str) -> Vec<u8> {
        format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nAccept: */*\r\n\r\n",
            self.address(),
            self.token
        )
        .into_bytes()
    }

    /// The bytes of a request that sends `body`, head and body together.
    pub fn post(&self, path: &str, content_type: &str, body: &[u8]) -> Vec<u8> {
        let mut request = Vec::with_capacity(body.len() + 512);
        // Writing to memory does not fail.
        let _ = write!(
            request,
            "POST {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\r\n",
            self.address(),
            self.token,
            body.len()
        );
        request.extend_from_slice(body);
        request
    }

    /// Opens a connection.
    ///
    /// # Errors
    /// If nobody listens.
    pub fn connect(&self) -> Result<Connection> {
        let stream = TcpStream::connect(self.address()).with_context(|| format!("connecting to {}", self.url))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(ANSWER_SECONDS_MAX)))?;
        Ok(Connection { reader: BufReader::with_capacity(64 << 10, stream), body: Vec::new(), line: Vec::new() })
    }
}

/// One connection; its buffers are used again for every answer.
pub struct Connection {
    reader: BufReader<TcpStream>,
    body: Vec<u8>,
    line: Vec<u8>,
}

/// An answer; the body lives until the next request.
pub struct Answer<'a> {
    /// The status code.
    pub status: u16,
    /// The body.
    pub body: &'a [u8],
}

impl Connection {
    /// Sends the bytes of a request and reads the whole answer.
    ///
    /// # Errors
    /// If the connection breaks or the answer is not HTTP/1.1.
    pub fn send(&mut self, request: &[u8]) -> Result<Answer<'_>> {
        self.reader.get_mut().write_all(request).context("sending the request")?;
        let status = self.read_line()?.split(' ').nth(1).and_then(|code| code.parse::<u16>().ok());
        let status = status.context("the answer does not begin like HTTP")?;
        let (mut length, mut chunked) = (0, false);
        loop {
            let line = self.read_line()?.to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().context("content-length")?;
            }
            chunked |= line.starts_with("transfer-encoding:") && line.contains("chunked");
        }
        self.body.clear();
        if chunked {
            self.read_chunks()?;
        } else {
            self.body.resize(length, 0);
            self.reader.read_exact(&mut self.body).context("reading the body")?;
        }
        Ok(Answer { status, body: &self.body })
    }

    fn read_chunks(&mut self) -> Result<()> {
        loop {
            let line = self.read_line()?;
            let size = line.split(';').next().unwrap_or_default().trim();
            let size = usize::from_str_radix(size, 16).with_context(|| format!("chunk size {size:?}"))?;
            if size == 0 {
                while !self.read_line()?.is_empty() {}
                return Ok(());
            }
            let start = self.body.len();
            self.body.resize(start + size, 0);
            self.reader.read_exact(&mut self.body[start..]).context("reading a chunk")?;
            self.read_line()?;
        }
    }

    fn read_line(&mut self) -> Result<&str> {
        self.line.clear();
        let count = self.reader.read_until(b'\n', &mut self.line).context("reading the answer")?;
        if count == 0 {
            bail!("the server closed the connection");
        }
        Ok(std::str::from_utf8(&self.line)?.trim_end())
    }
}

/// Percent-encodes everything that may mean something in a query.
pub fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn answers_with_a_length_and_in_chunks_are_read_on_one_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a connection");
            let mut seen = [0; 4096];
            for answer in [
                "HTTP/1.1 201 Created\r\nContent-Length: 5\r\n\r\nhello",
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nx-count: 1\r\n\r\n",
            ] {
                assert!(stream.read(&mut seen).expect("a request") > 0);
                stream.write_all(answer.as_bytes()).expect("answered");
            }
        });
        let target = Target { url, token: "t".to_owned() };
        let mut connection = target.connect().expect("connected");
        let answer = connection.send(&target.post("/x", "application/json", b"{}")).expect("an answer");
        assert_eq!((answer.status, answer.body), (201, &b"hello"[..]));
        let answer = connection.send(&target.get("/y")).expect("an answer");
        assert_eq!((answer.status, answer.body), (200, &b"abcde"[..]));
        server.join().expect("the server ends");
    }

    #[test]
    fn encoding_keeps_letters_only() {
        assert_eq!(encode("\"a-b\" c:é"), "%22a-b%22%20c%3A%C3%A9");
    }
}
