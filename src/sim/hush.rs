//! Which replies a client does not want: `CLIENT REPLY`. Sends nothing itself.

/// What a connection has said about its replies.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Hush {
    /// `CLIENT REPLY OFF` is in force.
    off: bool,
    /// The command that runs is not answered.
    skip: bool,
    /// The command that comes next is not answered.
    skip_next: bool,
}

impl Hush {
    /// The next command begins.
    pub(super) fn begin(&mut self) {
        // SKIP holds for the one command behind it.
        self.skip = std::mem::take(&mut self.skip_next);
    }

    /// Takes in the argument of `CLIENT REPLY`; false if it is none.
    pub(super) fn choose(&mut self, how: &str) -> bool {
        match how {
            "on" => (self.off, self.skip) = (false, false),
            "off" => self.off = true,
            // Without replies there is none to leave out.
            "skip" => (self.skip, self.skip_next) = (true, !self.off),
            _ => return false,
        }
        true
    }

    /// Whether the current command is not answered.
    pub(super) fn is_quiet(&self) -> bool {
        self.off || self.skip
    }

    /// `RESET` is answered, unless it is the very command whose reply was to be left out.
    pub(super) fn reset(&mut self) {
        (self.off, self.skip_next) = (false, false);
    }
}

#[cfg(test)]
mod tests {
    use super::Hush;

    /// Which of some commands are answered.
    fn answered(commands: &[&str]) -> Vec<bool> {
        let mut hush = Hush::default();
        let answers = commands.iter().map(|command| {
            hush.begin();
            match *command {
                "reset" => hush.reset(),
                "get" => {}
                how => assert!(hush.choose(how)),
            }
            !hush.is_quiet()
        });
        answers.collect()
    }

    #[test]
    fn exactly_the_replies_are_left_out_that_were_not_wanted() {
        let (yes, no) = (true, false);
        assert_eq!(answered(&["skip", "get", "get"]), [no, no, yes]);
        assert_eq!(answered(&["skip", "skip", "get", "get"]), [no, no, no, yes]);
        assert_eq!(
            answered(&["off", "get", "skip", "on", "get"]),
            [no, no, no, yes, yes]
        );
        assert_eq!(answered(&["skip", "on", "get"]), [no, yes, yes]);
        assert_eq!(answered(&["off", "reset", "get"]), [no, yes, yes]);
        assert!(!Hush::default().choose("perhaps"));
    }
}
