//! The lane over a sink of the test's. What reaches the log facade is in `tests/loggers.rs`.

use super::*;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

const PLACE: Place = Place {
    target: "test",
    file: "test.rs",
    line: 1,
};

/// A lane whose lines come out of the receiver, for as long as `gate` can be locked.
struct Heard {
    lane: Lane,
    counters: Arc<Counters>,
    lines: mpsc::Receiver<String>,
}

fn lane(most: usize, sink: impl Fn(&str) + Send + Sync + 'static) -> Heard {
    let counters = Arc::new(Counters::default());
    let (sender, lines) = mpsc::channel();
    let hear = move |line: &Line| {
        sink(&line.text);
        let _ = sender.send(line.text.clone());
    };
    Heard {
        lane: Lane::with_sink(Arc::clone(&counters), Box::new(hear), most),
        counters,
        lines,
    }
}

fn say(lane: &Lane, text: &str) {
    lane.say(log::Level::Info, PLACE, format_args!("{text}"));
}

#[test]
fn no_thread_exists_until_a_line_does() {
    let heard = lane(8, |_| ());
    assert!(!heard.lane.0.core.state.lock().started);
    say(&heard.lane, "one");
    assert!(heard.lane.0.core.state.lock().started);
    // Before the close, which leaves behind what a busy machine has not handed on within 200 ms.
    assert_eq!(heard.lines.recv().as_deref(), Ok("one"));
    heard.lane.close();
}

#[test]
fn nothing_is_formatted_below_the_enabled_level() {
    struct Trap;
    impl fmt::Display for Trap {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            panic!("formatted");
        }
    }
    let heard = lane(8, |_| ());
    // No test of the library gives the facade a level.
    assert_eq!(log::max_level(), log::LevelFilter::Off);
    super::say!(heard.lane, LOG, Error, "{Trap}");
    assert!(!heard.lane.0.core.state.lock().started);
    assert_eq!(heard.counters.user_panics.read(), 0);
    // The trap can be sprung.
    heard
        .lane
        .say(log::Level::Error, PLACE, format_args!("{Trap}"));
    assert_eq!(heard.counters.user_panics.read(), 1);
    heard.lane.close();
}

#[test]
fn a_sink_that_panics_costs_its_line_and_is_counted() {
    let heard = lane(8, |text| assert!(text != "bad", "on purpose"));
    for text in ["one", "bad", "two"] {
        say(&heard.lane, text);
    }
    assert_eq!(heard.lines.recv().as_deref(), Ok("one"));
    assert_eq!(heard.lines.recv().as_deref(), Ok("two"));
    assert_eq!(heard.counters.user_panics.read(), 1);
    heard.lane.close();
}

#[test]
fn a_sink_that_hangs_holds_up_neither_a_line_nor_a_close() {
    let (release, held) = mpsc::channel::<()>();
    let held = std::sync::Mutex::new(held);
    let arrivals = Arc::new(AtomicUsize::new(0));
    let arrived = Arc::clone(&arrivals);
    let heard = lane(4, move |_| {
        arrived.fetch_add(1, Ordering::SeqCst);
        let _ = held.lock().unwrap().recv();
    });
    say(&heard.lane, "0");
    while arrivals.load(Ordering::SeqCst) == 0 {
        std::thread::yield_now();
    }
    for number in 1..=10 {
        say(&heard.lane, &number.to_string());
    }
    assert_eq!(heard.counters.log_lines_dropped.read(), 6);
    heard.lane.close();
    assert_eq!(
        heard.counters.log_lines_dropped.read(),
        10,
        "what was left at the close is gone"
    );
    say(&heard.lane, "after the close");
    assert_eq!(heard.counters.log_lines_dropped.read(), 11);
    drop(release);
    let lines: Vec<String> = heard.lines.iter().take(1).collect();
    assert_eq!(lines, ["0"]);
}

#[test]
fn the_oldest_lines_are_dropped_and_the_log_is_told() {
    log::set_max_level(log::LevelFilter::Off);
    let mut state = State {
        lines: Bounded::new(2, MOST_TEXT),
        dropped: 0,
        #[cfg(feature = "metrics")]
        numbers: numbers::Waiting::new(),
        thread: None,
        started: true,
        closed: false,
        ended: false,
    };
    let heard = lane(2, |_| ());
    for number in 0..5 {
        let line = Line {
            level: log::Level::Info,
            place: PLACE,
            text: number.to_string(),
            at: clock::now(),
        };
        state.dropped += state.lines.push(line, 1);
    }
    *heard.lane.0.core.state.lock() = state;
    assert!(matches!(heard.lane.next(), Some(Task::Gap(3))));
    for kept in ["3", "4"] {
        let next = heard.lane.next();
        assert!(matches!(next, Some(Task::Line(line)) if line.text == kept));
    }
}

#[test]
fn a_close_hands_on_what_waits() {
    let heard = lane(100, |_| ());
    for number in 0..100 {
        say(&heard.lane, &number.to_string());
    }
    heard.lane.close();
    let lines: Vec<String> = heard.lines.try_iter().collect();
    let dropped = heard.counters.log_lines_dropped.read();
    // On a machine that is too busy for 200 ms some are left, and counted.
    assert_eq!(lines.len() as u64 + dropped, 100);
    assert!(
        lines
            .iter()
            .enumerate()
            .all(|(at, line)| *line == at.to_string())
    );
}

#[test]
fn a_line_of_a_server_is_cut() {
    let heard = lane(8, |_| ());
    let long = "\u{e9}".repeat(SHOWN);
    say(&heard.lane, &format!("x{long}"));
    let line = heard.lines.recv().expect("a line");
    assert!(line.len() <= SHOWN && line.len() >= SHOWN - 1 && line.starts_with("x\u{e9}"));
    assert_eq!(heard.counters.user_panics.read(), 0);
    heard.lane.close();
}

#[test]
fn a_line_that_is_late_says_by_how_much() {
    assert_eq!(lateness(Duration::from_millis(99)), "");
    assert_eq!(lateness(Duration::from_micros(812_345)), " (812ms ago)");
    assert_eq!(lateness(Duration::from_millis(1_600)), " (1.6s ago)");
}
