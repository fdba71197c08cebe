//! Threads that say lines, the lane's thread and a close together under many thread schedules.

use super::*;
use crate::link::model::explore;
use shuttle::sync::Mutex;
use shuttle::thread;

const PLACE: Place = Place {
    target: "model",
    file: "model.rs",
    line: 1,
};

/// Lines of several threads against a close, with a sink that panics now and then: each line is heard
/// once and in its thread's order, or it is counted.
fn lines_are_heard_or_counted() {
    let counters = Arc::new(Counters::default());
    let heard = Arc::new(Mutex::new(Vec::new()));
    let ears = Arc::clone(&heard);
    let sink = move |line: &Line| ears.lock().unwrap().push(line.text.clone());
    let lane = Lane::with_sink(Arc::clone(&counters), Box::new(sink), 2);
    let speakers: Vec<_> = (0..2)
        .map(|speaker| {
            let lane = lane.clone();
            thread::spawn(move || {
                for number in 0..3 {
                    lane.say(log::Level::Info, PLACE, format_args!("{speaker} {number}"));
                }
            })
        })
        .collect();
    lane.close();
    speakers
        .into_iter()
        .for_each(|speaker| speaker.join().unwrap());
    // The lane's thread may be behind the close: it ends all the same.
    let core = &lane.0.core;
    let mut state = core.state.lock();
    while state.started && !state.ended {
        state = core.bell.wait(&core.state, state, None);
    }
    drop(state);
    let lines = heard.lock().unwrap();
    assert_eq!(lines.len() as u64 + counters.log_lines_dropped.read(), 6);
    for speaker in ["0", "1"] {
        let own: Vec<_> = lines
            .iter()
            .filter(|line| line.starts_with(speaker))
            .collect();
        assert!(own.is_sorted(), "{lines:?}");
    }
}

#[test]
fn model_of_lines_against_a_close() {
    explore(60, lines_are_heard_or_counted);
}
