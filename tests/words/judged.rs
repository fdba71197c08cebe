//! What was judged by hand.

use std::collections::BTreeMap;

const JUDGED: &str = include_str!("../../src/command/table/judged.txt");

/// One line of the file.
pub(super) struct Judged {
    /// How the command is sent: `shared`, `long`, `blocks`, `behind`, `increments` or `refused`.
    pub(super) sent: &'static str,
    /// For how long it blocks, or why it is refused.
    pub(super) detail: &'static str,
    pub(super) repeat: &'static str,
    pub(super) exception: &'static str,
    /// No server of the three knows it.
    pub(super) is_beyond: bool,
}

/// All lines, sub-commands as `client|id`.
pub(super) fn judged() -> BTreeMap<&'static str, Judged> {
    let mut judged = BTreeMap::new();
    for line in JUDGED.lines().filter(|line| !line.starts_with('#')) {
        let words: Vec<_> = line.split(' ').collect();
        assert!((3..=4).contains(&words.len()), "{line}");
        let (sent, detail) = words[1].split_once(':').unwrap_or((words[1], ""));
        let name = words[0].strip_prefix('+');
        let one = Judged {
            sent,
            detail,
            repeat: words[2],
            exception: words.get(3).copied().unwrap_or_default(),
            is_beyond: name.is_some(),
        };
        let before = judged.insert(name.unwrap_or(words[0]), one);
        assert!(before.is_none(), "judged twice: {line}");
    }
    judged
}
