//! The choice of connections, on reports of any kind and on a pool in simulated time.

mod simulated;

use super::*;
use Fit::{Full, Kept, LargeReply, Mixed, Open, Silent};
use proptest::collection::vec;
use proptest::prelude::*;

const MS: Duration = Duration::from_millis(1);
const MOST: u64 = 16;

fn small() -> Wanted {
    Wanted::small(MOST)
}

fn large() -> Wanted {
    Wanted {
        load: Load::of(1, true),
        ..small()
    }
}

/// A connection on which so many small requests and so many large ones wait, and which moves.
fn busy(small: u64, large: u64) -> Report {
    let one = |is_large| Load::of(1, is_large).word();
    Report {
        load: Load::from_word(small * one(false) + large * one(true)),
        has_moved: true,
        ..Report::default()
    }
}

fn silent(report: Report) -> Report {
    Report {
        silence: 6 * MS,
        ..report
    }
}

const FREE: Report = Report {
    load: Load(0),
    has_large_reply: false,
    has_moved: false,
    silence: Duration::ZERO,
    round_trip: Duration::ZERO,
};

/// Where a request goes, and whether one more connection is asked for, of at most eight.
fn choose(wanted: Wanted, reports: &[Report]) -> (Option<usize>, bool) {
    let mut survey = Survey::new(wanted, reports.len(), 8);
    for (id, report) in reports.iter().enumerate() {
        survey.see(EntryId::new(id), report);
    }
    let Verdict { join, grows } = survey.verdict();
    (join.map(|(id, ..)| id.index()), grows)
}

#[test]
fn a_load_keeps_its_parts_apart() {
    for commands in [1, 2, 100, 4096, 5000, usize::MAX] {
        let load = Load::of(commands, false);
        let counted = commands.min(4096) as u64;
        assert_eq!(
            (load.commands(), load.requests(), load.large()),
            (counted, 1, 0)
        );
    }
    let mut all = Load::default();
    for number in 1..=60_000 {
        all = Load::from_word(all.word() + Load::of(4096, true).word());
        assert_eq!((all.requests(), all.large()), (number, number));
        assert_eq!(all.commands(), number * 4096);
    }
}

#[test]
fn each_thing_that_holds_a_connection_up_has_its_rank() {
    let large_reply = Report {
        has_large_reply: true,
        ..busy(1, 0)
    };
    let abandoned = Report {
        has_large_reply: true,
        ..FREE
    };
    let cases = [
        (FREE, Open, Open),
        (abandoned, LargeReply, LargeReply),
        (busy(1, 0), Open, Mixed),
        (busy(15, 0), Open, Mixed),
        (busy(0, 1), Mixed, Open),
        (busy(1, 1), Mixed, Mixed),
        (large_reply, LargeReply, LargeReply),
        (silent(busy(1, 0)), Silent, Silent),
        (silent(large_reply), Silent, Silent),
        (busy(16, 0), Full, Full),
        (silent(busy(16, 0)), Full, Full),
    ];
    for (report, of_small, of_large) in cases {
        assert_eq!(small().fit(&report, false), of_small, "{report:?}");
        assert_eq!(small().fit(&report, true), of_small, "{report:?}");
        assert_eq!(large().fit(&report, false), of_large, "{report:?}");
        let kept = if of_large == Full { Full } else { Kept };
        assert_eq!(large().fit(&report, true), kept, "{report:?}");
    }
}

#[test]
fn silence_counts_when_it_is_longer_than_usual() {
    for (silence, round_trip, wanted) in [
        (5 * MS, Duration::ZERO, Open),
        (6 * MS, Duration::ZERO, Silent),
        (6 * MS, 5 * MS, Silent),
        (50 * MS, 50 * MS, Open),
        (51 * MS, 50 * MS, Silent),
    ] {
        let report = Report {
            silence,
            round_trip,
            ..busy(1, 0)
        };
        assert_eq!(small().fit(&report, false), wanted, "{report:?}");
    }
}

#[test]
fn a_pipeline_that_is_longer_than_the_bound_goes_where_nobody_is() {
    let wanted = Wanted {
        load: Load::of(100, false),
        ..small()
    };
    assert_eq!(wanted.fit(&FREE, false), Open);
    assert_eq!(wanted.fit(&busy(1, 0), false), Full);
}

#[test]
fn the_connection_in_use_is_joined_rather_than_a_free_one() {
    assert_eq!(choose(small(), &[busy(3, 0), FREE, FREE]), (Some(0), false));
    assert_eq!(choose(small(), &[FREE, FREE]), (Some(0), false));
    assert_eq!(
        choose(small(), &[busy(16, 0), busy(2, 0), FREE]),
        (Some(1), false)
    );
    assert_eq!(
        choose(small(), &[busy(16, 0), FREE, FREE]),
        (Some(1), false)
    );
}

#[test]
fn large_requests_leave_the_first_connection_to_small_ones() {
    assert_eq!(choose(large(), &[FREE, FREE, FREE]), (Some(1), false));
    assert_eq!(
        choose(large(), &[busy(2, 0), busy(0, 2), FREE]),
        (Some(1), false)
    );
    assert_eq!(
        choose(small(), &[busy(16, 0), busy(0, 2), FREE]),
        (Some(2), true)
    );
    // It is the only one.
    assert_eq!(choose(large(), &[busy(2, 0)]), (Some(0), true));
    assert_eq!(choose(large(), &[FREE]), (Some(0), false));
}

#[test]
fn what_is_held_up_least_is_shared_and_one_more_asked_for() {
    let reply = Report {
        has_large_reply: true,
        ..busy(0, 1)
    };
    assert_eq!(
        choose(small(), &[busy(16, 0), reply, busy(0, 1)]),
        (Some(2), true)
    );
    assert_eq!(choose(small(), &[busy(16, 0), reply]), (Some(1), true));
    assert_eq!(
        choose(small(), &[busy(18, 0), busy(17, 0)]),
        (Some(1), true)
    );
    assert_eq!(choose(large(), &[busy(1, 0), reply]), (Some(1), true));
}

#[test]
fn a_spare_is_owed_once_a_connection_is_shared_and_none_is_free() {
    // The second caller of the only connection.
    assert_eq!(choose(small(), &[busy(1, 0)]), (Some(0), true));
    assert_eq!(choose(small(), &[busy(1, 0), FREE]), (Some(0), false));
    assert_eq!(choose(small(), &[busy(2, 0), busy(0, 1)]), (Some(0), true));
    // One caller, and nobody beside it.
    assert_eq!(choose(small(), &[FREE]), (Some(0), false));
    // As many as there may be.
    assert_eq!(choose(small(), &[busy(1, 0); 8]), (Some(0), false));
}

#[test]
fn a_server_that_stands_still_gets_no_further_connection() {
    let stuck = silent(busy(1, 0));
    assert_eq!(choose(small(), &[stuck]), (Some(0), false));
    assert_eq!(choose(small(), &[silent(busy(16, 0)); 3]), (Some(0), false));
    assert_eq!(choose(small(), &[stuck, stuck]), (Some(0), false));
    assert!(!choose(large(), &[stuck, silent(busy(0, 1))]).1);
    // The spare is tried, and as long as nothing has arrived there it proves nothing.
    assert_eq!(choose(small(), &[stuck, FREE]), (Some(1), false));
    let tried = Report {
        has_moved: false,
        ..busy(1, 0)
    };
    assert_eq!(choose(small(), &[stuck, tried]), (Some(1), false));
    // It answers: then it was the connection, and another spare is owed.
    assert_eq!(choose(small(), &[stuck, busy(1, 0)]), (Some(1), true));
}

fn report() -> impl Strategy<Value = Report> {
    (
        prop_oneof![2 => Just(0_u64), 4 => 1_u64..4, 2 => 14_u64..18],
        prop_oneof![4 => Just(0_u64), 1 => 1_u64..3],
        any::<bool>(),
        any::<bool>(),
        0_u32..12,
        0_u32..12,
    )
        .prop_map(
            |(small, large, has_large_reply, has_moved, silence, round_trip)| {
                let load = busy(small, large).load;
                if load.is_free() {
                    return Report {
                        has_large_reply,
                        ..FREE
                    };
                }
                Report {
                    load,
                    has_large_reply,
                    has_moved,
                    silence: silence * MS,
                    round_trip: round_trip * MS,
                }
            },
        )
}

proptest! {
    #[test]
    fn no_request_waits_and_none_is_held_up_without_need(
        reports in vec(report(), 0..9),
        commands in 1_usize..20,
        is_large: bool,
    ) {
        let wanted = Wanted { load: Load::of(commands, is_large), ..small() };
        let (chosen, grows) = choose(wanted, &reports);
        prop_assert_eq!(chosen.is_some(), !reports.is_empty());
        prop_assert!(!grows || reports.len() < 8);
        let Some(chosen) = chosen else { return Ok(()) };
        let several = reports.len() > 1;
        let fit = |at: usize| wanted.fit(&reports[at], several && at == 0);
        for other in 0..reports.len() {
            prop_assert!(fit(chosen) <= fit(other));
            if fit(other) == fit(chosen) && fit(chosen) == Open {
                prop_assert!(chosen <= other, "the lowest of the open ones");
            } else if fit(other) == fit(chosen) {
                let commands = |at: usize| reports[at].load.commands();
                prop_assert!(commands(chosen) <= commands(other), "the least loaded of the others");
            }
        }
        // Nothing moves anywhere: nothing grows.
        let is_stuck = |report: &Report| report.is_free() || report.is_silent();
        prop_assert!(!grows || !reports.iter().all(is_stuck));
        // A spare is there, and no connection is held up: nothing grows.
        let free = reports.iter().enumerate().filter(|(at, report)| report.is_free() && *at != chosen);
        prop_assert!(!grows || fit(chosen) > Open || free.count() == 0);
    }

    #[test]
    fn the_bound_is_kept_while_any_connection_has_room(reports in vec(report(), 1..9)) {
        let (chosen, _) = choose(small(), &reports);
        let has_room = |report: &Report| report.load.commands() < MOST;
        let chosen = &reports[chosen.unwrap()];
        prop_assert!(has_room(chosen) || !reports.iter().any(has_room));
    }
}

#[test]
fn a_connection_that_is_free_is_not_silent_whatever_was_before() {
    let mut watch = Watch::default();
    watch.restart(5);
    assert_eq!(
        watch.look(5, 10),
        (false, 10),
        "silent from the first look on"
    );
    assert_eq!(watch.look(5, 20), (false, 10));
    assert_eq!(watch.look(6, 30), (true, 30), "something has arrived");
    assert_eq!(watch.look(6, 40), (true, 30));
    // All were answered, and another takes it after a while.
    watch.restart(6);
    assert_eq!(watch.look(6, 90), (false, 90));
}

/// A command in the form of the wire.
fn wire(words: &[&str]) -> String {
    let one = |word: &&str| format!("${}\r\n{word}\r\n", word.len());
    let words: Vec<_> = words.iter().map(one).collect();
    format!("*{}\r\n{}", words.len(), words.concat())
}

#[test]
fn keys_of_one_kind_have_one_pattern_whatever_their_numbers_and_values() {
    let of = |words: &[&str]| {
        let wire = wire(words);
        let whole = pattern(wire.as_bytes().into());
        // However it is divided.
        for at in 0..=wire.len() {
            let (first, second) = wire.as_bytes().split_at(at);
            assert_eq!(pattern(Parts::new(first, &[second])), whole);
        }
        whole
    };
    let photo = of(&["GET", "user:17:photo"]);
    for other in [
        ["GET", "user:1234567:photo"].as_slice(),
        &["GET", "user:c0ffee:photo"],
        &["GET", "user:17:photo", "anything"],
    ] {
        assert_eq!(of(other), photo, "{other:?}");
    }
    for other in [
        ["GET", "user:17:name"].as_slice(),
        &["SET", "user:17:photo", "x"],
        &["GET"],
        &[],
    ] {
        assert_ne!(of(other), photo, "{other:?}");
    }
    assert_eq!(
        of(&["SET", "k", "one value"]),
        of(&["SET", "k", "quite another"])
    );
}
