// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Log lines on standard error.
//!
//! The default level is `info`: an operator who just started a daemon wants to see where it
//! listens, and one who reads the journal later wants to see which frontend came when and why it
//! left. These lines are bounded by what frontends do; what guests do is `debug`, or a rate-limited
//! warning.
//!
//! When standard error is the systemd journal, which has a clock of its own, lines carry a priority
//! in place of time and level (`journalctl -p warning` then finds them).

use std::env;
use std::fmt::{self, Write as _};
use std::io::{self, Write};

use env_logger::{Builder, fmt::Formatter};
use log::{Level, LevelFilter, Record};

/// Starts logging at `level`, or as RUST_LOG says, or at `info`; the first of these that is given.
///
/// Whoever embeds a device has perhaps a logger already; then that one stays.
pub fn init(level: Option<LevelFilter>) {
    let mut builder = Builder::new();
    match (level, env::var("RUST_LOG")) {
        (None, Ok(filters)) if !filters.is_empty() => builder.parse_filters(&filters),
        (level, _) => builder.filter_level(level.unwrap_or(LevelFilter::Info)),
    };
    if let Ok(style) = env::var("RUST_LOG_STYLE") {
        builder.parse_write_style(&style);
    }
    if stderr_is_the_journal(env::var("JOURNAL_STREAM").ok().as_deref()) {
        builder.format(write_journal);
    } else {
        builder.format(write_plain);
    }
    let _ = builder.try_init();
}

/// JOURNAL_STREAM is inherited by children whose standard error went elsewhere since, so it counts
/// only if it names the file that standard error is now.
fn stderr_is_the_journal(journal_stream: Option<&str>) -> bool {
    let Some((device, inode)) = journal_stream.and_then(|value| value.split_once(':')) else {
        return false;
    };
    let Ok(stat) = rustix::fs::fstat(io::stderr()) else {
        return false;
    };
    device.parse() == Ok(stat.st_dev) && inode.parse() == Ok(stat.st_ino)
}

fn write_plain(out: &mut Formatter, record: &Record<'_>) -> io::Result<()> {
    let time = out.timestamp_seconds();
    let style = out.default_level_style(record.level());
    write!(
        out,
        "{time} {style}{:5}{style:#} {}: ",
        record.level(),
        record.target()
    )?;
    write_message(out, record)
}

fn write_journal(out: &mut impl Write, record: &Record<'_>) -> io::Result<()> {
    let priority = match record.level() {
        Level::Error => 3,
        Level::Warn => 4,
        Level::Info => 6,
        Level::Debug | Level::Trace => 7,
    };
    write!(out, "<{priority}>{}: ", record.target())?;
    write_message(out, record)
}

fn write_message(out: &mut impl Write, record: &Record<'_>) -> io::Result<()> {
    // The error of a writer that only escapes is the inner writer's, which logging cannot report.
    let _ = write!(OneLine(out), "{}", record.args());
    writeln!(out)
}

/// Escapes control characters. Messages quote what guests and frontends sent; a line break or a
/// terminal sequence in it must not be able to forge a line of the log.
struct OneLine<'a, W>(&'a mut W);

impl<W: Write> fmt::Write for OneLine<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some(at) = rest.find(char::is_control) {
            let (clean, tail) = rest.split_at(at);
            let mut tail = tail.chars();
            let control = tail
                .next()
                .map_or(String::new(), |c| c.escape_default().to_string());
            self.0.write_all(clean.as_bytes()).map_err(|_| fmt::Error)?;
            self.0
                .write_all(control.as_bytes())
                .map_err(|_| fmt::Error)?;
            rest = tail.as_str();
        }
        self.0.write_all(rest.as_bytes()).map_err(|_| fmt::Error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journal_line(level: Level, message: &str) -> String {
        let mut line = Vec::new();
        write_journal(
            &mut line,
            &Record::builder()
                .level(level)
                .target("rng")
                .args(format_args!("{message}"))
                .build(),
        )
        .unwrap();
        String::from_utf8(line).unwrap()
    }

    #[test]
    fn journal_lines_carry_the_priority_and_no_time() {
        assert_eq!(journal_line(Level::Warn, "low"), "<4>rng: low\n");
    }

    #[test]
    fn a_line_break_in_a_message_cannot_forge_a_line() {
        assert_eq!(
            journal_line(Level::Info, "name \"a\n<3>forged\"\u{1b}[2J"),
            "<6>rng: name \"a\\n<3>forged\"\\u{1b}[2J\n"
        );
    }

    #[test]
    fn text_of_any_language_stays_readable() {
        assert_eq!(
            journal_line(Level::Info, "größe 5 µs"),
            "<6>rng: größe 5 µs\n"
        );
    }

    #[test]
    fn the_journal_is_recognised_by_device_and_inode() {
        let stat = rustix::fs::fstat(io::stderr()).unwrap();

        assert!(stderr_is_the_journal(Some(&format!(
            "{}:{}",
            stat.st_dev, stat.st_ino
        ))));
    }

    #[test]
    fn a_redirected_standard_error_is_not_the_journal() {
        let stat = rustix::fs::fstat(io::stderr()).unwrap();

        assert!(!stderr_is_the_journal(Some(&format!(
            "{}:{}",
            stat.st_dev,
            stat.st_ino + 1
        ))));
    }

    #[test]
    fn a_malformed_or_absent_variable_is_not_the_journal() {
        for value in [None, Some(""), Some("8"), Some("a:b")] {
            assert!(!stderr_is_the_journal(value), "{value:?}");
        }
    }
}
