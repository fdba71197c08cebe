//! One command that blocks, and all that may happen to it at once: data comes, its link is replaced, it is cancelled,
//! an UNBLOCK is carried out late or its answer lost, the link ends.

use super::{BlockingCall, Entries};
use crate::clock;
use crate::link::fake::{self, Far, forever, one};
use crate::link::model::{BY_USER, explore, rarely};
use crate::link::{Link, Outcome};
use crate::pool::{Answer, Demand, Step};
use crate::protocol::Value;
use crate::sync::{Arc, AtomicBool, AtomicUsize, Ordering, Ranked};
use shuttle::thread;

/// A server with one list, and the connection that may block on it.
#[derive(Debug, Default)]
struct Served {
    is_blocked: bool,
    elements: usize,
    taken: usize,
    /// UNBLOCKs whose answer nobody waits for, and that were not carried out yet.
    late: usize,
    /// The connection has been asked for something else.
    is_over: bool,
}

struct Server {
    far: Far,
    state: Ranked<Served, 8>,
}

impl Server {
    /// Reads commands: the first blocks until there is an element, the second is answered at once.
    fn serve(&self) {
        while let Some(line) = self.far.line() {
            let mut state = self.state.lock();
            if line == b"2\n" {
                assert!(!state.is_blocked);
                state.is_over = true;
                drop(state);
                self.far.send(":2\r\n");
                continue;
            }
            state.is_blocked = true;
            self.give(&mut state);
        }
    }

    /// Gives an element to the command that blocks, if both are there.
    fn give(&self, state: &mut Served) {
        if state.is_blocked && state.elements > 0 {
            state.elements -= 1;
            state.taken += 1;
            state.is_blocked = false;
            self.far.send(":1\r\n");
        }
    }

    fn push(&self) {
        let mut state = self.state.lock();
        state.elements += 1;
        self.give(&mut state);
    }

    /// Carries an UNBLOCK out.
    fn unblock(&self) -> Answer {
        let mut state = self.state.lock();
        assert!(!state.is_over, "it may end what comes next");
        if !std::mem::take(&mut state.is_blocked) {
            return Answer::NotBlocked;
        }
        self.far.send("-UNBLOCKED\r\n");
        Answer::Freed
    }

    /// As the coordinator looks at a call.
    fn look(&self, call: &BlockingCall, link: &Link) {
        let now = clock::now();
        match call.step(now, true) {
            Some((Step::Ask, _)) => {
                if rarely(4) {
                    self.state.lock().late += 1;
                    call.answered(now, Answer::Lost);
                } else {
                    thread::yield_now();
                    call.answered(now, self.unblock());
                }
            }
            Some((Step::End, _)) => link.end(BY_USER),
            _ => {}
        }
        if rarely(2) && std::mem::take(&mut self.state.lock().late) > 0 {
            self.unblock();
        }
    }
}

/// How a call has ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Fate {
    Taken,
    Nothing,
    Unknown,
}

/// What the caller does: asks, concludes, and asks something else if the connection may serve on.
fn call(call: &BlockingCall, link: &Arc<Link>, entries: &Entries) -> Fate {
    call.sent_on(link);
    let called = link.call(one(b"1\n"), &forever());
    let is_alive = matches!(called, Ok(Outcome::One(_)));
    let conclusion = call.concluded(entries, is_alive);
    if conclusion.is_used_up {
        link.retire();
    }
    let fate = match called {
        Ok(Outcome::One(Value::Int(1))) => Fate::Taken,
        Ok(Outcome::One(Value::Error(_))) => {
            assert!(conclusion.is_ours, "nobody else has unblocked it");
            Fate::Nothing
        }
        Ok(Outcome::Failed(_)) => Fate::Unknown,
        Err(_) => Fate::Nothing,
        other => panic!("{other:?}"),
    };
    // Whatever is asked next must not be ended by what was sent for this.
    match link.call(one(b"2\n"), &forever()) {
        Ok(Outcome::One(value)) => assert_eq!(value, Value::Int(2)),
        Ok(Outcome::Failed(_)) | Err(_) => {}
        other => panic!("{other:?}"),
    }
    fate
}

fn unblock_against_all() {
    let entries = Arc::new(Entries::new(1, 1));
    let (link, far, _notes) = fake::link();
    let server = Arc::new(Server {
        far,
        state: Ranked::default(),
    });
    let blocking = Arc::new(BlockingCall::new(Arc::new(|_: Demand| {}), None));
    let done = Arc::new(AtomicBool::new(false));
    let pushed = Arc::new(AtomicUsize::new(0));
    let serving = {
        let server = Arc::clone(&server);
        thread::spawn(move || server.serve())
    };
    let caller = {
        let (blocking, link) = (Arc::clone(&blocking), Arc::clone(&link));
        let (entries, done) = (Arc::clone(&entries), Arc::clone(&done));
        thread::spawn(move || {
            let fate = call(&blocking, &link, &entries);
            done.store(true, Ordering::SeqCst);
            fate
        })
    };
    let events = {
        let (server, link) = (Arc::clone(&server), Arc::clone(&link));
        let (blocking, pushed) = (Arc::clone(&blocking), Arc::clone(&pushed));
        thread::spawn(move || {
            if rarely(2) {
                pushed.fetch_add(1, Ordering::SeqCst);
                server.push();
            }
            match rarely(2) {
                true => blocking.cancel(),
                false => link.retire(),
            }
            if rarely(8) {
                link.end(BY_USER);
            }
        })
    };
    while !done.load(Ordering::SeqCst) {
        server.look(&blocking, &link);
        thread::yield_now();
    }
    let fate = caller.join().unwrap();
    events.join().unwrap();
    link.end(BY_USER);
    serving.join().unwrap();
    let state = server.state.lock();
    let pushed = pushed.load(Ordering::SeqCst);
    assert_eq!(state.elements + state.taken, pushed, "{fate:?}");
    match fate {
        Fate::Taken => assert_eq!(state.taken, 1),
        Fate::Nothing => assert_eq!(state.taken, 0),
        // The only fate in which an element may be gone.
        Fate::Unknown => {}
    }
    drop(state);
    link.join();
}

#[test]
fn model_of_a_command_that_blocks_against_all_that_ends_it() {
    explore(60, unblock_against_all);
}
