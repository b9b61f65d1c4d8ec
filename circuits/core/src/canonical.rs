//! Canonical JSON as in RFC 8785: sorted keys, no spaces, one spelling for one value. Our documents hold texts, whole
//! numbers below 2^53, lists and objects, whose keys are in the order of their UTF-16 code units.

use serde::Serialize;
use serde_json::Value;

use crate::error::Error;

/// The canonical bytes of `value`.
///
/// # Errors
/// [`Error::Malformed`] if the value has no JSON form.
pub fn to_bytes<T: Serialize>(value: &T) -> Result<Vec<u8>, Error> {
    let value = serde_json::to_value(value).map_err(|e| Error::Malformed(e.to_string()))?;
    let mut out = String::new();
    write(&value, &mut out);
    Ok(out.into_bytes())
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Object(map) => {
            let mut sorted: Vec<(&String, &Value)> = map.iter().collect();
            sorted.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
            out.push('{');
            for (i, (key, item)) in sorted.into_iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                out.push_str(&Value::String(key.clone()).to_string());
                out.push(':');
                write(item, out);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write(item, out);
            }
            out.push(']');
        }
        scalar => out.push_str(&scalar.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_are_sorted_and_nothing_stands_between() {
        let value = json!({"b": [1, {"z": "ü\n", "a": true}], "a": null, "B": "\""});
        let bytes = to_bytes(&value).unwrap();
        assert_eq!(String::from_utf8(bytes).unwrap(), r#"{"B":"\"","a":null,"b":[1,{"a":true,"z":"ü\n"}]}"#);
    }

    #[test]
    fn keys_outside_ascii_are_in_the_order_of_their_code_units() {
        // U+1F600 is above U+FB33, but its first code unit, D83D, is below
        let value = json!({"\u{fb33}": 1, "\u{1f600}": 2, "ö": 3, "o b": 4, "o": 5});
        let bytes = to_bytes(&value).unwrap();
        assert_eq!(String::from_utf8(bytes).unwrap(), "{\"o\":5,\"o b\":4,\"ö\":3,\"\u{1f600}\":2,\"\u{fb33}\":1}");
    }
}
