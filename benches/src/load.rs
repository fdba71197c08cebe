//! How much of the machine others use. Decides nothing; knows nothing where there is no `/proc`.

use std::fs;
use std::process;
use std::time::Instant;

/// Ticks of processor time are hundredths of a second on every Linux of today.
const TICK: f64 = 0.01;

/// Looks at the processor time of everybody, less that of this process and of the server.
pub struct Meter {
    /// Where the processor times of the processes under measurement are.
    ours: [String; 2],
    at: Instant,
    foreign: f64,
}

impl Meter {
    /// `None` where the system does not tell.
    pub fn new(server: &str) -> Option<Self> {
        let path = |id: &str| format!("/proc/{id}/stat");
        let ours = [path(&process::id().to_string()), path(server)];
        let foreign = foreign(&ours)?;
        Some(Self {
            ours,
            at: Instant::now(),
            foreign,
        })
    }

    /// How many processors others have kept busy since the last look.
    pub fn look(&mut self) -> f64 {
        let now = Instant::now();
        let foreign = foreign(&self.ours).unwrap_or(self.foreign);
        // The two sums come from clocks that differ by a few ticks.
        let used = ((foreign - self.foreign) / (now - self.at).as_secs_f64()).max(0.0);
        (self.at, self.foreign) = (now, foreign);
        used
    }
}

/// Seconds of processor time of all other processes since the machine started.
fn foreign(ours: &[String]) -> Option<f64> {
    let all = fs::read_to_string("/proc/stat").ok()?;
    // "cpu", then user, nice, system, idle, waiting, and interrupts of two kinds. Processes are
    // charged for the interrupts that befall them, so that these count in both sums.
    let fields: Vec<&str> = all.lines().next()?.split_ascii_whitespace().collect();
    let busy = fields.get(1..4)?.iter().chain(fields.get(6..8)?);
    let all = sum(busy.copied())?;
    let mut own = 0;
    for path in ours {
        let text = fs::read_to_string(path).ok()?;
        // The name may have spaces; behind it user and system time are the 12th and 13th.
        let (_, fields) = text.rsplit_once(')')?;
        own += sum(fields.split_ascii_whitespace().skip(11).take(2))?;
    }
    Some(all.saturating_sub(own) as f64 * TICK)
}

fn sum<'a>(fields: impl Iterator<Item = &'a str>) -> Option<u64> {
    fields.map(|field| field.parse::<u64>().ok()).sum()
}
