// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Builds the daemons, and shows how far it is.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, IsTerminal, Read, Write};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;

use crate::workspace::{Memory, cargo};
use crate::{Result, children, text};

/// Where nobody watches a bar move, a line is written this often.
const REPORT: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    Debug,
    Release,
}

/// Builds the programs of `packages`, and returns where each is.
pub(crate) fn binaries(
    packages: &[&str],
    memory: Memory,
    profile: Profile,
) -> Result<HashMap<String, PathBuf>> {
    for_target(packages, memory, profile, None)
}

/// [`binaries`] for another machine or C library than the host's.
pub(crate) fn for_target(
    packages: &[&str],
    memory: Memory,
    profile: Profile,
    target: Option<&str>,
) -> Result<HashMap<String, PathBuf>> {
    let mut args = vec!["build", "--bins"];
    args.extend(["--message-format", "json-render-diagnostics"]);
    args.extend(memory.args());
    if profile == Profile::Release {
        args.push("--release");
    }
    if let Some(target) = target {
        args.extend(["--target", target]);
    }
    for package in packages {
        args.extend(["--package", package]);
    }
    let title = format!("building {} daemons ({memory})", packages.len());
    let found = programs(&args, &title)?;
    match packages.iter().find(|&&name| !found.contains_key(name)) {
        Some(missing) => Err(format!("the package {missing} has no program of that name").into()),
        None => Ok(found),
    }
}

/// Builds a test program of a package, and the programs that it tests.
pub(crate) fn tests(package: &str, test: &str, memory: Memory) -> Result<PathBuf> {
    let mut args = vec!["test", "--no-run", "--package", package, "--test", test];
    args.extend(["--message-format", "json-render-diagnostics"]);
    args.extend(memory.args());
    let mut found = programs(&args, &format!("building tests of {package}"))?;
    let missing = || format!("the package {package} has no test program {test}").into();
    found.remove(test).ok_or_else(missing)
}

/// The programs that a call of cargo builds.
fn programs(args: &[&str], title: &str) -> Result<HashMap<String, PathBuf>> {
    let mut child = cargo(args)
        // The bar that cargo would draw tells how much there is to do.
        .env("CARGO_TERM_PROGRESS_WHEN", "always")
        .env("CARGO_TERM_PROGRESS_WIDTH", "100")
        .env("CARGO_TERM_COLOR", "never")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let progress = Progress::start(title);
    let stdout = child.stdout.take().expect("piped");
    let stderr = child.stderr.take().expect("piped");
    let (found, said) = std::thread::scope(|scope| {
        let watch = scope.spawn(|| progress.watch(stderr));
        (executables(stdout), watch.join().expect("does not panic"))
    });
    let status = child.wait()?;
    children::rest_if_interrupted();
    progress.finish(status.success());
    if !status.success() {
        eprint!("{said}");
        return Err(format!("{title}: {status}").into());
    }
    found
}

/// The programs that cargo's messages name.
fn executables(messages: impl Read) -> Result<HashMap<String, PathBuf>> {
    let mut found = HashMap::new();
    for line in BufReader::new(messages).lines() {
        let Ok(message) = serde_json::from_str::<Value>(&line?) else {
            continue;
        };
        let name = message["target"]["name"].as_str();
        if let (Some(name), Some(path)) = (name, message["executable"].as_str()) {
            found.insert(name.to_owned(), path.into());
        }
    }
    Ok(found)
}

struct Progress {
    title: String,
    bar: Option<ProgressBar>,
    start: Instant,
}

impl Progress {
    fn start(title: &str) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template(
                "{prefix}  {elapsed}  [{bar:30}] {pos}/{len}  {wide_msg}",
            )
            .expect("a fixed template")
            .progress_chars("=> ");
            let bar = ProgressBar::new(0).with_style(style);
            bar.set_prefix(title.to_owned());
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        if bar.is_none() {
            println!("{title} ...");
        }
        Self {
            title: title.to_owned(),
            bar,
            start: Instant::now(),
        }
    }

    /// Follows what cargo says, and returns all but its bars.
    fn watch(&self, said: impl Read) -> String {
        let mut rest = String::new();
        let mut reported = Instant::now();
        let mut reader = BufReader::new(said);
        let mut piece = Vec::new();
        // A bar ends with a carriage return, a line with a line feed.
        while let Ok(1..) = read_piece(&mut reader, &mut piece) {
            let text = String::from_utf8_lossy(&piece).into_owned();
            let Some((done, all, current)) = parse_bar(&text) else {
                let line = text.trim_end();
                if !line.trim().is_empty() {
                    rest.push_str(line);
                    rest.push('\n');
                }
                continue;
            };
            match &self.bar {
                Some(bar) => {
                    bar.set_length(all);
                    bar.set_position(done);
                    bar.set_message(current.to_owned());
                }
                None if reported.elapsed() >= REPORT => {
                    reported = Instant::now();
                    let time = text::time(self.start.elapsed());
                    println!("    {done} of {all} after {time}: {current}");
                    let _ = std::io::stdout().flush();
                }
                None => {}
            }
        }
        rest
    }

    fn finish(&self, good: bool) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        let result = if good { "done" } else { "failed" };
        println!(
            "{}: {result} after {}",
            self.title,
            text::time(self.start.elapsed())
        );
    }
}

fn read_piece(reader: &mut impl BufRead, piece: &mut Vec<u8>) -> std::io::Result<usize> {
    piece.clear();
    loop {
        let available = reader.fill_buf()?;
        if available.is_empty() {
            return Ok(piece.len());
        }
        let end = available
            .iter()
            .position(|byte| matches!(byte, b'\r' | b'\n'));
        let taken = end.map_or(available.len(), |index| index + 1);
        piece.extend_from_slice(&available[..taken]);
        reader.consume(taken);
        if end.is_some() {
            return Ok(piece.len());
        }
    }
}

/// `Building [==>  ] 12/34: libc, syn` as `(12, 34, "libc, syn")`.
fn parse_bar(text: &str) -> Option<(u64, u64, &str)> {
    let (_, rest) = text.trim().strip_prefix("Building [")?.split_once("] ")?;
    let (numbers, current) = rest.split_once(':').unwrap_or((rest, ""));
    let (done, all) = numbers.split_once('/')?;
    Some((
        done.trim().parse().ok()?,
        all.trim().parse().ok()?,
        current.trim(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_tells_how_far_it_is() {
        let bar = "    Building [=====>          ]  12/34: libc, syn(build)     \r";
        assert_eq!(parse_bar(bar), Some((12, 34, "libc, syn(build)")));
        assert_eq!(parse_bar("    Building [==>  ] 1/3\r"), Some((1, 3, "")));
        assert_eq!(parse_bar("   Compiling libc v0.2\n"), None);
    }

    #[test]
    fn pieces_end_at_either_kind_of_line_end() {
        let mut reader = BufReader::with_capacity(2, &b"abc\rde\n\nf"[..]);
        let mut pieces = Vec::new();
        let mut piece = Vec::new();
        while let Ok(1..) = read_piece(&mut reader, &mut piece) {
            pieces.push(String::from_utf8(piece.clone()).unwrap());
        }
        assert_eq!(pieces, ["abc\r", "de\n", "\n", "f"]);
    }

    #[test]
    fn programs_are_found_among_other_messages() {
        let messages = concat!(
            r#"{"reason":"compiler-artifact","target":{"name":"libc"},"executable":null}"#,
            "\n",
            r#"{"reason":"compiler-artifact","target":{"name":"a"},"executable":"/t/a"}"#,
            "\nnonsense\n",
        );
        let found = executables(messages.as_bytes()).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found["a"], PathBuf::from("/t/a"));
    }
}
