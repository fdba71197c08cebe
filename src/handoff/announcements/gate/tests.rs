use super::*;

const PATIENCE: Duration = Duration::from_secs(1);

#[allow(clippy::disallowed_methods, reason = "any instant will do as a start")]
fn start() -> Instant {
    Instant::now()
}

fn moving(seq: i64) -> Notification {
    Notification::Moving {
        seq: Some(seq),
        time: 15,
        target: None,
    }
}

fn mark(notification: &Notification) -> EventId {
    EventId::of(notification, Some(([127, 0, 0, 1], 1).into()))
}

#[test]
fn the_first_copy_asks_and_the_others_wait_with_it() {
    let (now, mut gate) = (start(), Gate::new());
    let said = moving(1);
    assert_eq!(
        gate.handle_copy(now, mark(&said), &said, 7, now + PATIENCE),
        Admission::Ask(1)
    );
    assert_eq!(
        gate.handle_copy(now, mark(&said), &said, 8, now + PATIENCE),
        Admission::Kept
    );
    let other = moving(2);
    assert_eq!(
        gate.handle_copy(now, mark(&other), &other, 7, now + PATIENCE),
        Admission::Ask(2)
    );
    assert_eq!(
        gate.handle_hook_verdict(now, 1, HookVerdict::Proceed),
        Some((said.clone(), vec![7, 8]))
    );
    assert_eq!(gate.handle_hook_verdict(now, 1, HookVerdict::Proceed), None);
    assert!(!gate.knows(now, &mark(&said)) && gate.knows(now, &mark(&other)));
}

#[test]
fn copies_of_a_dropped_notification_are_dropped_until_it_is_forgotten() {
    let (now, mut gate) = (start(), Gate::new());
    let said = moving(1);
    gate.handle_copy(now, mark(&said), &said, 7, now + PATIENCE);
    assert!(
        gate.handle_hook_verdict(now, 1, HookVerdict::Drop)
            .is_some()
    );
    assert_eq!(
        gate.handle_copy(now, mark(&said), &said, 8, now + PATIENCE),
        Admission::Drop
    );
    // No timer is needed for it: that time has passed is enough.
    let then = now + MEMORY;
    assert_eq!(
        gate.handle_copy(then, mark(&said), &said, 8, then + PATIENCE),
        Admission::Ask(2)
    );
}

#[test]
fn without_a_number_it_is_forgotten_soon() {
    let (now, mut gate) = (start(), Gate::new());
    let said = Notification::Migrated {
        seq: None,
        shards: String::new(),
    };
    gate.handle_copy(now, mark(&said), &said, 7, now + PATIENCE);
    assert!(
        gate.handle_hook_verdict(now, 1, HookVerdict::Drop)
            .is_some()
    );
    assert!(gate.knows(now, &mark(&said)));
    assert!(!gate.knows(now + MEMORY_UNNUMBERED, &mark(&said)));
}

#[test]
fn what_was_refused_is_remembered() {
    let (now, mut gate) = (start(), Gate::<u8>::new());
    let said = moving(1);
    assert!(!gate.has_refused(now, &mark(&said)));
    gate.handle_refusal(now, mark(&said));
    assert!(gate.has_refused(now, &mark(&said)) && !gate.knows(now, &mark(&said)));
    assert!(!gate.has_refused(now + MEMORY, &mark(&said)));
}

#[test]
fn without_a_word_in_time_it_counts_as_it_came() {
    let (now, mut gate) = (start(), Gate::new());
    let said = moving(1);
    gate.handle_copy(now, mark(&said), &said, 7, now + PATIENCE);
    assert_eq!(gate.poll_timeout(), Some(now + PATIENCE));
    assert!(gate.handle_timeout(now).is_empty());
    assert_eq!(gate.handle_timeout(now + PATIENCE), [(1, (said, vec![7]))]);
    assert_eq!(gate.handle_hook_verdict(now, 1, HookVerdict::Drop), None);
    assert_eq!(gate.poll_timeout(), None);
}

#[test]
fn one_movings_seq_on_two_peers_are_two_events() {
    let said = moving(1);
    let other = EventId::of(&said, Some(([127, 0, 0, 2], 1).into()));
    assert_ne!(mark(&said), other);
    let migrated = Notification::Migrated {
        seq: Some(1),
        shards: String::new(),
    };
    assert_eq!(mark(&migrated), EventId::of(&migrated, None));
}

#[test]
fn memory_is_bounded() {
    let (now, mut gate) = (start(), Gate::new());
    for seq in 0..10_000 {
        let said = moving(seq);
        if let Admission::Ask(ticket) = gate.handle_copy(now, mark(&said), &said, 7, now + PATIENCE)
        {
            gate.handle_hook_verdict(now, ticket, HookVerdict::Drop);
        }
    }
    assert_eq!(gate.dropped.len(), CAP);
    let said = moving(-1);
    for link in 0..1000 {
        gate.handle_copy(now, mark(&said), &said, link, now + PATIENCE);
    }
    assert_eq!(gate.asked[0].links.len(), COPIES);
}

#[test]
fn hooks_that_hang_are_asked_about_so_many_notifications_and_no_more() {
    let (now, mut gate) = (start(), Gate::new());
    for seq in 0..10_000 {
        let said = moving(seq);
        let entry = gate.handle_copy(now, mark(&said), &said, 7, now + PATIENCE);
        assert_eq!(entry == Admission::Full, seq >= 256, "{seq}: {entry:?}");
    }
    assert_eq!(gate.handle_timeout(now + PATIENCE).len(), 256);
    let said = moving(10_000);
    let entry = gate.handle_copy(now, mark(&said), &said, 7, now + PATIENCE);
    assert_eq!(entry, Admission::Ask(257));
}

#[test]
fn hooks_that_hang_are_asked_about_so_much_text_and_no_more() {
    let (now, mut gate) = (start(), Gate::new());
    let said = |seq| Notification::SlotsMigrating {
        seq: Some(seq),
        slots: vec![1..=1; 16_384],
    };
    let mut asked = 0;
    for seq in 0..1000 {
        let said = said(seq);
        let entry = gate.handle_copy(now, mark(&said), &said, 7, now + PATIENCE);
        asked += usize::from(entry != Admission::Full);
    }
    let each = said(0).weight();
    assert!(
        each > 98_304 && asked == MOST_WEIGHT / each,
        "{asked} of {each}"
    );
}
