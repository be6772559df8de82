//! Threads that the appliance cannot do without: whoever waits learns when one has ended.
//!
//! A process whose core thread is dead looks healthy from outside: its web server answers, with old
//! numbers, for ever. It must end instead, and be started again.

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Hands out marks for threads. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Vital(UnboundedSender<String>);

/// Hears which thread has ended.
#[derive(Debug)]
pub struct Ended(UnboundedReceiver<String>);

/// Held by a thread for as long as it runs.
#[derive(Debug)]
pub struct Mark {
    name: String,
    tell: UnboundedSender<String>,
}

/// Both ends.
#[must_use]
pub fn vital() -> (Vital, Ended) {
    let (tell, hear) = unbounded_channel();
    (Vital(tell), Ended(hear))
}

impl Vital {
    /// The mark of a thread of this name: to be moved into it.
    #[must_use]
    pub fn mark(&self, name: impl Into<String>) -> Mark {
        Mark {
            name: name.into(),
            tell: self.0.clone(),
        }
    }
}

impl Ended {
    /// The name of a thread that has ended; waits for ever when there is none left that could.
    pub async fn next(&mut self) -> String {
        match self.0.recv().await {
            Some(name) => name,
            None => std::future::pending().await,
        }
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        // Nobody listens any more: then the end was asked for.
        let _ = self.tell.send(std::mem::take(&mut self.name));
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::by_itself(false)]
    #[case::in_a_panic(true)]
    #[tokio::test]
    async fn the_end_of_a_thread_is_heard(#[case] panics: bool) {
        let (vital, mut ended) = vital();
        let mark = vital.mark("core");
        let thread = thread::spawn(move || {
            let _mark = mark;
            assert!(!panics, "a bug");
        });
        assert_eq!(ended.next().await, "core");
        assert_eq!(thread.join().is_err(), panics);
    }
}
