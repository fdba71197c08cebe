//! Verified load: what each thread does and how it knows that the reply is its own.

use crate::record::{Measured, Recorder};
use hitless::{Client, Cmd, Commands, Delivery, Error, Pipeline, Value};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Keys of one thread.
const KEYS: u64 = 16;

/// What one thread found.
#[derive(Debug)]
pub(crate) struct Findings {
    pub(crate) measured: Measured,
    /// Verified commands.
    pub(crate) commands: u64,
    pub(crate) errors: u64,
    pub(crate) first_error: Option<Error>,
    /// Replies that belong to another request.
    pub(crate) misrouted: u64,
    /// Acknowledged writes that are gone.
    pub(crate) lost: u64,
    /// Writes that ran more than once.
    pub(crate) doubled: u64,
    /// Increments that were acknowledged, and those that may have run.
    pub(crate) acknowledged: i64,
    pub(crate) unknown: i64,
}

/// What all threads share.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    pub(crate) stop: AtomicBool,
    pub(crate) done: AtomicU64,
}

/// The key of a thread's counter.
pub(crate) fn counter(thread: usize) -> String {
    format!("drill:count:{thread}")
}

impl Findings {
    fn new() -> Self {
        Self {
            measured: Measured::new(),
            commands: 0,
            errors: 0,
            first_error: None,
            misrouted: 0,
            lost: 0,
            doubled: 0,
            acknowledged: 0,
            unknown: 0,
        }
    }
}

/// One thread of the load, until it is told to stop.
pub(crate) fn drive(
    client: &Client,
    thread: usize,
    recorder: Recorder<'_>,
    shared: &Shared,
) -> Findings {
    let mut driver = Driver {
        client,
        thread,
        recorder,
        number: 0,
        last: [None; KEYS as usize],
        count: counter(thread),
        findings: Findings::new(),
    };
    while !shared.stop.load(Ordering::Relaxed) {
        let before = driver.findings.commands;
        driver.step();
        shared
            .done
            .fetch_add(driver.findings.commands - before, Ordering::Relaxed);
    }
    Findings {
        measured: driver.recorder.finish(),
        ..driver.findings
    }
}

struct Driver<'a> {
    client: &'a Client,
    thread: usize,
    recorder: Recorder<'a>,
    /// Of the next request.
    number: u64,
    /// The number of the request that wrote each key last; `None` while unknown.
    last: [Option<u64>; KEYS as usize],
    count: String,
    findings: Findings,
}

/// What a value says of itself.
enum Reading {
    Damaged,
    Mine(u64),
    Other,
}

impl Driver<'_> {
    fn step(&mut self) {
        self.number += 1;
        match self.number % 10 {
            0 | 1 => self.increment(),
            2 => self.echo(),
            3 => self.pipeline(),
            4..=6 => self.write(),
            _ => self.read(),
        }
    }

    fn key(&self) -> (usize, String) {
        let index = (self.number / 3) % KEYS;
        (index as usize, format!("drill:{}:{index}", self.thread))
    }

    fn value(&self, number: u64) -> String {
        let text = format!("{}-{number}", self.thread);
        format!("{text}-{:016x}", checksum(&text))
    }

    fn reading(&self, value: &str) -> Reading {
        let Some((text, sum)) = value.rsplit_once('-') else {
            return Reading::Damaged;
        };
        if sum != format!("{:016x}", checksum(text)) {
            return Reading::Damaged;
        }
        match text.split_once('-') {
            Some((thread, number)) if thread == self.thread.to_string() => {
                number.parse().map_or(Reading::Damaged, Reading::Mine)
            }
            _ => Reading::Other,
        }
    }

    /// Runs a command and notes its time; an error is counted.
    fn run<T>(&mut self, command: impl FnOnce(&Client) -> hitless::Result<T>) -> Option<T> {
        let client = self.client;
        let result = self.recorder.time(|| command(client));
        match result {
            Ok(value) => {
                self.findings.commands += 1;
                Some(value)
            }
            Err(error) => {
                self.findings.errors += 1;
                if error.delivery() == Delivery::Unknown {
                    self.findings.unknown += 1;
                }
                self.findings.first_error.get_or_insert(error);
                None
            }
        }
    }

    fn increment(&mut self) {
        let count = self.count.clone();
        let unknown = self.findings.unknown;
        let Some(sum) = self.run(|client| client.incr(&count)) else {
            return;
        };
        self.findings.acknowledged += 1;
        let least = self.findings.acknowledged;
        if sum > least + unknown {
            self.findings.doubled += 1;
        } else if sum < least {
            self.findings.lost += 1;
        }
    }

    fn echo(&mut self) {
        let value = self.value(self.number);
        let sent = value.clone();
        if let Some(back) =
            self.run(move |client| client.query::<String>(&Cmd::new("ECHO").arg(&sent)))
        {
            if back != value {
                self.findings.misrouted += 1;
            }
        }
    }

    fn write(&mut self) {
        let (index, key) = self.key();
        let value = self.value(self.number);
        let written = self.run(|client| client.set(&key, &value));
        self.last[index] = written.map(|()| self.number);
    }

    fn read(&mut self) {
        let (index, key) = self.key();
        let value = self.run(|client| client.get::<Option<String>>(&key));
        if let Some(value) = value {
            self.check(index, value.as_deref());
        }
    }

    fn pipeline(&mut self) {
        let mut pipe = Pipeline::new();
        for index in 0..4 {
            pipe.add(&Cmd::new("GET").arg(format!("drill:{}:{index}", self.thread)));
        }
        let replies =
            self.run(|client| pipe.run(client).into_iter().collect::<Result<Vec<_>, _>>());
        for (index, reply) in replies.into_iter().flatten().enumerate() {
            match reply {
                Value::Nil => self.check(index, None),
                other => self.check(index, other.as_str()),
            }
        }
    }

    fn check(&mut self, index: usize, value: Option<&str>) {
        let expected = self.last[index];
        match (value.map(|value| self.reading(value)), expected) {
            (Some(Reading::Damaged | Reading::Other), _) => self.findings.misrouted += 1,
            (Some(Reading::Mine(found)), Some(expected)) if found != expected => {
                self.findings.lost += 1;
            }
            (None, Some(_)) => self.findings.lost += 1,
            _ => {}
        }
    }
}

/// FNV-1a: enough to tell a damaged value from a whole one.
pub(crate) fn checksum(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |sum, byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
