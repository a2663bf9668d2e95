//! The program run to its end.

use std::process::{Command, Stdio};

/// How it ended and what it said.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// Asserts that it failed with `code` and one line on standard error that holds all `words`.
    #[track_caller]
    pub(crate) fn says(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, code, "{self:?}");
        // What the log says besides is not the message.
        let lines: Vec<&str> = self.stderr.lines().filter(|line| line.starts_with("procura: ")).collect();
        let [line] = lines[..] else { panic!("not one line: {}", self.stderr) };
        for word in words {
            assert!(line.contains(word), "`{word}` is not in: {line}");
        }
        for part in line.split(": ").filter(|part| part.contains(' ')) {
            assert_eq!(line.matches(part).count(), 1, "`{part}` is said twice: {line}");
        }
        assert!(!self.stderr.contains("panicked") && !self.stderr.contains("backtrace"), "{}", self.stderr);
    }
}

/// The program with `arguments`, and nothing on standard input.
pub(crate) fn procura(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_procura"));
    command.args(arguments).stdin(Stdio::null());
    command
}

pub(crate) fn run(command: &mut Command) -> Ended {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ended { code: output.status.code().unwrap(), stdout: text(output.stdout), stderr: text(output.stderr) }
}
