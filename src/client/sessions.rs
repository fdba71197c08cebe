//! What a client hands out that has a connection to itself. Does nothing but to make it.

use super::{Client, Shared};
use crate::call::{Calls, Canceller};
use crate::command::ToArgs;
#[cfg(doc)]
use crate::error::ErrorKind;
use crate::error::{Error, Result};
use crate::lane::say;
use crate::session::{
    self, ConsumerLines, Host, Lease, Monitor, StreamConsumer, StreamConsumerOptions, Subscriber,
    SubscriberOptions, Transaction, TransactionOptions,
};
use crate::sync::Arc;

impl Host for Shared {
    fn check_process(&self) -> Result<()> {
        if self.is_inherited() {
            return Err(Error::forked());
        }
        Ok(())
    }

    fn calls(&self) -> &Calls {
        &self.calls
    }

    fn database(&self) -> u32 {
        self.options.database
    }

    fn tell_of_group(&self, at_end: bool) {
        // Neither the stream nor the group is named: both are the user's.
        let what = if at_end {
            "is made again at the end of its stream: entries that were added meanwhile are skipped"
        } else {
            "is made again from where it was to begin: its entries come again, as if for the first time"
        };
        say!(
            self.lane,
            STREAM,
            Warn,
            "the group of a stream consumer was gone, and {what}"
        );
    }
}

impl Client {
    /// A connection for this caller alone, until the [`Lease`] is dropped.
    ///
    /// It is one of those that [`max_active_connections`](crate::Options::max_active_connections) leaves to commands
    /// that block, never one of those that are shared. Blocks while all of them are taken, in the order in which
    /// callers came, and while a connection is made: together at most
    /// [`checkout_timeout`](crate::Options::checkout_timeout). The client lives as long as its leases.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::PoolExhausted`] if none became free in time; otherwise those of every command that gets no
    /// connection. Nothing was sent.
    pub fn lease(&self) -> Result<Lease> {
        Lease::new(self.host())
    }

    /// Receives what is published, on a connection of its own, until the [`Subscriber`] is stopped or dropped.
    ///
    /// It begins without a subscription. Its connection is one of those that
    /// [`max_active_connections`](crate::Options::max_active_connections) leaves to commands that block. Blocks like
    /// [`lease`](Self::lease). The client lives as long as its subscribers.
    ///
    /// # Errors
    ///
    /// As [`lease`](Self::lease).
    pub fn subscriber(&self) -> Result<Subscriber> {
        self.subscriber_with(&SubscriberOptions::new())
    }

    /// As [`subscriber`](Self::subscriber), with options.
    ///
    /// # Errors
    ///
    /// As [`lease`](Self::lease).
    pub fn subscriber_with(&self, options: &SubscriberOptions) -> Result<Subscriber> {
        Subscriber::new(self.host(), options)
    }

    /// Executes a transaction that depends on what it reads: watches `keys`, calls `attempt`, which reads and then
    /// [commits](Transaction::commit), and calls it again if one of the keys had changed meanwhile.
    ///
    /// ```no_run
    /// use hitless::{Client, Commands};
    ///
    /// # let client = Client::connect("redis://127.0.0.1")?;
    /// // Takes the largest element, whoever else does so at the same time.
    /// let winner: Option<String> = client.transaction("scores", |tx| {
    ///     let best: Vec<String> = tx.zrange("scores", -1, -1)?;
    ///     let Some(best) = best.into_iter().next() else {
    ///         return Ok::<_, hitless::Error>(None);
    ///     };
    ///     tx.commit::<()>(|pipe| pipe.zrem("scores", &best))?;
    ///     Ok(Some(best))
    /// })?;
    /// # Ok::<(), hitless::Error>(())
    /// ```
    ///
    /// What `attempt` returns is returned, an error of its own at once. It is called again only if its transaction is
    /// known not to have been executed: after a conflict, with a growing pause of up to 20 ms, and where a
    /// move or a loss took the watch, also under a command of `attempt` that only reads. 64 times at most:
    /// [`transaction_with`](Self::transaction_with) takes another number. Nothing is watched any more afterwards, also
    /// after a panic of `attempt`.
    ///
    /// All attempts use one [`Lease`]; a further one only where a loss took what `attempt` had set there besides. A
    /// lease or a transaction within `attempt` needs a connection of its own: where there is none, it waits for
    /// [`checkout_timeout`](crate::Options::checkout_timeout), in vain.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Conflict`] if the keys had changed in each attempt. A commit that may have been executed is an
    /// error with [`Delivery::Unknown`](crate::Delivery::Unknown), and is not tried again. Otherwise those of
    /// `attempt`, of [`lease`](Self::lease) and of `WATCH`.
    pub fn transaction<T, E: From<Error>>(
        &self,
        keys: impl ToArgs,
        attempt: impl FnMut(&Transaction<'_>) -> std::result::Result<T, E>,
    ) -> std::result::Result<T, E> {
        self.transaction_with(&TransactionOptions::new(), keys, attempt)
    }

    /// As [`transaction`](Self::transaction), with options.
    ///
    /// # Errors
    ///
    /// As [`transaction`](Self::transaction).
    pub fn transaction_with<T, E: From<Error>>(
        &self,
        options: &TransactionOptions,
        keys: impl ToArgs,
        attempt: impl FnMut(&Transaction<'_>) -> std::result::Result<T, E>,
    ) -> std::result::Result<T, E> {
        session::run_transaction(self.host(), options, keys, attempt)
    }

    /// A consumer of a stream group: an iterator of entries to work on, which survives moves, lost connections and
    /// restarts. See [`StreamConsumer`]. Sends nothing yet.
    ///
    /// While it waits it has one of the connections that
    /// [`max_active_connections`](crate::Options::max_active_connections) leaves to commands that block. The client
    /// lives as long as its consumers and their deliveries.
    pub fn stream_consumer(&self, options: &StreamConsumerOptions) -> StreamConsumer {
        let canceller = Canceller::new();
        let lines = ConsumerLines {
            reader: Box::new(self.cancelled_by(&canceller)),
            writer: Box::new(self.clone()),
            canceller,
            host: self.host(),
        };
        StreamConsumer::new(options, lines)
    }

    /// What the server executes from now on, as it executes it (`MONITOR`): see [`Monitor`].
    ///
    /// It has a connection to itself, one of those that [`lease`](Self::lease) hands out. Blocks like that, and until
    /// the server has agreed: at most [`command_timeout`](crate::Options::command_timeout).
    ///
    /// # Errors
    ///
    /// As [`lease`](Self::lease); the server's, such as `NOPERM`.
    pub fn monitor(&self) -> Result<Monitor> {
        Monitor::new(self.host())
    }

    fn host(&self) -> Arc<dyn Host> {
        Arc::<Shared>::clone(&self.0)
    }
}
