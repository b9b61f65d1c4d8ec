//! Canonical JSON as in RFC 8785: sorted keys, no spaces, one spelling for one value. Our documents hold texts, whole
//! numbers below 2^53, lists and objects with ASCII keys, where byte order is the order that RFC 8785 asks for.

use std::collections::BTreeMap;

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
            let sorted: BTreeMap<&String, &Value> = map.iter().collect();
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
}
