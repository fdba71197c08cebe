//! The stop of a consumer against data that comes, and against acknowledgements, under many thread schedules.

use super::{Lines, StreamConsumer, StreamConsumerOptions, StreamDelivery};
use crate::call::{Calls, Canceller};
use crate::command::{Cmd, Executor, Pipeline};
use crate::error::{Error, Result};
use crate::link::model::{explore, rarely};
use crate::protocol::Value;
use crate::session::Host;
use crate::sync::{Arc, Ranked};
use shuttle::thread;
use std::collections::{BTreeMap, BTreeSet};

const ENTRIES: u64 = 3;

/// A group of one stream, as a server keeps it.
#[derive(Default)]
struct Group {
    unread: BTreeSet<u64>,
    /// How often each was delivered.
    pending: BTreeMap<u64, u64>,
    acknowledged: BTreeSet<u64>,
}

/// A line to the server: one that is cancelled, or one that is not.
struct Line {
    group: Arc<Ranked<Group, 5>>,
    canceller: Option<Canceller>,
}

fn bulk(text: impl ToString) -> Value {
    Value::Bulk(text.to_string().into_bytes())
}

fn entry(number: u64) -> Value {
    let fields = array(vec![bulk("field"), bulk("value")]);
    array(vec![bulk(format!("{number}-0")), fields])
}

fn array(values: Vec<Value>) -> Value {
    Value::Array(values.into())
}

/// The numbers of IDs.
fn numbers(words: &[String]) -> Vec<u64> {
    let number = |word: &String| word.split_once('-')?.0.parse().ok();
    words.iter().filter_map(number).collect()
}

impl Line {
    fn is_cancelled(&self) -> bool {
        let canceller = self.canceller.as_ref();
        canceller.is_some_and(Canceller::is_cancelled)
    }

    /// What nobody has got. Blocks as the server does: whoever unblocks it gets what came first.
    fn read(&self) -> Result<Value> {
        loop {
            let mut group = self.group.lock();
            let some: Vec<u64> = group.unread.iter().take(2).copied().collect();
            for number in &some {
                group.unread.remove(number);
                group.pending.insert(*number, 1);
            }
            drop(group);
            if !some.is_empty() {
                let entries = some.into_iter().map(entry).collect();
                let stream = array(vec![bulk("s"), array(entries)]);
                return Ok(array(vec![stream]));
            }
            if self.is_cancelled() {
                return Err(Error::cancelled());
            }
            thread::yield_now();
        }
    }
}

impl Executor for Line {
    fn execute(&self, command: &Cmd) -> Result<Value> {
        if self.is_cancelled() {
            return Err(Error::cancelled());
        }
        let words = command.decoded().map(String::from_utf8_lossy);
        let words: Vec<String> = words.map(|word| word.into_owned()).collect();
        if words[0] == "XREADGROUP" {
            return self.read();
        }
        let mut group = self.group.lock();
        let numbers = numbers(&words);
        match words[0].as_str() {
            // Nobody was here before.
            "XPENDING" => Ok(array(Vec::new())),
            "XACK" => {
                for number in &numbers {
                    group.pending.remove(number);
                    group.acknowledged.insert(*number);
                }
                Ok(Value::Int(1))
            }
            // They are given back.
            "EVALSHA" => {
                for number in &numbers {
                    let deliveries = group.pending.get_mut(number).expect("it is pending");
                    *deliveries -= 1;
                }
                Ok(Value::Nil)
            }
            other => panic!("what is {other}"),
        }
    }

    fn execute_pipeline(&self, _: &Pipeline) -> Vec<Result<Value>> {
        panic!("nothing is deleted");
    }
}

struct Process;

impl Host for Process {
    fn check_process(&self) -> Result<()> {
        Ok(())
    }

    fn calls(&self) -> &Calls {
        panic!("lines send");
    }

    fn database(&self) -> u32 {
        0
    }

    fn tell_of_group(&self, _: bool) {
        panic!("it was there all the time");
    }
}

fn stop() {
    let group: Arc<Ranked<Group, 5>> = Arc::new(Ranked::new(Group::default()));
    let canceller = Canceller::new();
    let line = |canceller| {
        let group = Arc::clone(&group);
        Box::new(Line { group, canceller })
    };
    let lines = Lines {
        reader: line(Some(canceller.clone())),
        writer: line(None),
        canceller,
        host: Arc::new(Process),
    };
    let options = StreamConsumerOptions::new("s", "g", "me").claim_after(None);
    let consumer = StreamConsumer::new(&options, lines);
    let control = consumer.control();
    let publisher = {
        let group = Arc::clone(&group);
        thread::spawn(move || {
            for number in 1..=ENTRIES {
                group.lock().unread.insert(number);
            }
        })
    };
    let stopper = thread::spawn(move || {
        control.stop();
        assert!(control.is_stopped());
    });
    let number = |delivery: &StreamDelivery| delivery.id.millis;
    let mut dropped = BTreeSet::new();
    let mut done = BTreeSet::new();
    let mut others = Vec::new();
    for delivery in consumer {
        let delivery = delivery.expect("no errors");
        let number = number(&delivery);
        assert!(!dropped.contains(&number) && !done.contains(&number));
        if rarely(3) {
            dropped.insert(number);
        } else {
            done.insert(number);
            // By another thread, before the stop or after it.
            others.push(thread::spawn(move || delivery.ack().expect("acknowledged")));
        }
    }
    for thread in others.into_iter().chain([publisher, stopper]) {
        thread.join().expect("no thread panics");
    }
    let group = group.lock();
    assert_eq!(group.acknowledged, done);
    for number in 1..=ENTRIES {
        let is_known = done.contains(&number) || group.unread.contains(&number);
        match group.pending.get(&number) {
            // What the user had, and let go.
            Some(1) => assert!(dropped.contains(&number), "{number} is with nobody"),
            // What he had not got yet is as if it had not been delivered.
            Some(0) => assert!(!dropped.contains(&number) && !done.contains(&number)),
            Some(more) => panic!("{number} was delivered {more} times"),
            None => assert!(is_known, "{number} is lost"),
        }
    }
}

#[test]
fn a_stop_leaves_no_entry_with_nobody() {
    explore(20, stop);
}
