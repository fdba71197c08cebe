//! The thread on which the log backend and the metrics recorder of the program run. Nobody waits for
//! it: it decides nothing, and what it cannot keep up with is dropped, the oldest first, and counted.
//!
//! ```text
//!   coordinator, workers, readers, hooks --say!--> lines (bounded) --+
//!   every counter that changes --"changed"---------------------------+--> hitless-lane --> log, metrics
//!   the coordinator --gauges (the latest)----------------------------+
//! ```
//!
//! Without a line that is enabled, and without the feature `metrics`, there is no thread.

mod guard;
#[cfg(all(test, hitless_model))]
mod model;
#[cfg(feature = "metrics")]
mod numbers;
#[cfg(all(test, not(hitless_model)))]
mod tests;

pub(crate) use guard::guard;
#[cfg(feature = "metrics")]
pub(crate) use numbers::Gauges;

use crate::clock;
use crate::counters::Counters;
use crate::handoff::bounded::Bounded;
use crate::handoff::later;
use crate::log_targets;
use crate::protocol::{SHOWN, cut};
use crate::sync::{self, Arc, Condvar, JoinHandle, Ranked};
use std::cell::RefCell;
use std::fmt::{self, Write as _};
use std::time::{Duration, Instant};

/// Lines that may wait for the log backend: the move of a pool of 100 at level `debug` says a few hundred.
const MOST_LINES: usize = 1024;

/// Bytes of text that may wait for the log backend.
const MOST_TEXT: usize = 1 << 20;

/// A line that reaches the log backend later than this says by how much. Log backends put their own
/// time on a line, which is right to this.
const LATE: Duration = Duration::from_millis(100);

/// How long a close lets the log backend and the recorder take what is left. A close is to take 1 s in all,
/// and this comes last.
const FLUSH_WITHIN: Duration = Duration::from_millis(200);

/// Says a line of the log on a lane, from any thread; `$target` is one of [`log_targets`] and
/// `$level` one of [`log::Level`]. Neither formatted nor kept below the enabled level.
macro_rules! say {
    ($lane:expr, $target:ident, $level:ident, $($text:tt)+) => {
        if $crate::lane::is_enabled(::log::Level::$level) {
            const PLACE: $crate::lane::Place = $crate::lane::Place {
                target: $crate::log_targets::$target,
                file: file!(),
                line: line!(),
            };
            $lane.say(::log::Level::$level, PLACE, format_args!($($text)+));
        }
    };
}
pub(crate) use say;

thread_local! {
    /// The lane of the client that runs code of the program on this thread.
    static HERE: RefCell<Option<Lane>> = const { RefCell::new(None) };
}

/// Says a line on the lane of the client that runs this thread; on any other thread, straight to the log
/// backend.
pub(crate) fn say_here(level: log::Level, place: Place, text: fmt::Arguments<'_>) {
    if !is_enabled(level) {
        return;
    }
    let lane = HERE.try_with(|here| here.borrow().clone()).ok().flatten();
    match lane {
        Some(lane) => lane.say(level, place, text),
        None => log_line(&Line {
            level,
            place,
            text: text.to_string(),
            at: clock::now(),
        }),
    }
}

/// Whether a line of this level may be heard. Asks no code of the user.
pub(crate) fn is_enabled(level: log::Level) -> bool {
    level <= log::STATIC_MAX_LEVEL && level <= log::max_level()
}

/// Where a line is said.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// One of the constants of [`log_targets`].
    pub(crate) target: &'static str,
    /// The file that says it, which backends may print.
    pub(crate) file: &'static str,
    /// The line in that file.
    pub(crate) line: u32,
}

/// A line of the log.
#[derive(Debug)]
struct Line {
    /// Asked again when it is handed on: the program may have become less curious.
    level: log::Level,
    /// Where it was said.
    place: Place,
    /// Formatted by the thread that says it, and cut at 4 KiB.
    text: String,
    /// When it was said.
    at: Instant,
}

/// Who takes the lines: the log facade, or a test.
type Sink = Box<dyn Fn(&Line) + Send + Sync>;

/// The lane of one client.
#[derive(Clone)]
pub(crate) struct Lane(Arc<Shared>);

/// What all handles of a lane share.
struct Shared {
    /// Alone known to the counters, which ring without knowing a lane.
    core: Arc<Core>,
    /// Count dropped lines, and panics of backends.
    counters: Arc<Counters>,
    /// Called on the lane's thread only, with no lock held.
    sink: Sink,
}

/// What the counters ring, too.
struct Core {
    /// Held for a push or a pop, never while code of the user runs.
    state: Ranked<State, 7>,
    /// Rung when there is something to do, when the lane closes and when its thread ends.
    bell: Condvar,
}

/// What waits for the thread, and whether it runs. Writers hold the lock for one push; no code of the user
/// runs under it.
struct State {
    /// The oldest are dropped when it is full.
    lines: Bounded<Line>,
    /// Lines that were dropped since the log was last told.
    dropped: u64,
    #[cfg(feature = "metrics")]
    numbers: numbers::Waiting,
    /// Joined by the close.
    thread: Option<JoinHandle<()>>,
    /// Whether a thread was started. One that the system refused is asked for again with the next line.
    started: bool,
    /// Set by [`Lane::close`]: the thread passes on what is left, and ends.
    closed: bool,
    /// Set by the thread as its last act, also if it panics, so that a close never waits for it in vain.
    ended: bool,
}

/// What the thread does next.
enum Task {
    /// Hand this line to the log backend.
    Line(Line),
    #[cfg(feature = "metrics")]
    Numbers(numbers::Batch),
    /// So many lines were dropped.
    Gap(u64),
}

impl Lane {
    /// A lane that gives its lines to the `log` facade. Starts no thread: the first line that is enabled
    /// does.
    pub(crate) fn new(counters: Arc<Counters>) -> Self {
        Self::with_sink(counters, Box::new(log_line), MOST_LINES)
    }

    /// A lane whose lines go elsewhere, which tests use.
    fn with_sink(counters: Arc<Counters>, sink: Sink, most: usize) -> Self {
        let core = Arc::new(Core {
            state: Ranked::new(State {
                lines: Bounded::new(most, MOST_TEXT),
                dropped: 0,
                #[cfg(feature = "metrics")]
                numbers: numbers::Waiting::new(),
                thread: None,
                started: false,
                closed: false,
                ended: false,
            }),
            bell: Condvar::default(),
        });
        #[cfg(feature = "metrics")]
        {
            let core = Arc::clone(&core);
            counters.on_change(Box::new(move || {
                core.state.lock().numbers.handle_change();
                core.bell.notify_all();
            }));
        }
        Self(Arc::new(Shared {
            core,
            counters,
            sink,
        }))
    }

    /// What code of the program says on the calling thread with [`say_here`] goes this way from now on.
    pub(crate) fn adopt_thread(&self) {
        let _ = HERE.try_with(|here| here.replace(Some(self.clone())));
    }

    /// Hands a line over. Never waits for the log backend. Use [`say!`].
    pub(crate) fn say(&self, level: log::Level, place: Place, text: fmt::Arguments<'_>) {
        let mut shown = Shown(String::new());
        // What is formatted may hold an error of the user's resolver.
        if guard(|| shown.write_fmt(text)).is_none() {
            self.0.counters.user_panics.count();
        }
        let line = Line {
            level,
            place,
            text: shown.0,
            at: clock::now(),
        };
        let weight = line.text.len();
        // Formatted by now: what is said may run code of the user, which must not hold the lock.
        let mut state = self.0.core.state.lock();
        let dropped = if self.start(&mut state) {
            state.lines.push(line, weight)
        } else {
            1
        };
        state.dropped += dropped;
        drop(state);
        self.0.counters.log_lines_dropped.add(dropped);
        self.0.core.bell.notify_all();
    }

    /// Shows how things stand, in the place of what was shown before.
    #[cfg(feature = "metrics")]
    pub(crate) fn show(&self, gauges: Gauges) {
        let mut state = self.0.core.state.lock();
        if self.start(&mut state) {
            state.numbers.handle_gauges(gauges);
            drop(state);
            self.0.core.bell.notify_all();
        }
    }

    /// Passes a sample on to the histogram of handoffs.
    #[cfg(feature = "metrics")]
    pub(crate) fn sample(&self, took: Duration) {
        let mut state = self.0.core.state.lock();
        let dropped = if self.start(&mut state) {
            state.numbers.handle_sample(took)
        } else {
            1
        };
        drop(state);
        self.0.counters.samples_dropped.add(dropped);
        self.0.core.bell.notify_all();
    }

    /// Starts the thread if there is none yet. False: nobody will fetch what is handed over.
    fn start(&self, state: &mut State) -> bool {
        if !state.started && !state.closed {
            let lane = self.clone();
            // Late, so that a client whose log is off has no such thread.
            let started = sync::spawn("hitless-lane".to_owned(), move || lane.run());
            // A refusal of the system costs this line; the next one tries again.
            state.started = started.is_ok();
            state.thread = started.ok();
        }
        state.started && !state.closed && !state.ended
    }

    /// The body of the thread. Takes one task at a time, and holds no lock while the backend or the
    /// recorder has it.
    fn run(&self) {
        let _exit = ExitGuard(&self.0);
        #[cfg(feature = "metrics")]
        let mut publisher = numbers::Publisher::default();
        while let Some(task) = self.next() {
            match task {
                Task::Line(line) => self.hand_on(&line),
                #[cfg(feature = "metrics")]
                Task::Numbers(batch) => publisher.publish(&self.0.counters, batch),
                Task::Gap(dropped) => {
                    if is_enabled(log::Level::Warn) {
                        self.hand_on(&Line {
                            level: log::Level::Warn,
                            place: Place {
                                target: log_targets::LOG,
                                file: file!(),
                                line: line!(),
                            },
                            text: format!(
                                "{dropped} lines of the log were dropped: the log backend is too slow"
                            ),
                            at: clock::now(),
                        });
                    }
                }
            }
        }
        #[cfg(feature = "metrics")]
        {
            let last = self.0.core.state.lock().numbers.take();
            publisher.publish(&self.0.counters, last);
        }
    }

    /// Gives a line to the log backend of the program, whose panic is counted and goes no further.
    fn hand_on(&self, line: &Line) {
        if guard(|| (self.0.sink)(line)).is_none() {
            self.0.counters.user_panics.count();
        }
    }

    /// Waits for something to do. `None`: the lane is closed, and nothing is left.
    fn next(&self) -> Option<Task> {
        let core = &self.0.core;
        let mut state = core.state.lock();
        loop {
            #[cfg(feature = "metrics")]
            if let Some(batch) = state.numbers.take_due(clock::now()) {
                return Some(Task::Numbers(batch));
            }
            // The gap is before the lines that are left.
            if state.dropped > 0 {
                return Some(Task::Gap(std::mem::take(&mut state.dropped)));
            }
            if let Some(line) = state.lines.pop() {
                return Some(Task::Line(line));
            }
            if state.closed {
                return None;
            }
            #[cfg(feature = "metrics")]
            let until = state.numbers.poll_timeout();
            #[cfg(not(feature = "metrics"))]
            let until = None;
            state = core.bell.wait(&core.state, state, until);
        }
    }

    /// Whether the calling thread is the lane's.
    pub(crate) fn is_current(&self) -> bool {
        let state = self.0.core.state.lock();
        let thread = state.thread.as_ref();
        thread.is_some_and(|thread| thread.thread().id() == sync::current().id())
    }

    /// Ends the thread once it has handed on what is left. Waits for that, but not longer than
    /// [`FLUSH_WITHIN`]; a log backend that hangs ends with its thread, and the rest is dropped.
    pub(crate) fn close(&self) {
        let core = &self.0.core;
        let deadline = later(clock::now(), FLUSH_WITHIN);
        let mut state = core.state.lock();
        state.closed = true;
        core.bell.notify_all();
        // A log backend that hangs costs the close this time, once.
        while state.started && !state.ended && clock::now() < deadline {
            state = core.bell.wait(&core.state, state, Some(deadline));
        }
        let thread = state.thread.take().filter(|_| state.ended);
        let dropped = state.lines.clear();
        // Nobody is to be told of them any more.
        state.dropped = 0;
        drop(state);
        self.0.counters.log_lines_dropped.add(dropped);
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}

/// Says that the thread has ended, even by a panic.
struct ExitGuard<'a>(&'a Shared);

impl Drop for ExitGuard<'_> {
    fn drop(&mut self) {
        self.0.core.state.lock().ended = true;
        self.0.core.bell.notify_all();
    }
}

/// A text that ends at [`SHOWN`]: what is longer is the error text of a server.
struct Shown(String);

impl fmt::Write for Shown {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = SHOWN.saturating_sub(self.0.len());
        let kept = cut(text, room);
        self.0.push_str(kept);
        if kept.len() < text.len() {
            return Err(fmt::Error);
        }
        Ok(())
    }
}

/// Gives a line to the log backend. On the lane's thread, or, for lines said outside of any client's
/// thread, on the caller's.
fn log_line(line: &Line) {
    // The program may have become less curious meanwhile.
    if !is_enabled(line.level) {
        return;
    }
    let late = clock::now().saturating_duration_since(line.at);
    log::logger().log(
        &log::Record::builder()
            .args(format_args!("{}{}", line.text, lateness(late)))
            .level(line.level)
            .target(line.place.target)
            .file_static(Some(line.place.file))
            .line(Some(line.place.line))
            .build(),
    );
}

/// What a line says at its end if it is late.
fn lateness(late: Duration) -> String {
    if late < LATE {
        return String::new();
    }
    let millis = u64::try_from(late.as_millis()).unwrap_or(u64::MAX);
    format!(" ({:?} ago)", Duration::from_millis(millis))
}

impl fmt::Debug for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lane").finish_non_exhaustive()
    }
}
