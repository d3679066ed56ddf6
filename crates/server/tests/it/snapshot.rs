//! Comparing JSON with what a file says it was. `UPDATE=1` writes the files anew.

use serde_json::Value;

use crate::client::beside;

/// Compares with `tests/<path>`.
pub fn assert_same(path: &str, value: &Value) {
    let file = beside(path);
    let text = serde_json::to_string_pretty(value).unwrap() + "\n";
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, &text).unwrap();
        return;
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(kept == text, "{path} is not what it was; UPDATE=1 writes it anew. Now:\n{text}");
}
