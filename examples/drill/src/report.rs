//! What the drill found, as a table, as JSON and as a picture.

use crate::load::{Findings, Sample};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// Something that the deployment did, in microseconds after the start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) name: &'static str,
    pub(crate) begin: u64,
    /// When the last connection was swapped because of it.
    pub(crate) handoff: u64,
    pub(crate) end: u64,
}

impl Span {
    fn overlaps(&self, sample: Sample, end: u64) -> bool {
        u64::from(sample.start) < end && sample.end() > self.begin
    }
}

/// What is known besides the findings of the threads.
#[derive(Debug)]
pub(crate) struct Numbers {
    pub(crate) threads: usize,
    pub(crate) seed: u64,
    pub(crate) events: usize,
    pub(crate) handoffs: u64,
    pub(crate) slots: usize,
    pub(crate) slots_on_target: usize,
    /// Whether the drill came to its end in time.
    pub(crate) settled: bool,
    pub(crate) elapsed: Duration,
}

/// Microseconds below which so many samples lie.
#[derive(Debug, Default)]
struct Quantiles {
    count: usize,
    p50: u32,
    p99: u32,
    p999: u32,
    max: u32,
}

impl Quantiles {
    fn of(mut values: Vec<u32>) -> Self {
        values.sort_unstable();
        let at = |share: f64| {
            let rank = ((values.len() as f64 * share).ceil() as usize).max(1) - 1;
            values.get(rank).copied().unwrap_or(0)
        };
        Self {
            count: values.len(),
            p50: at(0.5),
            p99: at(0.99),
            p999: at(0.999),
            max: at(1.0),
        }
    }

    fn json(&self, with_p999: bool) -> String {
        let middle = if with_p999 {
            format!("\"p999\":{},", self.p999)
        } else {
            String::new()
        };
        format!(
            "{{\"p50\":{},\"p99\":{},{middle}\"max\":{}}}",
            self.p50, self.p99, self.max
        )
    }
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
    samples: Vec<Sample>,
    quiet: Quantiles,
    moving: Quantiles,
    failover: Quantiles,
    /// The longest command of each thread in each handoff.
    pause: Quantiles,
    /// The same in quiet times of the same lengths, to compare.
    calm: Quantiles,
    quiet_per_s: f64,
    moving_per_s: f64,
}

impl Report {
    /// `executed`: each thread's counter by the server's word.
    pub(crate) fn new(
        numbers: Numbers,
        findings: Vec<Findings>,
        executed: &[i64],
        spans: &[Span],
    ) -> Self {
        let sum = |of: fn(&Findings) -> u64| findings.iter().map(of).sum::<u64>();
        let (mut lost, mut doubled) = (sum(|found| found.lost), sum(|found| found.doubled));
        for (found, executed) in findings.iter().zip(executed) {
            lost += u64::try_from(found.acknowledged - executed).unwrap_or(0);
            let most = found.acknowledged + found.unknown;
            doubled += u64::try_from(executed - most).unwrap_or(0);
        }
        let moves: Vec<&Span> = spans.iter().filter(|span| span.name == "move").collect();
        let (mut quiet, mut moving, mut failover) = (Vec::new(), Vec::new(), Vec::new());
        let (mut pause, mut calm) = (Vec::new(), Vec::new());
        for found in &findings {
            for sample in &found.samples {
                let during = |name| {
                    spans
                        .iter()
                        .any(|span| span.name == name && span.overlaps(*sample, span.end))
                };
                if during("failover") {
                    failover.push(sample.took);
                } else if during("move") || during("migration") {
                    moving.push(sample.took);
                } else {
                    quiet.push(sample.took);
                }
            }
            for span in &moves {
                let longest = |begin: u64, end: u64| {
                    let span = Span { begin, ..**span };
                    let overlapping = found.samples.iter().filter(|s| span.overlaps(**s, end));
                    overlapping.map(|sample| sample.took).max()
                };
                pause.extend(longest(span.begin, span.handoff));
                // As long a time, just before.
                let length = span.handoff - span.begin;
                calm.extend(longest(span.begin.saturating_sub(length), span.begin));
            }
        }
        let busy: u64 = merged(spans);
        let total = numbers.elapsed.as_micros() as u64;
        let rate = |count: usize, micros: u64| count as f64 / (micros.max(1) as f64 / 1e6);
        let (quiet_count, moving_count) = (quiet.len(), moving.len() + failover.len());
        Self {
            commands: sum(|found| found.commands),
            errors: sum(|found| found.errors),
            first_error: findings
                .iter()
                .find_map(|found| found.first_error.as_ref())
                .map(|error| format!("{error} ({:?})", error.delivery())),
            lost,
            misrouted: sum(|found| found.misrouted),
            doubled,
            quiet: Quantiles::of(quiet),
            moving: Quantiles::of(moving),
            failover: Quantiles::of(failover),
            pause: Quantiles::of(pause),
            calm: Quantiles::of(calm),
            quiet_per_s: rate(quiet_count, total.saturating_sub(busy)),
            moving_per_s: rate(moving_count, busy),
            samples: findings
                .into_iter()
                .flat_map(|found| found.samples)
                .collect(),
            numbers,
        }
    }

    /// Whether every promise was kept.
    pub(crate) fn is_kept(&self) -> bool {
        self.errors == 0
            && self.lost == 0
            && self.misrouted == 0
            && self.doubled == 0
            && self.numbers.settled
            && self.numbers.slots > 0
            && self.numbers.slots == self.numbers.slots_on_target
    }

    pub(crate) fn table(&self) -> String {
        let numbers = &self.numbers;
        let mut text = String::new();
        let mut row = |name: &str, value: String| {
            let _ = writeln!(text, "{name:<28}{value}");
        };
        row("threads", numbers.threads.to_string());
        row("commands verified", self.commands.to_string());
        row("errors", self.errors.to_string());
        row("lost", self.lost.to_string());
        row("misrouted", self.misrouted.to_string());
        row("doubled", self.doubled.to_string());
        row("events", numbers.events.to_string());
        row("handoffs", numbers.handoffs.to_string());
        row(
            "slots on the new endpoint",
            format!("{} of {}", numbers.slots_on_target, numbers.slots),
        );
        row(
            "commands per second",
            format!(
                "{:.0} quiet, {:.0} moving",
                self.quiet_per_s, self.moving_per_s
            ),
        );
        row("", "      p50       p99      p999       max".to_owned());
        let mut line = |name: &str, of: &Quantiles| {
            let ms = |micros: u32| format!("{:>7.2} ms", f64::from(micros) / 1000.0);
            row(name, [of.p50, of.p99, of.p999, of.max].map(ms).concat());
        };
        line("latency, quiet", &self.quiet);
        line("latency, moving", &self.moving);
        if self.failover.count > 0 {
            line("latency, server failing over", &self.failover);
        }
        line("pause around a swap", &self.pause);
        line("  the same without a swap", &self.calm);
        if let Some(error) = &self.first_error {
            row("first error", error.clone());
        }
        row(
            "promise",
            if self.is_kept() { "kept" } else { "BROKEN" }.to_owned(),
        );
        text
    }

    pub(crate) fn json(&self) -> String {
        let numbers = &self.numbers;
        format!(
            "{{\"threads\":{},\"commands\":{},\"errors\":{},\"lost\":{},\"misrouted\":{},\"doubled\":{},\
             \"events\":{},\"handoffs\":{},\"slots\":{},\"slots_on_target\":{},\"pause_us\":{},\
             \"pause_quiet_us\":{},\"latency_us\":{{\"quiet\":{},\"moving\":{},\"failover\":{}}},\
             \"ops_per_s\":{{\"quiet\":{:.0},\"moving\":{:.0}}},\"seed\":{},\"kept\":{}}}",
            numbers.threads,
            self.commands,
            self.errors,
            self.lost,
            self.misrouted,
            self.doubled,
            numbers.events,
            numbers.handoffs,
            numbers.slots,
            numbers.slots_on_target,
            self.pause.json(false),
            self.calm.json(false),
            self.quiet.json(true),
            self.moving.json(true),
            self.failover.json(true),
            self.quiet_per_s,
            self.moving_per_s,
            numbers.seed,
            self.is_kept(),
        )
    }

    /// Draws the latency over time, with the events marked.
    pub(crate) fn draw(&self, path: &Path, spans: &[Span]) -> Result<(), String> {
        const WIDTH: f64 = 1200.0;
        const HEIGHT: f64 = 420.0;
        const LEFT: f64 = 70.0;
        const TOP: f64 = 30.0;
        const COLUMNS: usize = 600;
        let total = (self.numbers.elapsed.as_micros() as u64).max(1);
        let x = |micros: u64| LEFT + micros as f64 / total as f64 * (WIDTH - LEFT - 20.0);
        // 10 microseconds at the bottom, 10 seconds at the top.
        let y = |micros: u32| {
            let decades = f64::from(micros.max(10)).log10() - 1.0;
            HEIGHT - 40.0 - decades / 6.0 * (HEIGHT - TOP - 40.0)
        };
        let mut columns: Vec<Vec<u32>> = vec![Vec::new(); COLUMNS];
        for sample in &self.samples {
            let column = (sample.end() * COLUMNS as u64 / total) as usize;
            columns[column.min(COLUMNS - 1)].push(sample.took);
        }
        let columns: Vec<Quantiles> = columns.into_iter().map(Quantiles::of).collect();
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
             font-family=\"sans-serif\" font-size=\"12\"><rect width=\"100%\" height=\"100%\" \
             fill=\"white\"/>\n"
        );
        for span in spans {
            let colour = match span.name {
                "move" => "#cfe3ff",
                "migration" => "#e6f5d8",
                _ => "#ffd9cf",
            };
            let (from, to) = (x(span.begin), x(span.end.min(total)));
            let _ = writeln!(
                svg,
                "<rect x=\"{from:.1}\" y=\"{TOP}\" width=\"{:.1}\" height=\"{}\" fill=\"{colour}\"/>\
                 <text x=\"{from:.1}\" y=\"{}\">{}</text>",
                (to - from).max(1.0),
                HEIGHT - TOP - 40.0,
                TOP - 8.0,
                span.name,
            );
        }
        for (exponent, label) in ["10 us", "100 us", "1 ms", "10 ms", "100 ms", "1 s", "10 s"]
            .iter()
            .enumerate()
        {
            let line = y(10_u32.pow(exponent as u32 + 1));
            let _ = writeln!(
                svg,
                "<line x1=\"{LEFT}\" x2=\"{}\" y1=\"{line:.1}\" y2=\"{line:.1}\" stroke=\"#ddd\"/>\
                 <text x=\"8\" y=\"{:.1}\">{label}</text>",
                WIDTH - 20.0,
                line + 4.0,
            );
        }
        type Pick = fn(&Quantiles) -> u32;
        let curves: [(&str, &str, Pick); 3] = [
            ("max", "#c0392b", |of| of.max),
            ("p99", "#e67e22", |of| of.p99),
            ("p50", "#2c3e50", |of| of.p50),
        ];
        for (place, (name, colour, pick)) in curves.into_iter().enumerate() {
            let mut points = String::new();
            for (index, column) in columns.iter().enumerate().filter(|(_, of)| of.count > 0) {
                let at = (index as u64 * 2 + 1) * total / (COLUMNS as u64 * 2);
                let _ = write!(points, "{:.1},{:.1} ", x(at), y(pick(column)));
            }
            let _ = writeln!(
                svg,
                "<polyline points=\"{points}\" fill=\"none\" stroke=\"{colour}\"/>\
                 <text x=\"{}\" y=\"{}\" fill=\"{colour}\">{name}</text>",
                WIDTH - 160.0 + 50.0 * place as f64,
                HEIGHT - 8.0,
            );
        }
        let _ = writeln!(
            svg,
            "<text x=\"{LEFT}\" y=\"{}\">latency of {} commands over {:.1} s, {} threads</text></svg>",
            HEIGHT - 8.0,
            self.samples.len(),
            self.numbers.elapsed.as_secs_f64(),
            self.numbers.threads,
        );
        if let Some(folder) = path.parent() {
            let _ = fs::create_dir_all(folder);
        }
        fs::write(path, svg).map_err(|error| format!("{}: {error}", path.display()))
    }
}

/// How long at least one of the spans was going on.
fn merged(spans: &[Span]) -> u64 {
    let mut sorted: Vec<(u64, u64)> = spans.iter().map(|span| (span.begin, span.end)).collect();
    sorted.sort_unstable();
    let mut total = 0;
    let mut reached = 0;
    for (begin, end) in sorted {
        total += end.saturating_sub(begin.max(reached));
        reached = reached.max(end);
    }
    total
}
