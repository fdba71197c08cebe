//! A contender in a process of its own, which this one tells when to work, and for how long. Knows no
//! client; `rounds` is the other side.

use crate::times::Times;
use std::io::{BufRead, BufReader, Write};
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

pub struct Child {
    process: std::process::Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Child {
    /// Starts it, and waits until it is ready.
    pub fn start(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let process = command.spawn();
        let mut process = process.unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let input = process.stdin.take().expect("a pipe");
        let output = BufReader::new(process.stdout.take().expect("a pipe"));
        let mut child = Self {
            process,
            input,
            output,
        };
        assert_eq!(child.line(), "ready", "{command:?}");
        child
    }

    pub fn id(&self) -> String {
        self.process.id().to_string()
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("an answer");
        line.trim().to_owned()
    }

    /// Lets it work for so long: operations per second, and the times of its groups.
    pub fn round(&mut self, length: Duration) -> (f64, Vec<Times>) {
        writeln!(self.input, "{}", length.as_millis()).expect("a process that listens");
        let line = self.line();
        let numbers: Vec<f64> = line
            .split(' ')
            .map(|number| {
                number
                    .parse()
                    .unwrap_or_else(|_| panic!("no answer: {line}"))
            })
            .collect();
        let time = |nanos: f64| Duration::from_nanos(nanos as u64);
        let groups = numbers[1..].chunks_exact(4).map(|group| Times {
            count: group[0] as usize,
            median: time(group[1]),
            p99: time(group[2]),
            p999: time(group[3]),
        });
        (numbers[0], groups.collect())
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
