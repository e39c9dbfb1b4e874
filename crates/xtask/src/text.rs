// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Numbers and paragraphs for people.

use std::time::Duration;

/// `412 us`, `8.3 s`, `2 min 05 s`.
pub(crate) fn time(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    match seconds {
        s if s >= 60.0 => format!("{} min {:02} s", time.as_secs() / 60, time.as_secs() % 60),
        s if s >= 1.0 => format!("{s:.1} s"),
        s if s >= 1e-3 => format!("{:.1} ms", s * 1e3),
        s if s >= 1e-6 => format!("{:.2} us", s * 1e6),
        s => format!("{:.0} ns", s * 1e9),
    }
}

/// `6.2 MiB`.
pub(crate) fn bytes(bytes: f64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes;
    let mut unit = 0;
    while value.abs() >= 1024.0 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    let digits = usize::from(unit > 0 && value.abs() < 100.0);
    format!("{value:.digits$} {}", units[unit])
}

/// `text` in lines of at most `width` characters, where words allow it.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_fitting_unit() {
        assert_eq!(time(Duration::from_nanos(150)), "150 ns");
        assert_eq!(time(Duration::from_micros(12)), "12.00 us");
        assert_eq!(time(Duration::from_millis(8300)), "8.3 s");
        assert_eq!(time(Duration::from_secs(125)), "2 min 05 s");
    }

    #[test]
    fn sizes_have_a_fitting_unit() {
        assert_eq!(bytes(512.0), "512 B");
        assert_eq!(bytes(6.25 * 1024.0 * 1024.0), "6.2 MiB");
        assert_eq!(bytes(412.0 * 1024.0 * 1024.0), "412 MiB");
    }

    #[test]
    fn lines_end_between_words_and_a_long_word_stands_alone() {
        assert_eq!(wrap("aa bb cccccccc d", 5), ["aa bb", "cccccccc", "d"]);
        assert_eq!(wrap("", 5), [""; 0]);
    }
}
