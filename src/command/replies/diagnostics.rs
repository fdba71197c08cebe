//! What commands reply that look into the server. Judges nothing of it.

use super::{Fields, Parts, turned};
use crate::command::FromValue;
use crate::error::Result;
use crate::protocol::Value;
use std::time::{Duration, SystemTime};

/// A slow command: see [`Commands::slowlog_get`](crate::Commands::slowlog_get).
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct SlowlogEntry {
    /// Its number, which no other has until the server ends.
    pub id: u64,
    /// When it ran, in steps of 1 s.
    pub at: SystemTime,
    /// How long it ran, in steps of 1 µs, without its way through the network.
    pub took: Duration,
    /// Its name and arguments. The server cuts long ones, and leaves out those behind the 31st.
    pub arguments: Vec<Vec<u8>>,
    /// Who sent it.
    pub address: String,
    /// What the client called its connection, if anything.
    pub name: Option<String>,
}

/// A slow or large command: see [`Commands::commandlog_get`](crate::Commands::commandlog_get).
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct CommandlogEntry {
    /// Its number, which no other of its kind has until the server ends.
    pub id: u64,
    /// When it ran, in steps of 1 s.
    pub at: SystemTime,
    /// Microseconds of a slow one, bytes of a large one.
    pub amount: u64,
    /// Its name and arguments. The server cuts long ones, and leaves out those behind the 31st.
    pub arguments: Vec<Vec<u8>>,
    /// Who sent it.
    pub address: String,
    /// What the client called its connection, if anything.
    pub name: Option<String>,
}

impl FromValue for CommandlogEntry {
    #[inline]
    fn from_value(value: Value) -> Result<Self> {
        // Six elements in both logs: only the unit of the third differs.
        let mut parts = Parts::of(value)?;
        let made = Self {
            id: parts.at(0),
            at: parts.must(1)?,
            amount: parts.at(2),
            arguments: parts.at(3),
            address: parts.at::<Option<String>>(4).unwrap_or_default(),
            name: parts
                .at::<Option<String>>(5)
                .filter(|name| !name.is_empty()),
        };
        parts.end()?;
        Ok(made)
    }
}

impl FromValue for SlowlogEntry {
    #[inline]
    fn from_value(value: Value) -> Result<Self> {
        let entry = CommandlogEntry::from_value(value)?;
        Ok(Self {
            id: entry.id,
            at: entry.at,
            took: Duration::from_micros(entry.amount),
            arguments: entry.arguments,
            address: entry.address,
            name: entry.name,
        })
    }
}

/// A kind of delay: see [`Commands::latency_latest`](crate::Commands::latency_latest).
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct LatencyEvent {
    /// Such as `command` or `fork`.
    pub name: String,
    /// When the last one was, in steps of 1 s.
    pub at: SystemTime,
    /// The last one, in steps of 1 ms.
    pub last: Duration,
    /// The longest one, in steps of 1 ms.
    pub worst: Duration,
}

impl FromValue for LatencyEvent {
    #[inline]
    fn from_value(value: Value) -> Result<Self> {
        // Valkey 8.1 has more behind these: the sum and the number of them.
        let mut parts = Parts::of(value)?;
        let made = Self {
            name: parts.at(0),
            at: parts.must(1)?,
            last: Duration::from_millis(parts.at(2)),
            worst: Duration::from_millis(parts.at(3)),
        };
        parts.end()?;
        Ok(made)
    }
}

/// One delay: see [`Commands::latency_history`](crate::Commands::latency_history).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct LatencySample {
    /// When it was, in steps of 1 s.
    pub at: SystemTime,
    /// How long it was, in steps of 1 ms.
    pub took: Duration,
}

impl FromValue for LatencySample {
    #[inline]
    fn from_value(value: Value) -> Result<Self> {
        let mut parts = Parts::of(value)?;
        let made = Self {
            at: parts.must(0)?,
            took: Duration::from_millis(parts.at(1)),
        };
        parts.end()?;
        Ok(made)
    }
}

/// How long the calls of a command took: see [`Commands::latency_histogram`](crate::Commands::latency_histogram).
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct LatencyHistogram {
    /// How many calls there were.
    pub calls: u64,
    /// How many calls took at most so long, those in the lines before included.
    pub cumulative: Vec<(Duration, u64)>,
}

impl FromValue for LatencyHistogram {
    #[inline]
    fn from_value(value: Value) -> Result<Self> {
        let mut fields = Fields::of(value, "a histogram")?;
        // A map of numbers on RESP3, which stay in their order.
        let lines: Vec<(u64, u64)> = fields.take("histogram_usec");
        let made = Self {
            calls: fields.need("calls"),
            cumulative: turned(lines, |(most, calls)| (Duration::from_micros(most), calls)),
        };
        fields.end()?;
        Ok(made)
    }
}

/// Where a server's memory is: see [`Commands::memory_stats`](crate::Commands::memory_stats). In bytes, but
/// for ratios and numbers of keys.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct MemoryStats {
    /// The most that it ever had.
    pub peak_allocated: u64,
    /// What it has now.
    pub total_allocated: u64,
    /// What it had when it had started.
    pub startup_allocated: u64,
    /// What is no data: buffers, tables, scripts.
    pub overhead: u64,
    /// What are data: the rest, which a server that has just freed much tells as less than nothing.
    pub dataset: i64,
    /// How many keys it has.
    pub keys: u64,
    /// How much more the process has from the system than is in use: 1.0 is nothing.
    pub fragmentation: f64,
    /// All that the server said, by its names, such as `clients.normal`.
    pub all: Vec<(String, Value)>,
}

impl FromValue for MemoryStats {
    #[inline]
    fn from_value(value: Value) -> Result<Self> {
        let mut fields = Fields::of(value, "a reply of MEMORY STATS")?;
        // Before the fields below are taken out.
        let all = fields.all();
        let made = Self {
            peak_allocated: fields.need("peak.allocated"),
            total_allocated: fields.need("total.allocated"),
            startup_allocated: fields.need("startup.allocated"),
            overhead: fields.need("overhead.total"),
            dataset: fields.need("dataset.bytes"),
            keys: fields.need("keys.count"),
            fragmentation: fields.need("fragmentation"),
            all,
        };
        fields.end()?;
        Ok(made)
    }
}
