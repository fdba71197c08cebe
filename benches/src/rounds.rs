//! The side of a contender's own process: it works for as long as each line of its input says, in
//! milliseconds, and answers each with a line of numbers. `child` is the other side. Knows no client.

use crate::crew::{Crew, Operation};
use crate::times::Group;
use std::io::{self, BufRead, Write};
use std::time::Duration;

/// Serves until the end of the input. A line of the answer: operations per second, and for each group
/// the number of operations and, in nanoseconds, the times of half, 99 % and 99.9 % of them.
pub fn serve(groups: Vec<(Vec<Operation>, Duration)>) -> io::Result<()> {
    let mut operations = Vec::new();
    let mut timed = Vec::new();
    for (of_group, pause) in groups {
        let (group, of_group) = Group::of(of_group, pause);
        operations.extend(of_group);
        timed.push(group);
    }
    let crew = Crew::start(operations);
    let mut out = io::stdout();
    writeln!(out, "ready")?;
    out.flush()?;
    for line in io::stdin().lock().lines() {
        let millis = line?.trim().parse().map_err(io::Error::other)?;
        let rate = crew.round(Duration::from_millis(millis));
        write!(out, "{rate}")?;
        for group in &timed {
            let times = group.take();
            write!(out, " {}", times.count)?;
            for time in [times.median, times.p99, times.p999] {
                write!(out, " {}", time.as_nanos())?;
            }
        }
        writeln!(out)?;
        out.flush()?;
    }
    Ok(())
}
