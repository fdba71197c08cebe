//! What a subscriber is subscribed to, whatever connection it has. Sends nothing.

use super::message::SubscriptionKind;
use std::collections::BTreeSet;

/// So many names go in one command at most, so that a server with much to do answers others in between.
const MOST_NAMES: usize = 512;

/// And so many bytes of names, one name at least.
const MOST_BYTES: usize = 64 * 1024;

/// Some names of one kind, for one command.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Batch {
    pub(super) kind: SubscriptionKind,
    pub(super) names: Vec<Vec<u8>>,
}

impl Batch {
    /// The same names in two parts, of which each has some if there are two names.
    pub(super) fn halves(mut self) -> [Self; 2] {
        let names = self.names.split_off(self.names.len() / 2);
        let kind = self.kind;
        [self, Self { kind, names }]
    }
}

/// Names of one kind, divided so that each part suits one command.
pub(super) fn batches(
    kind: SubscriptionKind,
    names: impl IntoIterator<Item = Vec<u8>>,
) -> Vec<Batch> {
    let mut batches: Vec<Batch> = Vec::new();
    let mut bytes = 0;
    for name in names {
        // With the name that may not fit any more: then it is the first of the next command.
        bytes += name.len();
        match batches.last_mut() {
            Some(last) if last.names.len() < MOST_NAMES && bytes <= MOST_BYTES => {
                last.names.push(name);
            }
            _ => {
                bytes = name.len();
                batches.push(Batch {
                    kind,
                    names: vec![name],
                });
            }
        }
    }
    batches
}

/// The names of all subscriptions.
#[derive(Debug, Default)]
pub(super) struct Wanted([BTreeSet<Vec<u8>>; SubscriptionKind::ALL.len()]);

impl Wanted {
    fn of(&mut self, kind: SubscriptionKind) -> &mut BTreeSet<Vec<u8>> {
        let [channels, patterns, shards] = &mut self.0;
        match kind {
            SubscriptionKind::Channel => channels,
            SubscriptionKind::Pattern => patterns,
            SubscriptionKind::Shard => shards,
        }
    }

    pub(super) fn add(&mut self, batch: &Batch) {
        let names = self.of(batch.kind);
        for name in &batch.names {
            names.insert(name.clone());
        }
    }

    /// Those of a batch that are not among these.
    pub(super) fn unknown(&mut self, batch: &Batch) -> Batch {
        let known = self.of(batch.kind);
        let names = batch.names.iter().filter(|name| !known.contains(*name));
        Batch {
            kind: batch.kind,
            names: names.cloned().collect(),
        }
    }

    pub(super) fn remove(&mut self, batch: &Batch) {
        let names = self.of(batch.kind);
        for name in &batch.names {
            names.remove(name);
        }
    }

    /// Begins these, or ends them.
    pub(super) fn change(&mut self, batch: &Batch, is_end: bool) {
        if is_end {
            self.remove(batch);
        } else {
            self.add(batch);
        }
    }

    pub(super) fn has(&mut self, kind: SubscriptionKind, name: &[u8]) -> bool {
        self.of(kind).contains(name)
    }

    /// Those that are not among others, divided into commands.
    pub(super) fn without(&self, others: &Self) -> Vec<Batch> {
        let kinds = SubscriptionKind::ALL.into_iter().zip(&self.0);
        kinds
            .zip(&others.0)
            .flat_map(|((kind, names), others)| {
                let names = names.iter().filter(|name| !others.contains(*name));
                batches(kind, names.cloned())
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(count: usize, length: usize) -> Vec<Vec<u8>> {
        let name = |number| {
            let mut name = format!("{number}").into_bytes();
            name.resize(length, b'.');
            name
        };
        (0..count).map(name).collect()
    }

    #[test]
    fn what_was_added_and_not_removed_is_wanted() {
        let mut wanted = Wanted::default();
        for kind in SubscriptionKind::ALL {
            let [batch] = &batches(kind, names(3, 1))[..] else {
                panic!("one command is enough");
            };
            wanted.add(batch);
            wanted.add(batch);
            wanted.remove(&Batch {
                kind,
                names: vec![b"1".to_vec(), b"unknown".to_vec()],
            });
        }
        let all = wanted.without(&Wanted::default());
        assert_eq!(all.len(), 3);
        for (kind, batch) in SubscriptionKind::ALL.into_iter().zip(all) {
            assert_eq!(
                (batch.kind, batch.names),
                (kind, vec![b"0".to_vec(), b"2".to_vec()])
            );
            assert!(wanted.has(kind, b"0") && !wanted.has(kind, b"1"));
        }
    }

    #[test]
    fn what_others_have_too_is_left_out_kind_by_kind() {
        let (mut wanted, mut others) = (Wanted::default(), Wanted::default());
        let batch = |kind, numbers: &[u8]| Batch {
            kind,
            names: numbers.iter().map(|number| vec![*number]).collect(),
        };
        wanted.add(&batch(SubscriptionKind::Channel, &[1, 2, 3]));
        wanted.add(&batch(SubscriptionKind::Pattern, &[1]));
        others.add(&batch(SubscriptionKind::Channel, &[2, 4]));
        let left = [
            batch(SubscriptionKind::Channel, &[1, 3]),
            batch(SubscriptionKind::Pattern, &[1]),
        ];
        assert_eq!(wanted.without(&others), left);
        assert_eq!(
            others.without(&wanted),
            [batch(SubscriptionKind::Channel, &[4])]
        );
        assert_eq!(wanted.without(&wanted), []);
        let unknown = wanted.unknown(&batch(SubscriptionKind::Channel, &[3, 5]));
        assert_eq!(unknown, batch(SubscriptionKind::Channel, &[5]));
    }

    #[test]
    fn a_batch_is_halved_until_one_name_is_left() {
        for count in 2..9 {
            let [batch] = &batches(SubscriptionKind::Shard, names(count, 1))[..] else {
                panic!("one command is enough");
            };
            let [first, second] = batch.clone().halves();
            assert!(!first.names.is_empty() && !second.names.is_empty());
            assert_eq!([first.names, second.names].concat(), batch.names);
        }
    }

    #[test]
    fn no_command_has_too_many_names_or_bytes_and_no_name_is_left_out() {
        for (count, length) in [
            (0, 4),
            (1, 200_000),
            (513, 4),
            (1025, 4),
            (5, 40_000),
            (70, 1000),
        ] {
            let all = names(count, length);
            let batches = batches(SubscriptionKind::Pattern, all.clone());
            for batch in &batches {
                let bytes: usize = batch.names.iter().map(Vec::len).sum();
                assert!(batch.names.len() <= MOST_NAMES);
                assert!(bytes <= MOST_BYTES || batch.names.len() == 1);
            }
            let sent: Vec<_> = batches.into_iter().flat_map(|batch| batch.names).collect();
            assert_eq!(sent, all);
        }
    }
}
