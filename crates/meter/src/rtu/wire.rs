//! What the master needs of a line, so that its rules can be tried on one that only exists in a test.

use std::time::Duration;

use crate::bus::BusFault;

/// Bytes in, bytes out.
pub trait Wire: Send {
    /// Takes what has arrived, without waiting. Returns how many bytes that was.
    ///
    /// # Errors
    /// [`BusFault::PortGone`] when the line is gone, such as an adapter that was pulled out.
    fn take(&mut self, into: &mut Vec<u8>) -> Result<usize, BusFault>;

    /// Waits for bytes, at most `timeout`; whether there are any. A hang-up counts as bytes: the
    /// next [`Wire::take`] tells.
    ///
    /// # Errors
    /// [`BusFault::PortGone`] when the line cannot be waited on.
    fn wait(&mut self, timeout: Duration) -> Result<bool, BusFault>;

    /// Forgets what has arrived and was not taken, and what was not sent yet; then sends `bytes`.
    ///
    /// # Errors
    /// [`BusFault::PortGone`] when the line is gone or takes nothing any more.
    fn flush_and_write(&mut self, bytes: &[u8]) -> Result<(), BusFault>;
}
