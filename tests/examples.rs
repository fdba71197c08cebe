//! The examples that tell of a maintenance tell of all of it. Each is run as a program of its own.
#![cfg(feature = "sim")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    unreachable_pub,
    reason = "a test panics when a claim is false, and its modules are seen by nobody else"
)]

#[path = "common/programs.rs"]
#[allow(dead_code, reason = "each test uses its part")]
mod programs;

use hitless::sim::{Moving, Replay, Sim, Target};
use programs::{example, run};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

/// How long anything may take that must happen.
const SOON: Duration = Duration::from_secs(60);

/// A program that prints until it is ended.
struct Running {
    child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
}

impl Running {
    fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (tell, lines) = mpsc::channel();
        std::thread::spawn(move || {
            // Ends with the program, or when nobody listens any more.
            for line in output.lines().map_while(Result::ok) {
                if tell.send(line).is_err() {
                    return;
                }
            }
        });
        Self {
            child,
            lines,
            seen: Vec::new(),
        }
    }

    /// Waits until one of the lines so far contains the text.
    #[track_caller]
    fn wait_line(&mut self, text: &str) {
        while !self.seen.iter().any(|line| line.contains(text)) {
            match self.lines.recv_timeout(SOON) {
                Ok(line) => self.seen.push(line),
                Err(error) => panic!("{error}, and never said {text:?}: {:#?}", self.seen),
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn observe_tells_a_move_from_the_announcement_to_the_end() {
    let story =
        run(&mut Command::new(example("observe"))).unwrap_or_else(|story| panic!("{story}"));
    let mut rest = story.as_str();
    // In this order.
    for text in [
        "said Migrating",
        "MIGRATING was dealt with: Acted",
        "said Migrated",
        "said Moving",
        "HandoffStarted",
        "ConnectionMoved",
        "HandoffCompleted",
        "the value after the move: once upon a time",
        r#""MOVING": KindMetrics"#,
    ] {
        let Some(at) = rest.find(text) else {
            panic!("no {text:?} at its place in {story}");
        };
        rest = &rest[at + text.len()..];
    }
}

#[test]
fn watch_prints_a_maintenance_that_was_announced_before_it_came() {
    let sim = Sim::builder()
        .nodes(3)
        .replay(Replay::WithReply)
        .start()
        .unwrap();
    let [a, b, c] = [0, 1, 2].map(|node| sim.node(node));
    let [at_a, at_b, at_c] = [a, b, c].map(|node| sim.addr(node));
    sim.migrating(1, "1");
    sim.migrated("1");
    sim.start_moving(
        Moving::new(a, Target::Node(b))
            .announce(300)
            .keep_listening(),
    );
    let mut watch = Running::start(Command::new(example("watch")).arg(format!("redis://{at_a}")));
    watch.wait_line(&format!("watching {at_a}, by a connection to "));
    watch.wait_line(&format!("{at_a} said MOVING 2: leave within "));
    watch.wait_line(&format!("connection 0 moved from {at_a} to {at_b} in "));
    // By the first connection, or by both.
    watch.wait_line("told of the ends of past maintenance: ");
    // Where it is now, it goes on watching.
    sim.start_moving(Moving::new(b, Target::Node(c)).announce(300));
    watch.wait_line(&format!("{at_b} said MOVING 3: leave within "));
    watch.wait_line(&format!("connection 0 moved from {at_b} to {at_c} in "));
    watch.wait_line("timeouts are relaxed because of MOVING 3");
}
