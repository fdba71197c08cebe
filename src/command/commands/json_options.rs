//! The options of `JSON.SET` and `JSON.GET`. Knows no document.

use crate::command::arg::Encoded;
use crate::command::{ArgWriter, ToArg, ToArgs};

/// The optional arguments of `JSON.SET`: see [`Commands::json_set_options`](crate::Commands::json_set_options).
///
/// ```
/// use hitless::JsonSetOptions;
///
/// let only_if_absent = JsonSetOptions::new().if_absent();
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct JsonSetOptions {
    existence: Option<&'static str>,
}

impl JsonSetOptions {
    /// No option: as a plain `JSON.SET`.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets only where nothing is (`NX`). The last condition counts.
    #[must_use]
    pub fn if_absent(mut self) -> Self {
        self.existence = Some("NX");
        self
    }

    /// Sets only where something is (`XX`). The last condition counts.
    #[must_use]
    pub fn if_present(mut self) -> Self {
        self.existence = Some("XX");
        self
    }
}

impl ToArgs for JsonSetOptions {
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        self.existence.write_args(out);
    }
}

/// How `JSON.GET` lays out its text, for people who read it. Without options there is no space and no line in it.
///
/// ```no_run
/// use hitless::{Commands, JsonGetOptions};
///
/// # let client = hitless::Client::connect("redis://127.0.0.1")?;
/// let layout = JsonGetOptions::new().indent("  ").newline("\n").space(" ");
/// let text: Option<String> = client.json_get_options("user:7", ".", &layout)?;
/// # Ok::<(), hitless::Error>(())
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct JsonGetOptions {
    indent: Option<Encoded>,
    newline: Option<Encoded>,
    space: Option<Encoded>,
}

impl JsonGetOptions {
    /// No option: as a plain `JSON.GET`.
    pub fn new() -> Self {
        Self::default()
    }

    /// What stands in front of a line, once for each level (`INDENT`). Defaults to nothing.
    #[must_use]
    pub fn indent(mut self, text: impl ToArg) -> Self {
        self.indent = Some(Encoded::of(text));
        self
    }

    /// What ends a line (`NEWLINE`). Defaults to nothing.
    #[must_use]
    pub fn newline(mut self, text: impl ToArg) -> Self {
        self.newline = Some(Encoded::of(text));
        self
    }

    /// What stands between a name and its value, behind the colon (`SPACE`). Defaults to nothing.
    #[must_use]
    pub fn space(mut self, text: impl ToArg) -> Self {
        self.space = Some(Encoded::of(text));
        self
    }
}

impl ToArgs for JsonGetOptions {
    fn write_args(&self, out: &mut ArgWriter<'_>) {
        let options = [
            ("INDENT", &self.indent),
            ("NEWLINE", &self.newline),
            ("SPACE", &self.space),
        ];
        for (word, text) in options {
            if let Some(text) = text {
                word.write_args(out);
                text.write_args(out);
            }
        }
    }
}
