// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! `rust-vmm-ci commit-format`: what a commit message must look like.
//!
//! * a title of at most 72 characters, then an empty line;
//! * a body in lines of at most 75 characters. Lines that no one can wrap are exempt: one long word
//!   (a link), what is quoted with four spaces or `>`, and trailers;
//! * a `Signed-off-by: ` line.
//!
//! Merges, and commits of dependabot, are not looked at.

use std::env;
use std::process::{Command, Stdio};

use clap::Args;

use crate::error::{Error, Result};

#[derive(Args)]
pub(crate) struct Options {
    /// The commits to look at [default: those that the base branch of the pull request lacks; it is
    /// fetched from BUILDKITE_REPO, REMOTE or `origin`, and is named by
    /// BUILDKITE_PULL_REQUEST_BASE_BRANCH, BASE_BRANCH or `main`]
    #[arg(value_name = "BASE..HEAD")]
    range: Option<String>,

    /// The longest title, in characters
    #[arg(long, default_value_t = 72)]
    title: usize,

    /// The longest line of the body, in characters
    #[arg(long, default_value_t = 75)]
    body: usize,
}

pub(crate) fn run(options: &Options) -> Result<bool> {
    let range = match &options.range {
        Some(range) if range.starts_with('-') || !range.contains("..") => {
            return Err(Error::Usage(format!(
                "{range} is no range of commits: name one as BASE..HEAD"
            )));
        }
        Some(range) => range.clone(),
        None => {
            fetch_base(None)?;
            "FETCH_HEAD..HEAD".to_owned()
        }
    };
    let hashes = git(&["log", "--no-merges", "--format=%h", &range, "--"])?;
    let mut looked_at = 0;
    let mut faults = 0;
    for hash in hashes.split_whitespace() {
        let author = git(&["show", "-s", "--format=%ae", hash])?;
        if author.contains("dependabot") {
            println!("{hash}: by dependabot, not looked at");
            continue;
        }
        looked_at += 1;
        let message = git(&["show", "-s", "--format=%B", hash])?;
        for fault in check(&message, options.title, options.body) {
            faults += 1;
            println!("{hash}: {fault}");
        }
    }
    println!("{looked_at} commits of {range}: {faults} faults");
    Ok(faults == 0)
}

/// Fetches the branch that a pull request goes to; it is FETCH_HEAD then.
pub(crate) fn fetch_base(branch: Option<&str>) -> Result<()> {
    let setting = |names: [&str; 2], default: &str| {
        let values = names.into_iter().filter_map(|name| env::var(name).ok());
        let mut values = values.filter(|value| !value.is_empty());
        values.next().unwrap_or_else(|| default.to_owned())
    };
    let remote = setting(["BUILDKITE_REPO", "REMOTE"], "origin");
    let branch = branch.map_or_else(
        || {
            setting(
                ["BUILDKITE_PULL_REQUEST_BASE_BRANCH", "BASE_BRANCH"],
                "main",
            )
        },
        str::to_owned,
    );
    let remotes = git(&["remote"])?;
    if remote == "origin" && !remotes.lines().any(|name| name == remote) {
        return Err(Error::NotHere(
            "this repository has no remote `origin` to compare with: set REMOTE and BASE_BRANCH, \
             or name what to compare"
                .to_owned(),
        ));
    }
    git(&["fetch", "--quiet", "--end-of-options", &remote, &branch])?;
    Ok(())
}

/// Runs git here, whoever owns the folder: in a container it is often somebody else.
pub(crate) fn git(args: &[&str]) -> Result<String> {
    let output = Command::new("git")
        .args(["-c", "safe.directory=*"])
        .args(args)
        .stdin(Stdio::null())
        .output()
        .map_err(|source| Error::Start {
            program: "git".to_owned(),
            source,
        })?;
    if !output.status.success() {
        return Err(Error::Command {
            command: format!("git {}", args.join(" ")),
            why: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        });
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// What is wrong with `message`.
fn check(message: &str, title_limit: usize, body_limit: usize) -> Vec<String> {
    let mut faults = Vec::new();
    let mut lines = message.trim_end().lines();
    let title = lines.next().unwrap_or_default();
    let length = title.chars().count();
    if title.trim().is_empty() {
        faults.push("the title is empty".to_owned());
    }
    if length > title_limit {
        faults.push(format!(
            "the title has {length} characters, and may have {title_limit}"
        ));
    }
    if lines.next().is_some_and(|line| !line.is_empty()) {
        faults.push("an empty line must follow the title, which is one line".to_owned());
    }
    let mut signed = false;
    for line in lines {
        if line.starts_with("Signed-off-by: ") {
            signed = true;
            break;
        }
        let length = line.chars().count();
        if length > body_limit && !cannot_be_wrapped(line) {
            faults.push(format!(
                "a line has {length} characters, and may have {body_limit}: \"{line}\""
            ));
        }
    }
    if !signed {
        faults.push("there is no Signed-off-by line: git commit --amend --signoff".to_owned());
    }
    faults
}

fn cannot_be_wrapped(line: &str) -> bool {
    let quoted = line.starts_with("    ") || line.starts_with('\t') || line.starts_with('>');
    // A mark of a list or a footnote may stand before the one long word.
    let words: Vec<_> = line.split_whitespace().collect();
    let long_word = match words[..] {
        [_] => true,
        [mark, _] => mark.len() <= 5,
        _ => false,
    };
    let is_trailer = line.split_once(": ").is_some_and(|(key, _)| {
        key.contains('-') && key.chars().all(|c| c.is_ascii_alphabetic() || c == '-')
    });
    quoted || long_word || is_trailer
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIGNED: &str = "Signed-off-by: A <a@b>";

    fn faults(message: &str) -> Vec<String> {
        check(message, 72, 75)
    }

    #[test]
    fn a_signed_commit_with_wrapped_body_has_no_fault() {
        let message = format!("{}\n\nWhy it is so.\n\n{SIGNED}\n", "t".repeat(72));

        assert_eq!(faults(&message), [""; 0]);
    }

    #[test]
    fn lengths_are_counted_in_characters() {
        let message = format!("{}\n\n{SIGNED}\n", "ü".repeat(72));

        assert_eq!(faults(&message), [""; 0]);
    }

    #[test]
    fn a_title_of_73_characters_is_a_fault() {
        let message = format!("{}\n\n{SIGNED}\n", "t".repeat(73));

        assert_eq!(
            faults(&message),
            ["the title has 73 characters, and may have 72"]
        );
    }

    #[test]
    fn a_title_of_two_lines_and_a_missing_signature_are_faults() {
        let faults = faults("title\ncontinued\nbody\n");

        assert_eq!(faults.len(), 2, "{faults:?}");
        assert!(faults[0].contains("empty line"), "{faults:?}");
        assert!(faults[1].contains("Signed-off-by"), "{faults:?}");
    }

    #[test]
    fn a_title_alone_is_not_signed() {
        assert_eq!(faults("title\n").len(), 1);
    }

    #[test]
    fn long_prose_is_a_fault_and_what_cannot_be_wrapped_is_not() {
        let prose = "word ".repeat(16);
        let exempt = [
            format!("https://example.org/{}", "x".repeat(80)),
            format!("[1] https://example.org/{}", "x".repeat(80)),
            format!("    error: {prose}"),
            format!("> {prose}"),
            format!("Co-authored-by: {prose}"),
        ];

        assert_eq!(faults(&format!("title\n\n{prose}\n\n{SIGNED}")).len(), 1);
        for line in exempt {
            assert_eq!(faults(&format!("title\n\n{line}\n\n{SIGNED}")), [""; 0]);
        }
    }

    #[test]
    fn what_follows_the_signature_is_not_looked_at() {
        let message = format!("title\n\n{SIGNED}\n{}\n", "word ".repeat(20));

        assert_eq!(faults(&message), [""; 0]);
    }
}
