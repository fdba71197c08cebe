//! What the sources of the project hold, read as text. Compiles nothing.

/// Whether a source has a test of this name that is run. An attribute that ignores it would stand
/// between `#[test]` and the function, or before it.
pub fn has_test(source: &str, name: &str) -> bool {
    let signature = format!("fn {name}() {{");
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    let Some(at) = lines.iter().position(|line| *line == signature) else {
        return false;
    };
    let attributes = lines[..at]
        .iter()
        .rev()
        .take_while(|line| line.starts_with("#["));
    let attributes: Vec<&&str> = attributes.collect();
    attributes.iter().any(|line| **line == "#[test]")
        && !attributes.iter().any(|line| line.contains("ignore"))
}
