// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! JSON values as YAML in block style.
//!
//! Readers of YAML 1.1 and 1.2 disagree about which plain words are numbers, dates or truth values
//! (`1e3`, `12:30`, `on`), so a string stays plain only if it starts like a word, and is in double
//! quotes otherwise.

use std::fmt::Write;

use serde_json::{Map, Value};

/// Words that some reader takes for something other than a string.
const RESERVED: &[&str] = &["true", "false", "yes", "no", "on", "off", "y", "n", "null"];

/// A whole document.
pub(crate) fn document(top: &Map<String, Value>) -> String {
    let mut out = String::new();
    map(&mut out, top, 0);
    out
}

fn map(out: &mut String, map: &Map<String, Value>, indent: usize) {
    for (index, (key, value)) in map.iter().enumerate() {
        // The first key of a map inside a list stands behind the dash.
        if index > 0 || indent == 0 || out.ends_with('\n') {
            pad(out, indent);
        }
        text(out, key);
        out.push(':');
        child(out, value, indent);
    }
}

/// What stands behind `key:`.
fn child(out: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Object(inner) if !inner.is_empty() => {
            out.push('\n');
            map(out, inner, indent + 2);
        }
        Value::Array(list) if !list.is_empty() => {
            out.push('\n');
            items(out, list, indent);
        }
        scalar => {
            out.push(' ');
            self::scalar(out, scalar);
            out.push('\n');
        }
    }
}

fn items(out: &mut String, list: &[Value], indent: usize) {
    for item in list {
        if out.ends_with('\n') {
            pad(out, indent);
        }
        out.push_str("- ");
        match item {
            Value::Object(inner) if !inner.is_empty() => map(out, inner, indent + 2),
            Value::Array(inner) if !inner.is_empty() => items(out, inner, indent + 2),
            scalar => {
                self::scalar(out, scalar);
                out.push('\n');
            }
        }
    }
}

fn pad(out: &mut String, indent: usize) {
    out.extend(std::iter::repeat_n(' ', indent));
}

fn scalar(out: &mut String, value: &Value) {
    match value {
        Value::String(value) => text(out, value),
        Value::Number(number) => {
            let digits = number.to_string();
            match digits.split_once('e') {
                // YAML 1.1 knows an exponent only after a point, and with a sign.
                Some((mantissa, exponent)) => {
                    let point = if mantissa.contains('.') { "" } else { ".0" };
                    let sign = if exponent.starts_with(['-', '+']) {
                        ""
                    } else {
                        "+"
                    };
                    let _ = write!(out, "{mantissa}{point}e{sign}{exponent}");
                }
                None => out.push_str(&digits),
            }
        }
        Value::Array(_) => out.push_str("[]"),
        Value::Object(_) => out.push_str("{}"),
        other => {
            let _ = write!(out, "{other}");
        }
    }
}

fn text(out: &mut String, text: &str) {
    if is_plain(text) {
        out.push_str(text);
        return;
    }
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            ' '..='~' => out.push(c),
            c if u32::from(c) <= 0xff => {
                let _ = write!(out, "\\x{:02x}", u32::from(c));
            }
            c => {
                let _ = write!(out, "\\U{:08x}", u32::from(c));
            }
        }
    }
    out.push('"');
}

fn is_plain(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == '/')
        && text.chars().all(|c| matches!(c, ' '..='~'))
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.ends_with([' ', ':'])
        && !RESERVED.contains(&text.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;
    use yaml_rust2::{Yaml, YamlLoader};

    use super::*;

    fn write(value: Value) -> String {
        document(value.as_object().unwrap())
    }

    /// What a reader makes of it, with numbers as it keeps them.
    fn read(text: &str) -> Value {
        fn convert(yaml: &Yaml) -> Value {
            match yaml {
                Yaml::Null => Value::Null,
                Yaml::Boolean(value) => json!(value),
                Yaml::Integer(value) => json!(value),
                Yaml::Real(value) => json!(value.parse::<f64>().unwrap()),
                Yaml::String(value) => json!(value),
                Yaml::Array(list) => list.iter().map(convert).collect(),
                Yaml::Hash(map) => map
                    .iter()
                    .map(|(key, value)| (key.as_str().unwrap().to_owned(), convert(value)))
                    .collect::<Map<_, _>>()
                    .into(),
                other => panic!("{other:?}"),
            }
        }
        convert(&YamlLoader::load_from_str(text).unwrap()[0])
    }

    #[test]
    fn nested_maps_and_lists_are_laid_out_in_blocks() {
        let value = json!({"steps": [{"label": "a", "plugins": [{"docker#v1": {"image": "b:c"}}]}],
            "none": [], "empty": {}});

        assert_eq!(
            write(value),
            "steps:\n- label: a\n  plugins:\n  - docker#v1:\n      image: b:c\nnone: []\nempty: {}\n"
        );
    }

    #[test]
    fn strings_that_look_like_something_else_are_quoted() {
        for text in [
            "",
            "1",
            "0x10",
            "1e3",
            "12:30",
            "2001-01-01",
            "on",
            "No",
            "~",
            "null",
            "<<",
            "=",
            "- a",
            "a: b",
            "a #b",
            "a:",
            "a ",
            "#a",
            "{a}",
            "[a]",
            "*a",
            "&a",
            "!a",
            "%a",
            "@a",
            "`a`",
            "\"a\"",
            "?",
            ".inf",
            "a\nb",
        ] {
            let out = write(json!({ "key": text }));
            assert!(out.starts_with("key: \""), "{out}");
        }
        let command = "cargo test -- {skips} | grep \"x\" && true";
        let out = write(json!({ "key": command }));
        assert_eq!(out, format!("key: {command}\n"));
    }

    #[test]
    fn numbers_keep_their_kind() {
        let value = json!({"a": 1, "b": -2, "c": 1.5, "d": 1e300, "e": 1e-7, "f": true, "g": null});

        assert_eq!(read(&write(value.clone())), value);
        assert!(write(value).contains("d: 1.0e+300"));
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let text = prop_oneof![any::<String>(), "[ -~\n\t]{0,12}", "[a-z:# -]{0,6}"];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            text.clone().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 4, move |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::vec((text.clone(), inner), 0..4)
                    .prop_map(|pairs| pairs.into_iter().collect::<Map<_, _>>().into()),
            ]
        })
    }

    proptest! {
        #[test]
        fn whatever_is_written_is_read_back_the_same(value in any_value()) {
            let top = json!({ "top": value });

            prop_assert_eq!(read(&write(top.clone())), top);
        }
    }
}
