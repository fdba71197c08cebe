//! Changes and stops a subscriber from other threads. Takes no message.

use super::desk::{Desk, stopped};
use super::message::{MARKERS, SubscriptionKind};
use super::wanted::batches;
use crate::command::{ToArgs, cmd};
use crate::error::{Error, Result};
use crate::session::Host;
use crate::sync::Arc;
use std::fmt;
use std::sync::Weak;
use std::time::Duration;

/// A handle on a [`Subscriber`](super::Subscriber) for other threads. Cheap to clone; keeps neither the subscriber
/// nor the client alive.
///
/// ```no_run
/// # let client = hitless::Client::connect("redis://127.0.0.1")?;
/// let subscriber = client.subscriber()?;
/// let control = subscriber.control();
/// std::thread::spawn(move || {
///     for event in subscriber {
///         println!("{event:?}");
///     }
/// });
/// control.subscribe("news")?;
/// // Ends the loop above, behind what had come.
/// control.stop();
/// # Ok::<(), hitless::Error>(())
/// ```
#[derive(Clone)]
pub struct SubscriberControl {
    desk: Arc<Desk>,
    timeout: Option<Duration>,
    host: Weak<dyn Host>,
}

impl SubscriberControl {
    pub(super) fn new(desk: &Arc<Desk>, timeout: Option<Duration>, host: &Arc<dyn Host>) -> Self {
        Self {
            desk: Arc::clone(desk),
            timeout,
            host: Arc::downgrade(host),
        }
    }

    /// As [`Subscriber::subscribe`](super::Subscriber::subscribe).
    ///
    /// # Errors
    ///
    /// As [`Subscriber::subscribe`](super::Subscriber::subscribe).
    pub fn subscribe(&self, channels: impl ToArgs) -> Result<()> {
        self.change(SubscriptionKind::Channel, channels, false)
    }

    /// As [`Subscriber::psubscribe`](super::Subscriber::psubscribe).
    ///
    /// # Errors
    ///
    /// As [`Subscriber::subscribe`](super::Subscriber::subscribe).
    pub fn psubscribe(&self, patterns: impl ToArgs) -> Result<()> {
        self.change(SubscriptionKind::Pattern, patterns, false)
    }

    /// As [`Subscriber::ssubscribe`](super::Subscriber::ssubscribe).
    ///
    /// # Errors
    ///
    /// As [`Subscriber::subscribe`](super::Subscriber::subscribe).
    pub fn ssubscribe(&self, channels: impl ToArgs) -> Result<()> {
        self.change(SubscriptionKind::Shard, channels, false)
    }

    /// As [`Subscriber::unsubscribe`](super::Subscriber::unsubscribe).
    ///
    /// # Errors
    ///
    /// As [`Subscriber::unsubscribe`](super::Subscriber::unsubscribe).
    pub fn unsubscribe(&self, channels: impl ToArgs) -> Result<()> {
        self.change(SubscriptionKind::Channel, channels, true)
    }

    /// As [`Subscriber::punsubscribe`](super::Subscriber::punsubscribe).
    ///
    /// # Errors
    ///
    /// As [`Subscriber::unsubscribe`](super::Subscriber::unsubscribe).
    pub fn punsubscribe(&self, patterns: impl ToArgs) -> Result<()> {
        self.change(SubscriptionKind::Pattern, patterns, true)
    }

    /// As [`Subscriber::sunsubscribe`](super::Subscriber::sunsubscribe).
    ///
    /// # Errors
    ///
    /// As [`Subscriber::unsubscribe`](super::Subscriber::unsubscribe).
    pub fn sunsubscribe(&self, channels: impl ToArgs) -> Result<()> {
        self.change(SubscriptionKind::Shard, channels, true)
    }

    /// Ends the subscriber: closes its connection, and wakes whoever waits in it or in a control at once. What had
    /// come before is still yielded. Never blocks; a second call does nothing, nor one in a child of `fork`.
    pub fn stop(&self) {
        if self.check().is_ok() {
            self.desk.stop();
        }
    }

    fn change(&self, kind: SubscriptionKind, names: impl ToArgs, is_end: bool) -> Result<()> {
        self.check()?;
        change(&self.desk, self.timeout, kind, names, is_end)
    }

    /// The subscriber keeps its client alive: without a client there is none.
    fn check(&self) -> Result<()> {
        self.host.upgrade().ok_or_else(stopped)?.check_process()
    }
}

impl fmt::Debug for SubscriberControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubscriberControl").finish_non_exhaustive()
    }
}

const _: () = {
    const fn shareable<T: Clone + Send + Sync + 'static>() {}
    shareable::<SubscriberControl>();
};

/// Changes what a subscriber has subscribed to.
pub(super) fn change(
    desk: &Desk,
    timeout: Option<Duration>,
    kind: SubscriptionKind,
    names: impl ToArgs,
    is_end: bool,
) -> Result<()> {
    let (name, _) = if is_end {
        kind.unsubscribing()
    } else {
        kind.subscribing()
    };
    let command = cmd(name).args(names);
    // As the command would carry them, whatever types they have.
    let names: Vec<Vec<u8>> = command.decoded().skip(1).map(<[u8]>::to_vec).collect();
    let usage =
        |text: &str| Err(Error::usage(format!("not sent: {text}")).with_command(name.to_owned()));
    if names.is_empty() {
        return usage("it names no channel");
    }
    if names.iter().any(|name| name.starts_with(MARKERS)) {
        return usage("channels that begin with `hitless:seam:` are the client's own");
    }
    desk.change(batches(kind, names), is_end, timeout)
        .map_err(|error| error.with_command(name.to_owned()))
}
