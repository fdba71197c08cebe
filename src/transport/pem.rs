//! Finds PEM blocks where they stand: behind "Bag Attributes", beside other blocks, indented. Decodes
//! nothing.

/// One block, from its `BEGIN` line to its `END` line.
pub(super) struct Block {
    /// What stands between `BEGIN` and the dashes, for example `CERTIFICATE`.
    pub(super) label: String,
    /// The block alone, each line without the blanks around it.
    pub(super) text: String,
}

/// All blocks that have an end, in order. Whatever stands between them is no part of any.
pub(super) fn blocks(bytes: &[u8]) -> Vec<Block> {
    // Certificates in files of other programs stand between comments in any encoding.
    let text = String::from_utf8_lossy(bytes);
    let mut found = Vec::new();
    let mut open: Option<Block> = None;
    for line in text.lines() {
        // Editors put a byte order mark in front, and configuration files indent.
        let line = line.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
        if let Some(label) = marked(line, "BEGIN ") {
            let (label, text) = (label.to_owned(), String::new());
            open = Some(Block { label, text });
        }
        let Some(block) = &mut open else {
            continue;
        };
        block.text.push_str(line);
        block.text.push('\n');
        // The label has to be the one that began it: a file that was cut and joined is no certificate.
        let ends = marked(line, "END ").is_some_and(|label| label == block.label);
        if ends {
            found.extend(open.take());
        }
    }
    found
}

/// The certificates, one after the other, in PEM again.
pub(super) fn certificates(bytes: &[u8]) -> String {
    let wanted = ["CERTIFICATE", "X509 CERTIFICATE"];
    let mut blocks = blocks(bytes);
    blocks.retain(|block| wanted.contains(&block.label.as_str()));
    blocks.into_iter().map(|block| block.text).collect()
}

/// The label of a line such as `-----BEGIN CERTIFICATE-----`.
fn marked<'a>(line: &'a str, word: &str) -> Option<&'a str> {
    let label = line.strip_prefix("-----")?.strip_prefix(word)?;
    label.strip_suffix("-----")
}

#[cfg(test)]
mod tests {
    use super::*;

    const CERTIFICATE: &str =
        "-----BEGIN CERTIFICATE-----\nMIIB\nAA==\n-----END CERTIFICATE-----\n";
    const KEY: &str = "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n";

    fn labels(text: &str) -> Vec<String> {
        let blocks = blocks(text.as_bytes()).into_iter();
        blocks.map(|block| block.label).collect()
    }

    #[test]
    fn blocks_are_found_where_they_stand() {
        let bag = "Bag Attributes\n    localKeyID: 01 02\nKey Attributes: <No Attributes>\n";
        let text = format!("\u{feff}{bag}{KEY}\r\nsubject=/CN=x\n{CERTIFICATE}{CERTIFICATE}");
        assert_eq!(labels(&text), ["PRIVATE KEY", "CERTIFICATE", "CERTIFICATE"]);
        assert_eq!(blocks(text.as_bytes())[0].text, KEY);
        let certificates = certificates(text.as_bytes());
        assert_eq!(certificates, format!("{CERTIFICATE}{CERTIFICATE}"));
    }

    #[test]
    fn indented_lines_and_foreign_line_ends_change_nothing() {
        let indented = KEY.replace('\n', "\r\n   ");
        assert_eq!(blocks(indented.as_bytes())[0].text, KEY);
    }

    #[test]
    fn what_has_no_end_or_another_end_is_no_block() {
        assert_eq!(labels("-----BEGIN PRIVATE KEY-----\nMIIE\n"), [""; 0]);
        let crossed = "-----BEGIN A-----\n-----END B-----\n";
        assert_eq!(labels(crossed), [""; 0]);
        assert_eq!(
            labels(&format!("-----BEGIN A-----\nxx\n{KEY}")),
            ["PRIVATE KEY"]
        );
        assert!(blocks(b"").is_empty() && blocks(&[0xff, 0, 0xfe]).is_empty());
    }
}
