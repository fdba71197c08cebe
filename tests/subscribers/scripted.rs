//! What a subscriber is subscribed to, where servers hang, refuse some of it, or confirm it late or never.

use super::{is_gap, kill, message, publish};
use crate::common::fake::{Fake, Peer, Words, answer, moving};
use crate::common::redis::Redis;
use crate::common::{SOON, eventually, patient};
use hitless::{Client, Options, SubscriberEvent, SubscriberOptions, cmd};
use std::collections::BTreeSet;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

fn confirm(peer: &mut Peer, kind: &str, names: &[Vec<u8>]) -> io::Result<()> {
    for name in names {
        let mut out =
            format!(">3\r\n${}\r\n{kind}\r\n${}\r\n", kind.len(), name.len()).into_bytes();
        out.extend_from_slice(name);
        out.extend_from_slice(b"\r\n:1\r\n");
        peer.send(out)?;
    }
    Ok(())
}

fn of(fake: &Fake) -> Client {
    let options = Options::new(&fake.address.to_string()).unwrap();
    let options = patient(options).pool_size(1).max_active_connections(3);
    Client::connect(options.connect_timeout(Duration::from_secs(1))).unwrap()
}

#[test]
fn what_was_not_confirmed_in_time_is_kept_all_of_it() {
    // Silent to the first connection that subscribes; what the second one is asked for.
    let asked: Arc<Mutex<Vec<BTreeSet<Vec<u8>>>>> = Arc::default();
    let log = Arc::clone(&asked);
    let fake = Fake::start(move |peer| {
        let mut mine = None;
        loop {
            let words = peer.next()?;
            if words[0] != b"SUBSCRIBE" {
                peer.send(answer(&words))?;
                continue;
            }
            let at = *mine.get_or_insert_with(|| {
                log.lock().unwrap().push(BTreeSet::new());
                log.lock().unwrap().len() - 1
            });
            log.lock().unwrap()[at].extend(words[1..].iter().cloned());
            if at > 0 {
                confirm(peer, "subscribe", &words[1..])?;
            }
        }
    });
    let client = of(&fake);
    let given = SubscriberOptions::new().timeout(Some(Duration::from_millis(50)));
    let subscriber = client.subscriber_with(&given).unwrap();
    let names: Vec<String> = (0..1200).map(|number| format!("c{number}")).collect();
    subscriber.subscribe(&names).unwrap_err();
    fake.cut();
    eventually("all are asked for", || {
        asked
            .lock()
            .unwrap()
            .last()
            .is_some_and(|last| last.len() == 1200)
    });
}

#[test]
fn a_server_that_never_confirms_is_left_for_another_connection() {
    let subscribed = AtomicUsize::new(0);
    let fake = Fake::start(move |peer| {
        loop {
            let words = peer.next()?;
            match &words[0][..] {
                b"SUBSCRIBE" if subscribed.fetch_add(1, Ordering::Relaxed) == 1 => {}
                b"SUBSCRIBE" => confirm(peer, "subscribe", &words[1..])?,
                _ => peer.send(answer(&words))?,
            }
        }
    });
    let client = of(&fake);
    let mut subscriber = client.subscriber().unwrap();
    subscriber.subscribe("a").unwrap();
    fake.cut();
    is_gap(&mut subscriber);
}

/// A server that confirms subscriptions, says what they name, and waits for `may` before each.
fn confirming(said: Sender<Words>, may: impl Fn() + Send + Sync + 'static) -> Fake {
    Fake::start(move |peer| {
        loop {
            let words = peer.next()?;
            match &words[0][..] {
                b"SUBSCRIBE" => {
                    let _ = said.send(words.clone());
                    may();
                    confirm(peer, "subscribe", &words[1..])?;
                }
                _ => peer.send(answer(&words))?,
            }
        }
    })
}

#[test]
fn a_new_server_that_hangs_holds_up_no_change_of_subscriptions() {
    let (say, old_said) = channel();
    let old = confirming(say, || {});
    let (say, new_said) = channel();
    let (release, released) = channel();
    let released = Mutex::new(released);
    let new = confirming(say, move || {
        // Once it is released it stays so, because nobody is there any more to say otherwise.
        let _ = released.lock().unwrap().recv();
    });
    let client = of(&old);
    let given = SubscriberOptions::new()
        .markers(false)
        .timeout(Some(SOON / 2));
    let mut subscriber = client.subscriber_with(&given).unwrap();
    subscriber.subscribe("a").unwrap();
    assert_eq!(old_said.recv().unwrap()[1], b"a");
    old.send(1, moving(1, 60, Some(&new.address.to_string())));
    assert_eq!(new_said.recv_timeout(SOON).unwrap()[1], b"a");
    // The new server has not confirmed anything by then.
    subscriber.subscribe("b").unwrap();
    assert_eq!(old_said.recv().unwrap()[1], b"b");
    drop::<Sender<()>>(release);
    eventually("it moves", || client.maintenance().seams_exact == 1);
    let asked: BTreeSet<Vec<u8>> = new_said
        .try_iter()
        .flat_map(|words| words[1..].to_vec())
        .collect();
    assert!(asked.contains(&b"b"[..]), "{asked:?}");
    assert_eq!(subscriber.try_next().unwrap(), None);
}

#[test]
fn what_is_refused_beside_others_takes_none_of_the_older_ones_along() {
    super::everywhere(|client, _| {
        cmd("ACL SETUSER reader on >pw resetchannels &news* +@all ~*")
            .exec(client)
            .unwrap();
        let options = client.options().clone().username("reader").password("pw");
        let reader = Client::connect(options).unwrap();
        let mut subscriber = reader.subscriber().unwrap();
        subscriber.subscribe("news").unwrap();
        // The server still has the first, and so has the next connection.
        subscriber.subscribe(["news", "secret"]).unwrap_err();
        kill(client);
        is_gap(&mut subscriber);
        assert_eq!(publish(client, "news", "1"), 1);
        assert_eq!(message(&mut subscriber).payload, b"1");
    });
}

#[test]
fn many_refusals_are_told_each_and_end_nothing_else() {
    let redis = Redis::start();
    let client = Client::connect(patient(Options::new(&redis.url()).unwrap())).unwrap();
    cmd("ACL SETUSER reader on >pw allchannels +@all ~*")
        .exec(&client)
        .unwrap();
    let options = client.options().clone().username("reader").password("pw");
    let reader = Client::connect(options).unwrap();
    let mut subscriber = reader.subscriber().unwrap();
    let names: Vec<String> = (0..1000).map(|number| format!("c{number}")).collect();
    subscriber.subscribe(&names).unwrap();
    cmd("ACL SETUSER reader resetchannels &c7*")
        .exec(&client)
        .unwrap();
    kill(&client);
    is_gap(&mut subscriber);
    let mut refused = BTreeSet::new();
    // c7, c70 to c79, c700 to c799.
    while refused.len() < 1000 - 111 {
        match super::next(&mut subscriber) {
            SubscriberEvent::Refused { name, .. } => assert!(refused.insert(name)),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(publish(&client, "c77", "1"), 1);
    assert_eq!(message(&mut subscriber).payload, b"1");
}
