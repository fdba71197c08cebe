//! How much of the machine others use, and this process. Decides nothing; knows nothing of others where there
//! is no `/proc`.

use rustix::time::{ClockId, clock_gettime};
use std::fs;
use std::time::{Duration, Instant};

/// Ticks of processor time are hundredths of a second on every Linux of today.
const TICK: f64 = 0.01;

/// The processor time that all threads of this process have used, user's and system's.
pub fn own_processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Looks at the processor time of everybody, less that of the processes under measurement.
pub struct Meter {
    /// Where their processor times are.
    ours: Vec<String>,
    at: Instant,
    foreign: f64,
}

impl Meter {
    /// `None` where the system does not tell. `processes` are the ids of those under measurement.
    pub fn new(processes: &[String]) -> Option<Self> {
        let path = |id: &String| format!("/proc/{id}/stat");
        let ours: Vec<String> = processes.iter().map(path).collect();
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
