// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! What there is to see while a step runs.

use std::fs::File;
use std::io::{IsTerminal, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::summary::seconds;

/// Without a terminal there is a sign of life this often.
const SIGN_OF_LIFE: Duration = Duration::from_secs(60);

/// One line, live on a terminal.
pub(crate) struct Progress<'a> {
    label: String,
    log: &'a Path,
    bar: Option<ProgressBar>,
    next: Duration,
    /// How long the log already was, and since when.
    grown: (u64, Duration),
}

impl<'a> Progress<'a> {
    pub(crate) fn start(label: String, log: &'a Path) -> Self {
        let bar = (std::io::stdout().is_terminal() && std::io::stderr().is_terminal()).then(|| {
            let style =
                ProgressStyle::with_template("{prefix}  {spinner} {elapsed}  {wide_msg:.dim}")
                    .expect("a fixed template");
            let bar = ProgressBar::new_spinner().with_style(style);
            bar.set_prefix(label.clone());
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        if bar.is_none() {
            line(label.trim_end());
        }
        Self {
            label,
            log,
            bar,
            next: SIGN_OF_LIFE,
            grown: (0, Duration::ZERO),
        }
    }

    pub(crate) fn tick(&mut self, elapsed: Duration) {
        match &self.bar {
            Some(bar) => {
                if let Some(last) = last_line(self.log) {
                    bar.set_message(last);
                }
            }
            None if elapsed >= self.next => {
                self.next += SIGN_OF_LIFE;
                let last = last_line(self.log).unwrap_or_default();
                line(&format!(
                    "{}  still runs, {}: {last}",
                    self.label,
                    seconds(elapsed)
                ));
            }
            None => {}
        }
    }

    /// How long the step has not said anything.
    pub(crate) fn silence(&mut self, elapsed: Duration) -> Duration {
        let size = std::fs::metadata(self.log).map_or(0, |log| log.len());
        if size != self.grown.0 {
            self.grown = (size, elapsed);
        }
        elapsed.saturating_sub(self.grown.1)
    }

    pub(crate) fn finish(self, result: &str) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        line(&format!("{}  {result}", self.label));
    }
}

/// Whoever watches a log wants to see at once what it is that takes so long.
fn line(text: &str) {
    let mut out = std::io::stdout().lock();
    // A reader that went away is no reason to stop testing.
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// The last line of `log` that is not empty, without what would move the cursor.
fn last_line(log: &Path) -> Option<String> {
    const TAIL: u64 = 1024;
    let mut file = File::open(log).ok()?;
    let length = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))
        .ok()?;
    let mut bytes = Vec::new();
    file.take(TAIL).read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let last = text.lines().rev().find(|line| !line.trim().is_empty())?;
    Some(last.trim().replace(char::is_control, " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_is_the_last_one_with_text_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        std::fs::write(&log, "a\n  Compiling\u{1b}[1m x  \n\n").unwrap();

        assert_eq!(last_line(&log).unwrap(), "Compiling [1m x");
        assert_eq!(last_line(Path::new("/nonexistent")), None);
    }
}
