//! The conductor on simulated time.

use super::*;

fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

#[test]
fn a_wanted_link_is_dialled_and_moved_when_its_server_says_so() {
    let now = clock_start();
    let mut c = Conductor::new(Settings::new(Endpoint::tcp("redis", 6379), 2), 1);
    c.handle_wanted(now);
    let Some(Action::Enqueue(job)) = c.poll_action() else {
        panic!("no job")
    };
    assert_eq!(
        (job.slot, job.kind, job.target),
        (0, JobKind::Fill, Target::Configured)
    );
    let up = |link, peer: &str, via| LinkUp {
        slot: 0,
        link: LinkId(link),
        peer: Some(addr(peer)),
        opted_in: true,
        via,
    };
    c.handle_link_up(now, up(1, "10.0.0.1:6379", Endpoint::tcp("redis", 6379)));
    let moving = Notification::Moving {
        seq: Some(0),
        time: 2,
        target: Some(Endpoint::tcp("10.0.0.2", 6379)),
    };
    assert_eq!(
        c.handle_notification(now, LinkId(1), &moving),
        Verdict::Acted
    );
    assert_eq!(
        c.handle_notification(now, LinkId(1), &moving),
        Verdict::Duplicate
    );
    let jobs: Vec<_> = std::iter::from_fn(|| c.poll_action())
        .filter_map(|action| {
            if let Action::Enqueue(job) = action {
                Some(job)
            } else {
                None
            }
        })
        .collect();
    assert_eq!(jobs.len(), 1);
    assert_eq!(
        jobs[0].target,
        Target::Named(Endpoint::tcp("10.0.0.2", 6379))
    );
    assert_eq!(jobs[0].replaces, Some(LinkId(1)));
    c.handle_link_up(now, up(2, "10.0.0.2:6379", Endpoint::tcp("10.0.0.2", 6379)));
    let actions: Vec<_> = std::iter::from_fn(|| c.poll_action()).collect();
    assert!(actions.iter().any(|a| matches!(
        a,
        Action::Drain {
            link: LinkId(1),
            ..
        }
    )));
    assert!(
        actions
            .iter()
            .any(|a| matches!(a, Action::Publish(Event::OperationCompleted { .. })))
    );
    assert_eq!(c.peer(0), Some(addr("10.0.0.2:6379")));
}

#[allow(
    clippy::disallowed_methods,
    reason = "any instant will do as the origin of simulated time"
)]
fn clock_start() -> Instant {
    Instant::now()
}
