//! What the drill found, as a table and as JSON.

use crate::load::Findings;
use crate::phases::Seen;
use crate::record::Measured;
use crate::work::{Promise, Tally};
use hdrhistogram::Histogram;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::time::Duration;

/// What is known besides the findings of the threads.
#[derive(Debug)]
pub(crate) struct Numbers {
    pub(crate) threads: usize,
    pub(crate) seed: u64,
    pub(crate) events: usize,
    pub(crate) connections_moved: u64,
    pub(crate) connections: usize,
    pub(crate) connections_on_target: usize,
    /// Whether the drill came to its end in time.
    pub(crate) settled: bool,
    pub(crate) elapsed: Duration,
}

#[derive(Debug)]
pub(crate) struct Report {
    numbers: Numbers,
    commands: u64,
    errors: u64,
    first_error: Option<String>,
    lost: u64,
    misrouted: u64,
    doubled: u64,
    measured: Measured,
    tallies: Vec<Tally>,
    quiet_per_s: f64,
    moving_per_s: f64,
}

impl Report {
    /// `executed`: each thread's counter by the server's word.
    pub(crate) fn new(
        numbers: Numbers,
        findings: &[Findings],
        tallies: Vec<Tally>,
        executed: &[i64],
        seen: &Seen,
    ) -> Self {
        let sum = |of: fn(&Findings) -> u64| findings.iter().map(of).sum::<u64>();
        let (mut lost, mut doubled) = (sum(|found| found.lost), sum(|found| found.doubled));
        let mut measured = Measured::new();
        for (found, executed) in findings.iter().zip(executed) {
            lost += u64::try_from(found.acknowledged - executed).unwrap_or(0);
            let most = found.acknowledged + found.unknown;
            doubled += u64::try_from(executed - most).unwrap_or(0);
            measured.add(&found.measured);
        }
        let rate = |count: u64, micros: u64| count as f64 / (micros.max(1) as f64 / 1e6);
        Self {
            commands: sum(|found| found.commands),
            errors: sum(|found| found.errors),
            first_error: findings
                .iter()
                .find_map(|found| found.first_error.as_ref())
                .or_else(|| tallies.iter().find_map(|tally| tally.first_error.as_ref()))
                .map(|error| format!("{error} ({:?})", error.delivery())),
            lost,
            misrouted: sum(|found| found.misrouted),
            doubled,
            quiet_per_s: rate(measured.quiet.len(), seen.quiet),
            moving_per_s: rate(measured.moving.len() + measured.failover.len(), seen.busy),
            measured,
            tallies,
            numbers,
        }
    }

    /// Whether every promise was kept.
    pub(crate) fn is_kept(&self) -> bool {
        self.promise() == Promise::Kept
    }

    fn promise(&self) -> Promise {
        let is_whole = self.errors == 0
            && self.lost == 0
            && self.misrouted == 0
            && self.doubled == 0
            && self.numbers.settled
            && self.numbers.connections > 0
            && self.numbers.connections == self.numbers.connections_on_target;
        let commands = if is_whole {
            Promise::Kept
        } else {
            Promise::Broken
        };
        let work = self.tallies.iter().map(Tally::promise);
        work.fold(commands, Promise::max)
    }

    pub(crate) fn table(&self) -> String {
        let numbers = &self.numbers;
        let mut text = String::new();
        let mut row = |name: &str, value: String| {
            let _ = writeln!(text, "{name:<28}{value}");
        };
        row(
            "",
            "      done   errors    lost silently  doubled    pause p99".to_owned(),
        );
        let mut work = |name: &str, counts: [u64; 5], pause: &Histogram<u32>| {
            let [done, errors, lost, silently, doubled] = counts;
            let pause = quantiles(pause)[1] as f64 / 1000.0;
            let lost = format!("{lost:>8}{silently:>9}");
            row(
                name,
                format!("{done:>10}{errors:>9}{lost}{doubled:>9}{pause:>10.2} ms"),
            );
        };
        if numbers.threads > 0 {
            // Nobody is told of a write that is gone.
            let counts = [
                self.commands,
                self.errors,
                self.lost,
                self.lost,
                self.doubled,
            ];
            work("commands", counts, &self.measured.pause);
        }
        for tally in &self.tallies {
            let silently = tally.lost_silently();
            let counts = [
                tally.done,
                tally.errors,
                tally.lost,
                silently,
                tally.doubled,
            ];
            work(tally.name, counts, &tally.measured.pause);
        }
        for (name, text) in self.tallies.iter().filter_map(told) {
            row(name, text);
        }
        if numbers.threads > 0 {
            row("threads of the commands", numbers.threads.to_string());
            row("misrouted", self.misrouted.to_string());
        }
        row("events", numbers.events.to_string());
        row("connections moved", numbers.connections_moved.to_string());
        row(
            "connections on the new endpoint",
            format!(
                "{} of {}",
                numbers.connections_on_target, numbers.connections
            ),
        );
        let is_timed = numbers.threads > 0;
        if is_timed {
            row(
                "commands per second",
                format!(
                    "{:.0} quiet, {:.0} moving",
                    self.quiet_per_s, self.moving_per_s
                ),
            );
        }
        if is_timed {
            self.times(&mut row);
        }
        if let Some(error) = &self.first_error {
            row("first error", error.clone());
        }
        row(
            "promise",
            match self.promise() {
                Promise::Kept => "kept",
                Promise::Told => "NOT KEPT: what was lost or doubled was told, each time",
                Promise::Broken => "BROKEN",
            }
            .to_owned(),
        );
        text
    }

    /// How long the ordinary commands took.
    fn times(&self, row: &mut impl FnMut(&str, String)) {
        row("", "      p50       p99      p999       max".to_owned());
        let mut line = |name: &str, of: &Histogram<u32>| {
            let ms = |micros: u64| format!("{:>7.2} ms", micros as f64 / 1000.0);
            row(name, quantiles(of).map(ms).concat());
        };
        line("latency, quiet", &self.measured.quiet);
        line("latency, moving", &self.measured.moving);
        if !self.measured.failover.is_empty() {
            line("latency, server failing over", &self.measured.failover);
        }
        line("pause around a swap", &self.measured.pause);
        line("  the same without a swap", &self.measured.calm);
    }

    pub(crate) fn json(&self) -> String {
        let numbers = &self.numbers;
        let times = |of: &Histogram<u32>| -> Value {
            let [p50, p99, p999, max] = quantiles(of);
            json!({"p50": p50, "p99": p99, "p999": p999, "max": max})
        };
        json!({
            "threads": numbers.threads,
            "commands": self.commands,
            "errors": self.errors,
            "first_error": self.first_error,
            "lost": self.lost,
            "misrouted": self.misrouted,
            "doubled": self.doubled,
            "events": numbers.events,
            "connections_moved": numbers.connections_moved,
            "connections": numbers.connections,
            "connections_on_target": numbers.connections_on_target,
            "elapsed_s": numbers.elapsed.as_secs_f64(),
            "work": self.tallies.iter().map(|tally| json!({
                "kind": tally.name,
                "done": tally.done,
                "errors": tally.errors,
                "lost": tally.lost,
                "lost_told": tally.lost_told,
                "lost_silently": tally.lost_silently(),
                "doubled": tally.doubled,
                "doubled_told": tally.doubled_told,
                "gaps": tally.gaps,
                "pause_us": times(&tally.measured.pause),
            })).collect::<Vec<_>>(),
            "pause_us": times(&self.measured.pause),
            "pause_quiet_us": times(&self.measured.calm),
            "latency_us": {
                "quiet": times(&self.measured.quiet),
                "moving": times(&self.measured.moving),
                "failover": times(&self.measured.failover),
            },
            "ops_per_s": {
                "quiet": self.quiet_per_s.round(),
                "moving": self.moving_per_s.round(),
            },
            "seed": numbers.seed,
            "kept": self.is_kept(),
            "promise": match self.promise() {
                Promise::Kept => "kept",
                Promise::Told => "told",
                Promise::Broken => "broken",
            },
        })
        .to_string()
    }
}

/// What receivers were told of what is missing or came twice, if they were told anything.
fn told(tally: &Tally) -> Option<(&'static str, String)> {
    if tally.gaps > 0 || tally.lost_told > 0 {
        let Tally {
            gaps,
            lost,
            lost_told,
            ..
        } = tally;
        let text = format!("{gaps} told, and in them {lost_told} of {lost} that were lost");
        return Some(("gaps", text));
    }
    let (doubled, told) = (tally.doubled, tally.doubled_told);
    (told > 0).then(|| ("repetitions", format!("{told} of {doubled} told")))
}

/// Microseconds below which half, 99 %, 99.9 % and all of the commands lie.
fn quantiles(of: &Histogram<u32>) -> [u64; 4] {
    let at = |share| of.value_at_quantile(share);
    [at(0.5), at(0.99), at(0.999), of.max()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::work::Kind;

    /// What is reported of a tally beside commands that are as they should be.
    fn report(change: impl FnOnce(&mut Tally)) -> (String, Value, bool) {
        let mut tally = Tally::new(Kind::Pubsub);
        tally.done = 1000;
        change(&mut tally);
        let numbers = Numbers {
            threads: 0,
            seed: 1,
            events: 6,
            connections_moved: 6,
            connections: 3,
            connections_on_target: 3,
            settled: true,
            elapsed: Duration::from_secs(15),
        };
        let report = Report::new(numbers, &[], vec![tally], &[], &Seen::default());
        let json: Value = serde_json::from_str(&report.json()).unwrap();
        (report.table(), json, report.is_kept())
    }

    #[test]
    fn what_was_told_is_reported_in_other_words_than_what_was_not() {
        let (table, json, is_kept) = report(|_| ());
        assert!(is_kept && json["promise"] == "kept", "{json}");
        assert!(
            table.contains("promise                     kept"),
            "{table}"
        );

        let lose = |lost, told| {
            move |tally: &mut Tally| {
                (tally.lost, tally.lost_told, tally.gaps) = (lost, told, 2);
            }
        };
        let (table, json, is_kept) = report(lose(59, 59));
        assert!(!is_kept && json["promise"] == "told", "{json}");
        let work = &json["work"][0];
        assert_eq!([&work["lost_told"], &work["lost_silently"]], [59, 0]);
        assert!(table.contains("2 told, and in them 59 of 59"), "{table}");
        assert!(table.contains("NOT KEPT"), "{table}");

        let (table, json, is_kept) = report(lose(59, 58));
        assert!(!is_kept && json["promise"] == "broken", "{json}");
        assert_eq!(json["work"][0]["lost_silently"], 1);
        assert!(table.contains("BROKEN"), "{table}");

        let (_, json, _) = report(|tally| (tally.doubled, tally.doubled_told) = (3, 3));
        assert_eq!(json["promise"], "told");
        let (_, json, _) = report(|tally| (tally.doubled, tally.doubled_told) = (3, 2));
        assert_eq!(json["promise"], "broken");
    }
}
