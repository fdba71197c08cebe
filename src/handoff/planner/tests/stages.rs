//! Every stage of a handoff against every event that can end or advance it.

use super::super::handoff::Stage;
use super::super::*;
use super::world::*;

const STAGES: [Stage; 4] = [
    Stage::Waiting,
    Stage::Probing,
    Stage::Spreading,
    Stage::Ended,
];

/// Three entries, in a handoff that has come this far. At most one job is under way.
fn world(stage: Stage) -> World {
    let mut settings = Settings::new(Endpoint::tcp(NAME, 6379), 3);
    settings.handoff_concurrency = 1;
    let mut w = World::with(settings, 3).filled();
    w.latency = ms(900);
    let time = if stage == Stage::Waiting { 30 } else { 2 };
    let target = (stage != Stage::Waiting).then(|| named(2));
    w.broadcast(node(1), &moving(1, time, target));
    match stage {
        Stage::Waiting => {}
        Stage::Probing => w.run(ms(100)),
        Stage::Spreading => w.run(ms(1000)),
        Stage::Ended => w.run(secs(5)),
    }
    assert_eq!(stage_of(&w), Some(stage));
    w.latency = ms(5);
    w
}

fn stage_of(w: &World) -> Option<Stage> {
    w.c.handoffs
        .iter()
        .find(|op| op.seq == Some(1))
        .map(|op| op.stage)
}

fn walk(event: impl Fn(&mut World), expected: [Option<Stage>; 4]) {
    for (stage, expected) in STAGES.into_iter().zip(expected) {
        let mut w = world(stage);
        event(&mut w);
        assert_eq!(stage_of(&w), expected, "from {stage:?}");
    }
}

const WAITING: Option<Stage> = Some(Stage::Waiting);
const PROBING: Option<Stage> = Some(Stage::Probing);
const SPREADING: Option<Stage> = Some(Stage::Spreading);
const ENDED: Option<Stage> = Some(Stage::Ended);

#[test]
fn a_copy_changes_no_stage() {
    walk(
        |w| {
            let verdicts = w.broadcast(node(1), &moving(1, 30, None));
            assert!(verdicts.iter().all(|v| *v != Verdict::Acted) || w.started() == 2);
        },
        // With a target the identity was another, so this is a correction, which ends the first one.
        [WAITING, WAITING, WAITING, ENDED],
    );
}

#[test]
fn a_timeout_ahead_of_time_changes_no_stage() {
    walk(
        |w| w.c.handle_timeout(w.now, &mut w.a),
        [WAITING, PROBING, SPREADING, ENDED],
    );
}

#[test]
fn an_answer_starts_what_waits_for_one() {
    walk(
        |w| {
            w.list(&[2]);
            // Longer than the jitter of a second.
            w.latency = secs(8);
            w.run(ms(1100));
        },
        [PROBING, SPREADING, SPREADING, ENDED],
    );
}

#[test]
fn a_failed_job_leaves_the_stage_and_a_success_spreads() {
    let failure = JobFailure {
        reached: None,
        kind: FailureKind::Dial,
    };
    walk(
        |w| {
            let handing = w.c.phases().position(|state| state == Phase::Handing);
            if let Some(entry) = handing {
                w.c.handle_job_failed(w.now, &mut w.a, entry.into(), failure);
            }
        },
        [WAITING, PROBING, SPREADING, ENDED],
    );
    walk(
        |w| {
            let handing = w.c.phases().position(|state| state == Phase::Handing);
            if let Some(entry) = handing {
                let link = LinkId::new(500);
                let via = named(2);
                let up = LinkUp {
                    entry: entry.into(),
                    link,
                    peer: Some(node(2)),
                    opted_in: true,
                    via,
                    is_replica: None,
                    listed: Vec::new(),
                };
                w.c.handle_link_up(w.now, &mut w.a, up);
            }
        },
        [WAITING, SPREADING, SPREADING, ENDED],
    );
}

#[test]
fn links_gone_end_every_stage() {
    walk(
        |w| {
            w.manners.insert(node(1), Manner::Refuses);
            w.manners.insert(node(2), Manner::Refuses);
            w.close(node(1));
            // A job that was under way is still the handoff's until it ends.
            w.run(secs(1));
        },
        [ENDED, ENDED, ENDED, ENDED],
    );
}

#[test]
fn a_newer_move_of_the_address_replaces_every_stage() {
    walk(
        |w| {
            let link = w.link(2);
            let peer = w.c.peer(2);
            w.says(link, &moving(2, 30, Some(named(5))));
            assert!(
                w.c.handoffs
                    .iter()
                    .any(|op| op.seq == Some(2) && op.retiring == peer)
            );
        },
        // After the end the entries are elsewhere: another address, another handoff.
        [None, None, None, ENDED],
    );
}

#[test]
fn time_ends_every_stage() {
    walk(
        |w| {
            w.manners.insert(node(2), Manner::Refuses);
            w.run(secs(40));
        },
        [None, None, None, None],
    );
}

#[test]
fn a_straggler_reopens_what_has_ended() {
    walk(
        |w| {
            w.latency = secs(9);
            let link = w.bring_up(2, node(1), Endpoint::tcp(NAME, 6379));
            assert!(w.wires.contains_key(&link));
        },
        [WAITING, PROBING, SPREADING, SPREADING],
    );
}
