//! A connection whose other end has to take what is sent to it: when nothing of it goes out for a while, writing fails,
//! and with that the connection and what its answer holds in memory end. It must not know what is sent.
//!
//! Without it, somebody who asks and never reads would hold a connection for ever; the pieces of a streamed answer have
//! a bound of their own, but it ends their maker only.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// A connection that is given up when nothing that is sent goes out for a while.
pub struct Patient<C> {
    connection: C,
    time_max: Duration,
    /// Runs from the moment when something first could not go out; none while everything goes out.
    waiting: Option<Pin<Box<Sleep>>>,
}

impl<C> Patient<C> {
    /// Gives `connection` up when nothing goes out for `time_max` though something should.
    pub fn new(connection: C, time_max: Duration) -> Self {
        Self { connection, time_max, waiting: None }
    }

    /// What writing gave, or an error when it has not gone on for too long.
    fn within_time<T>(&mut self, context: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.waiting = None;
            return written;
        }
        let time_max = self.time_max;
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(tokio::time::sleep(time_max)));
        match waiting.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client takes nothing"))),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<C: AsyncRead + Unpin> AsyncRead for Patient<C> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_read(context, buffer)
    }
}

impl<C: AsyncWrite + Unpin> AsyncWrite for Patient<C> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.connection).poll_write(context, bytes);
        self.within_time(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.connection).poll_write_vectored(context, slices);
        self.within_time(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.connection.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.connection).poll_flush(context);
        self.within_time(context, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.connection).poll_shutdown(context);
        self.within_time(context, shut)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    const MOMENT: Duration = Duration::from_millis(50);

    #[tokio::test]
    async fn a_client_that_takes_nothing_is_given_up() {
        let (here, _there) = tokio::io::duplex(16);
        let mut patient = Patient::new(here, MOMENT);
        patient.write_all(&[1; 16]).await.unwrap();
        let error = patient.write_all(&[2; 16]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_slow_client_is_served_and_a_quiet_one_is_kept() {
        let (here, mut there) = tokio::io::duplex(16);
        let mut patient = Patient::new(here, 4 * MOMENT);
        let sending = tokio::spawn(async move {
            patient.write_all(&[1; 160]).await.unwrap();
            // Nothing is to be sent for longer than anything may be held up.
            tokio::time::sleep(6 * MOMENT).await;
            patient.write_all(&[2; 16]).await.unwrap();
        });
        let mut taken = [0; 16];
        for _ in 0..10 {
            tokio::time::sleep(MOMENT).await;
            there.read_exact(&mut taken).await.unwrap();
            assert_eq!(taken, [1; 16]);
        }
        there.read_exact(&mut taken).await.unwrap();
        assert_eq!(taken, [2; 16]);
        sending.await.unwrap();
    }
}
